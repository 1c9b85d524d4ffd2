import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { runWithDeviceFlow } from '../support/logIn.ts'
import { PageVisitor } from '../support/pageVisitor.ts'
import { redeemInvitation } from '../support/people.ts'
import { countersign } from '../support/programs.ts'
import { mustRun, runProgram } from '../support/runProgram.ts'
import { type Instance, startInstance } from '../support/startInstance.ts'

const json = process.argv.includes('--json')
const keep = process.argv.includes('--keep')

interface Verified {
  readonly answer: string
  readonly checks: readonly {
    readonly name: string
    readonly result: string
    readonly code?: string
    readonly detail: string
  }[]
}

interface Step {
  readonly name: string
  readonly ms: number
}

const steps: Step[] = []

async function step<Result>(
  name: string,
  what: string,
  work: () => Promise<Result>,
  proof: (result: Result) => string[],
) {
  const start = performance.now()
  const result = await work()
  const ms = Math.round(performance.now() - start)
  steps.push({ name, ms })
  if (!json) {
    console.log(`${String(steps.length).padStart(2)} ${name.padEnd(12)} ${`${ms} ms`.padStart(9)}   ${what}`)
    for (const line of proof(result)) console.log(`${' '.repeat(28)}${line}`)
  }
  return result
}

async function demo(folder: string): Promise<Record<string, unknown>> {
  const home = path.join(folder, 'home')
  mkdirSync(home, { recursive: true })
  const env = { HOME: home, XDG_CONFIG_HOME: path.join(home, '.config'), APPDATA: home }
  const run = (...command: string[]) => mustRun([...countersign, ...command], { env })
  const dataFolder = path.join(folder, 'instance')

  const instance = await step(
    'instance',
    'countersign-server serve: two roots, five issuing CAs, four logs, TSA, issuer, TUF',
    () => startInstance({ dataFolder, arguments: ['--first-person', 'dev@example.org'] }),
    (started) => [started.publicUrl, `data in ${dataFolder}`],
  )
  try {
    return await journey(instance, { env, folder, run })
  } finally {
    if (keep) console.log(`The instance goes on at ${instance.publicUrl}; stop it with: kill ${instance.process.pid}`)
    else await instance.stop()
  }
}

async function journey(
  instance: Instance,
  {
    env,
    folder,
    run,
  }: { env: Record<string, string>; folder: string; run(...command: string[]): Promise<{ stdout: string }> },
): Promise<Record<string, unknown>> {
  const { ticket } = await step(
    'trust',
    'countersign trust add <ticket>: nothing is trusted on first sight',
    async () => {
      const made = await instance.admin<{ ticket: string }>('ticket')
      await run('trust', 'add', made.ticket)
      return made
    },
    () => ['the ticket carries the SHA-256 of the first TUF root; everything else is verified from it'],
  )
  const anchors = await openAnchors(undefined, path.join(env.XDG_CONFIG_HOME ?? '', 'countersign'))
  const browser = new PageVisitor(Buffer.from(anchors.target('device_root.pem')).toString('utf8'))
  await step(
    'login',
    'countersign login: the invitation is redeemed and the code confirmed by plain form posts',
    async () => {
      if (!instance.invitation) throw new Error('the first serve printed no invitation')
      await redeemInvitation(browser, instance.invitation)
      await runWithDeviceFlow([...countersign, 'login'], browser, env)
    },
    () => [`${instance.invitation?.email}; only \`openid email\` is asked`],
  )
  const artifact = path.join(folder, 'release-1.0.0.tar.gz')
  writeFileSync(artifact, createHash('sha512').update(ticket).digest())
  const signed = await step(
    'sign',
    'countersign sign: fresh key, certificate, timestamp, log entry',
    async () => JSON.parse((await run('sign', artifact, '--yes', '--json')).stdout) as Record<string, unknown>,
    () => [`${artifact}.sigstore.json`],
  )
  await step(
    'log',
    'countersign log audit --full: every log read and hashed again',
    () => run('log', 'audit', '--full'),
    () => ['no log contradicts what this machine has seen'],
  )
  const verified = await step(
    'verify',
    'countersign verify: may this be trusted?',
    async () => JSON.parse((await run('verify', artifact, '--json')).stdout) as Verified,
    (outcome) => [
      `${outcome.answer}: ${outcome.checks.filter(({ result }) => result === 'passed').length} of ${outcome.checks.length} checks passed`,
      ...outcome.checks.filter(({ name }) => name === 'certification').map(({ detail }) => detail),
    ],
  )
  const tampered = await step(
    'tamper',
    'the same after one byte changed',
    () => verifyTampered(artifact, env),
    (outcome) => [`${outcome.answer}: ${outcome.checks.find(({ result }) => result === 'failed')?.code}`],
  )
  if (verified.answer !== 'yes' || tampered.answer !== 'no') throw new Error('the demo did not go as it should')
  return { steps, signed, verified: verified.answer, tampered: tampered.answer, publicUrl: instance.publicUrl }
}

async function verifyTampered(artifact: string, env: Record<string, string>): Promise<Verified> {
  const bytes = readFileSync(artifact)
  const copy = `${artifact}.tampered`
  writeFileSync(copy, bytes.with(0, (bytes[0] ?? 0) ^ 1))
  const command = [...countersign, 'verify', copy, '--bundle', `${artifact}.sigstore.json`, '--json']
  const run = await runProgram(command, { env })
  return JSON.parse(run.stdout) as Verified
}

/**
 * The main job from an empty folder, as a person would do it, each step with its time and what proves it.
 * `--json` ends with one object; `--keep` leaves the instance running and its files in place.
 */
export async function runDemo(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'countersign-demo-'))
  const result = await demo(folder).finally(() => {
    if (!keep) rmSync(folder, { recursive: true, force: true })
  })
  if (json) console.log(JSON.stringify(result))
  else console.log('signed, logged, verified. Certification (the validator’s countersignature) follows.')
}
