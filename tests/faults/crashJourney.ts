import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { tlsTrust } from '@countersign/local/anchors/trustedRequest.ts'
import { call } from '@countersign/local/calls/call.ts'
import { upload } from '@countersign/local/calls/transfer.ts'
import { getPolicyRoute, setPolicyRoute } from '@countersign/protocol/api/admin.ts'
import {
  getSubmissionRoute,
  putArtifactRoute,
  type Submission,
  submitRoute,
} from '@countersign/protocol/api/artifacts.ts'
import { publishReleaseRoute } from '@countersign/protocol/api/devices.ts'
import { sha256 } from '@countersign/protocol/log/merkle.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import {
  decideSubmissionRoute,
  getCertificationPolicyRoute,
  importAdvisoriesRoute,
  listHeldRoute,
  listSubmissionsRoute,
  setCertificationPolicyRoute,
  settleHeldRoute,
} from 'countersign-validator/compose/adminRoutes.ts'
import { countersign } from '../support/programs.ts'
import { mustRun } from '../support/runProgram.ts'
import type { Crew } from './crashCrew.ts'
import { change, type Person, signIn, welcomePerson } from './crashOperations.ts'
import { type Packed, packProduct, writeAdvisory, writeKnownExploited } from './crashProduct.ts'
import { runsOnly } from './crashRuns.ts'

/** Reaches what the round certifies, or nothing. */
const reaching = '1.15.4'
const clear = '1.0.0'

/** Several deaths may come in between, on processors that others use as well. */
const withinMs = 300_000
const lookEveryMs = 50

/** Good for minutes, but a kill may take some of them. */
const tokenMs = 30_000

/** Signs with an identity, and hands over. */
export class Developer {
  /** Where products are packed. */
  readonly folder: string
  readonly #crew: Crew
  readonly #person: Person
  #token: { readonly askedMs: number; readonly text: Promise<string> } | undefined

  /** A new member of the instance, by invitation. */
  static async invite(crew: Crew): Promise<Developer> {
    return new Developer(crew, await crew.persist(() => welcomePerson(crew.client)))
  }

  private constructor(crew: Crew, person: Person) {
    this.#crew = crew
    this.#person = person
    this.folder = path.join(crew.site.folder, 'product')
  }

  /** An identity token. One sign-in serves everybody who asks soon after, because one browser confirms one code at a time. */
  async token(): Promise<string> {
    const now = performance.now()
    if (this.#token === undefined || now - this.#token.askedMs > tokenMs) {
      this.#token = { askedMs: now, text: signIn(this.#crew.client, this.#person) }
    }
    try {
      return await this.#token.text
    } catch (error) {
      this.#token = undefined
      throw error
    }
  }
}

/** Signs archives as the command line does it, each beside its file. */
export async function signAll(crew: Crew, developer: Developer, archives: readonly string[]): Promise<void> {
  const tokenFile = path.join(crew.site.folder, 'token')
  await crew.persist(async () => {
    writeFileSync(tokenFile, await developer.token(), { mode: 0o600 })
    const env = { XDG_CONFIG_HOME: path.dirname(crew.site.clientFolder) }
    await mustRun([...countersign, 'sign', ...archives, '--token-file', tokenFile, '--yes'], { env })
  })
}

/** Hands an artifact over and waits until it is `outcome`. Resolves with the submission. */
export async function submit(
  crew: Crew,
  developer: Developer,
  { archive, sha256: digest, version }: Packed,
  { as = version, outcome }: { as?: string; outcome: 'certified' | 'failed' | 'asked' },
): Promise<Submission> {
  const body = {
    sha256: digest,
    name: path.basename(archive),
    signature: readFileSync(`${archive}.sigstore.json`, 'utf8'),
    product: 'files',
    version: as,
  }
  const first = await asking(crew, developer, async (target, token) => {
    await upload(target, putArtifactRoute, { params: { sha256: digest }, token }, archive)
    const [made] = (await call(target, submitRoute, { body, token })).submissions
    if (made === undefined) throw new Error('nobody took the submission')
    return made
  })
  crew.journal.write({ what: 'done', fact: `submission ${first.id}`, value: 'submitted' })
  // One that waits for the operator has not ended yet.
  if (outcome === 'asked') return follow(crew, developer, first, outcome)
  return change(crew, `submission ${first.id}`, outcome, () => follow(crew, developer, first, outcome))
}

/** Hands an artifact over under a policy that asks about what was found, and says yes to it. */
async function submitAsked(crew: Crew, developer: Developer, asked: Packed): Promise<void> {
  await ruleOnLow(crew, 'ask')
  const waiting = await submit(crew, developer, asked, { outcome: 'asked' })
  await change(crew, `submission ${waiting.id}`, 'certified', async () => {
    await crew.persist(() => decide(crew, waiting.id))
    await follow(crew, developer, waiting, 'certified')
  })
  await ruleOnLow(crew, 'certify')
}

/** What the policy does of findings that are not bad. */
async function ruleOnLow(crew: Crew, low: 'ask' | 'certify'): Promise<void> {
  const { policy } = await crew.validatorAdmin(getCertificationPolicyRoute)
  const { findings } = JSON.parse(policy) as { findings: Readonly<Record<string, string>> }
  await changeCertificationPolicy(crew, { findings: { ...findings, low } })
}

/** One that does not wait any more was decided before the answer could come. */
async function decide(crew: Crew, id: string): Promise<void> {
  const { submissions } = await crew.validatorAdmin(listSubmissionsRoute)
  if (submissions.find((one) => one.id === id)?.stage !== 'asked') return
  const body = { does: 'certify', by: 'operator', why: 'does not matter here' } as const
  await crew.validatorAdmin(decideSubmissionRoute, { params: { id }, body })
}

async function follow(crew: Crew, developer: Developer, first: Submission, outcome: string): Promise<Submission> {
  const deadline = Date.now() + withinMs
  for (let seen = first; ; ) {
    if (seen.state === outcome) return seen
    const isOver = ['certified', 'refused', 'failed'].includes(seen.state)
    if (isOver || Date.now() > deadline) {
      throw new Error(`${seen.name} is not ${outcome}: ${JSON.stringify(seen)}\n${crew.output()}`)
    }
    const query = { after: String(seen.revision), waitMs: '2000' }
    seen = await asking(crew, developer, (target, token) =>
      call(target, getSubmissionRoute, { params: { id: first.id }, query, token }),
    )
  }
}

type Target = Parameters<typeof upload>[0]

/** Asks the instance as a developer, with an identity that is fresh. */
export function asking<Answer>(
  crew: Crew,
  developer: Developer,
  work: (target: Target, token: string) => Promise<Answer>,
): Promise<Answer> {
  return crew.persist(async () => {
    const { anchors, url } = crew.client
    return work({ url, trust: tlsTrust(anchors) }, await developer.token())
  })
}

/** Releases a certified artifact, and notes which number it got. */
export async function publish(crew: Crew, { sha256: digest }: Packed): Promise<void> {
  const { product, channel, counter } = await crew.admin(publishReleaseRoute, { body: { sha256: digest } })
  crew.journal.write({ what: 'done', fact: `release ${product}/${channel}/${counter}`, value: digest })
}

/** Imports the advisory with another reach. */
export async function advise(crew: Crew, fixed: string, severity: 'LOW' | 'HIGH' = 'HIGH'): Promise<void> {
  const folder = path.join(crew.site.folder, 'advisory', randomBytes(4).toString('hex'))
  await importAdvisories(crew, writeAdvisory(folder, { fixed, severity }))
}

/** Imports what a folder holds; the answer comes once what it ends is with the instance, or after half a minute. */
export async function importAdvisories(crew: Crew, source: string): Promise<void> {
  await crew.validatorAdmin(importAdvisoriesRoute, { body: { source }, timeoutMs: 60_000 })
}

/** Waits until the instance acts on the end of every certification of these artifacts. */
export async function untilEnded(crew: Crew, ...ended: readonly Packed[]): Promise<void> {
  for (const { sha256: digest, version } of ended) {
    const sql = `SELECT number, ended_by FROM trust_certifications WHERE sha256 = '${digest}'`
    await until(crew, `${version} has ended`, () => {
      const rows = serverRows<{ number: number; ended_by: number | null }>(crew, sql)
      return rows.length > 0 && rows.every((row) => row.ended_by !== null)
    })
    for (const { number } of serverRows<{ number: number }>(crew, sql)) {
      crew.journal.write({ what: 'done', fact: `certification ${number}`, value: 'ended' })
    }
  }
}

/** Waits until something is so. Rejects with what everybody said last where it does not come about. */
export async function until(crew: Crew, what: string, isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + withinMs
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`it did not come about that ${what}\n${crew.output()}`)
    await sleep(lookEveryMs)
  }
}

function serverRows<Row>({ site }: Crew, sql: string): Row[] {
  return rowsOf<Row>(path.join(site.dataFolder, 'database', 'countersign.sqlite'), sql)
}

function validatorRows<Row>({ site }: Crew, sql: string): Row[] {
  return rowsOf<Row>(path.join(site.validatorFolder, 'database', 'validator.sqlite'), sql)
}

function rowsOf<Row>(file: string, sql: string): Row[] {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    return database.prepare(sql).all() as Row[]
  } finally {
    database.close()
  }
}

/** Distributes the policy with changes. */
export async function changeDistributed(
  crew: Crew,
  edit: (policy: VerificationPolicy) => VerificationPolicy,
): Promise<void> {
  const { policy } = await crew.admin(getPolicyRoute)
  const text = JSON.stringify(edit(JSON.parse(policy) as VerificationPolicy))
  const digest = sha256(Buffer.from(text)).toHex()
  await change(crew, 'policy', digest, () => crew.admin(setPolicyRoute, { body: { policy: text } }))
}

/** Puts a certification policy with changes in force. */
export async function changeCertificationPolicy(crew: Crew, changes: Readonly<Record<string, unknown>>): Promise<void> {
  const { policy } = await crew.validatorAdmin(getCertificationPolicyRoute)
  const text = JSON.stringify({ ...JSON.parse(policy), ...changes })
  await crew.validatorAdmin(setCertificationPolicyRoute, { body: { policy: text } })
}

/** What a round certifies, and what ran before and runs again afterwards. */
export interface RoundProducts {
  readonly base: Pick<Packed, 'version' | 'sha256'>
  readonly released: Packed
  readonly beside: Packed
  readonly doomed: Packed
  readonly waiting: Packed
}

/** Packs and signs what the round after `base` needs. */
export async function prepareRound(
  crew: Crew,
  developer: Developer,
  base: RoundProducts['base'],
  round: number,
): Promise<RoundProducts> {
  const pack = (patch: number) => packProduct(developer.folder, `1.${round}.${patch}`, '1.15.3')
  const [released, beside, doomed, waiting] = [await pack(1), await pack(2), await pack(3), await pack(4)]
  await signAll(
    crew,
    developer,
    [released, beside, doomed, waiting].map(({ archive }) => archive),
  )
  return { base, released, beside, doomed, waiting }
}

/**
 * The whole way, and what can go otherwise on it: refused, certified with an accepted finding, released, run; an advisory that
 * is held, thrown away and comes again, ends, and sends the device back; one that arrives between intent and number.
 */
export async function playRound(crew: Crew, developer: Developer, products: RoundProducts): Promise<void> {
  const { base, released, beside, doomed } = products
  await adviseTwice(crew)
  await submit(crew, developer, released, { as: '9.9.9', outcome: 'failed' })
  await submit(crew, developer, released, { outcome: 'certified' })
  await submitAsked(crew, developer, beside)
  await publish(crew, released)
  await crew.agent.bounce()
  await runsOnly(crew, released)
  await holdOnce(crew)
  await advise(crew, reaching)
  await untilEnded(crew, released, beside)
  await runsOnly(crew, base)
  await advise(crew, clear)
  await doom(crew, developer, doomed)
}

/** What the policy accepts, and the same again, which changes nothing; and what is known to be exploited. */
async function adviseTwice(crew: Crew): Promise<void> {
  const source = writeAdvisory(path.join(crew.site.folder, 'advisory', 'low'), { fixed: reaching, severity: 'LOW' })
  await importAdvisories(crew, source)
  await importAdvisories(crew, source)
  await importAdvisories(crew, writeKnownExploited(path.join(source, '..', 'exploited.json')))
}

/** A change that would end too much waits, and is thrown away. Said again it is the same change, known already. */
async function holdOnce(crew: Crew): Promise<void> {
  await changeCertificationPolicy(crew, { maxEndedByOneChange: 1 })
  await advise(crew, reaching)
  for (const { id } of (await crew.validatorAdmin(listHeldRoute)).held) {
    await crew.persist(() => discard(crew, id))
  }
  await changeCertificationPolicy(crew, { maxEndedByOneChange: 1000 })
}

/** One that is gone was thrown away before the answer could come. */
async function discard(crew: Crew, id: string): Promise<void> {
  const { held } = await crew.validatorAdmin(listHeldRoute)
  if (held.every((one) => one.id !== id)) return
  await crew.validatorAdmin(settleHeldRoute, { params: { id }, body: { do: 'discard' } })
}

/** The server is dead from when it is asked for a number until the advisory that reaches it is known here. */
async function doom(crew: Crew, developer: Developer, doomed: Packed): Promise<void> {
  let imported: Promise<unknown> = Promise.resolve()
  const dying = crew.server.deadAt({ point: 'trust.certificate-intent:before', passing: 1 }, async () => {
    imported = advise(crew, reaching)
    imported.catch(() => {})
    const sql = `SELECT state FROM certify_certifications WHERE sha256 = '${doomed.sha256}'`
    await until(crew, `${doomed.version} is doomed`, () =>
      validatorRows<{ state: string }>(crew, sql).some(({ state }) => state === 'doomed'),
    )
  })
  await Promise.all([dying, submit(crew, developer, doomed, { outcome: 'failed' })])
  await imported
  await untilEnded(crew, doomed)
  await advise(crew, clear)
}
