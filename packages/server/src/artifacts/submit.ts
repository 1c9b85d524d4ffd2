import { createHash, randomBytes } from 'node:crypto'
import type { Submission } from '@countersign/protocol/api/artifacts.ts'
import { artifactDigest } from '@countersign/protocol/bundle/artifactDigest.ts'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { digestAlgorithm, verifyBundle } from '@countersign/protocol/bundle/verifyBundle.ts'
import { fromHex } from '@countersign/protocol/json/base64.ts'
import type { HashName } from '@countersign/protocol/log/keyDetails.ts'
import type { Kysely } from 'kysely'
import { validatorsUrl } from '../trust/facts.ts'
import type { ArtifactsDeps, Person } from './artifactsDeps.ts'
import type { ArtifactsTables } from './artifactsTables.ts'
import { artifactsError } from './errors.ts'
import { describeSubmission, type StoredSubmission, workKey } from './submissionStore.ts'

/** Open submissions of one person. */
export const MAX_OPEN_SUBMISSIONS = 200

/** What is to be certified, by whom. */
export interface SubmissionRequest {
  /** Of a stored artifact, lower-case hex. */
  readonly sha256: string
  readonly name: string
  /** The text of the signature bundle. */
  readonly signature: string
  readonly product?: string | undefined
  readonly version?: string | undefined
  /** Default: every validator of this instance that the verification policy names. */
  readonly validators?: readonly string[] | undefined
}

/**
 * Puts a signed artifact into the mailboxes of validators. The signature must verify for these bytes, whoever made it. What
 * this person submitted before in the same form is not submitted again. Durable when this resolves, and the validators know.
 * Throws `artifacts.unknown-artifact`, `artifacts.signature-wrong`, `artifacts.validator-unknown`, `artifacts.no-validator`,
 * `artifacts.too-many-open`, and `bundle.*` for what is no bundle.
 */
export async function submit(deps: ArtifactsDeps, person: Person, request: SubmissionRequest): Promise<Submission[]> {
  const sizeBytes = await deps.store.statArtifact(request.sha256)
  if (sizeBytes === undefined) throw artifactsError('artifacts.unknown-artifact', 'the artifact is not stored here')
  const validators = await chooseValidators(deps, request.validators)
  await requireSignature(deps, request)
  const signatureSha256 = await deps.store.putBundle(request.signature)
  const rows = await deps.database.transaction<ArtifactsTables, StoredSubmission[]>(
    'artifacts.submission',
    async (trx) => {
      await requireStored(trx, request.sha256)
      const mails = validators.map((validator) => ({ request, person, signatureSha256, sizeBytes, validator }))
      const same: (StoredSubmission | undefined)[] = []
      for (const mail of mails) same.push(await findSame(deps, trx, mail))
      await requireRoom(trx, person, same.filter((row) => row === undefined).length)
      const found: StoredSubmission[] = []
      for (const [at, mail] of mails.entries()) found.push(same[at] ?? (await insert(deps, trx, mail)))
      return found
    },
  )
  for (const { validator } of rows) deps.waiters.wake(workKey(validator))
  return rows.map(describeSubmission)
}

/** What `removeUnsubmitted` took away since this began cannot be submitted; from the first submission on it stays. */
async function requireStored(trx: Kysely<ArtifactsTables>, sha256: string): Promise<void> {
  const row = await trx.selectFrom('artifacts_stored').select('sha256').where('sha256', '=', sha256).executeTakeFirst()
  if (row === undefined) throw artifactsError('artifacts.unknown-artifact', 'the artifact is not stored here any more')
}

/** `wanted` counts new submissions only: what is there already may be asked for again. */
async function requireRoom(trx: Kysely<ArtifactsTables>, person: Person, wanted: number): Promise<void> {
  const { open } = await trx
    .selectFrom('artifacts_submissions')
    .select((select) => select.fn.countAll<number>().as('open'))
    .where('issuer', '=', person.issuer)
    .where('subject', '=', person.subject)
    .where('open', '=', 1)
    .executeTakeFirstOrThrow()
  if (open + wanted > MAX_OPEN_SUBMISSIONS) {
    throw artifactsError('artifacts.too-many-open', `${open} submissions are open`)
  }
}

interface Mail {
  readonly request: SubmissionRequest
  readonly person: Person
  readonly signatureSha256: string
  readonly sizeBytes: number
  readonly validator: string
}

/** The same submission, unless nothing can come of it any more: refused, failed, or its certification is over. */
async function findSame(
  { clock }: ArtifactsDeps,
  trx: Kysely<ArtifactsTables>,
  { request, person, signatureSha256, validator }: Mail,
): Promise<StoredSubmission | undefined> {
  const row = await trx
    .selectFrom('artifacts_submissions')
    .selectAll()
    .where('sha256', '=', request.sha256)
    .where('validator', '=', validator)
    .where('signature_sha256', '=', signatureSha256)
    .where('issuer', '=', person.issuer)
    .where('subject', '=', person.subject)
    .where('state', 'not in', ['refused', 'failed'])
    .orderBy('seq', 'desc')
    .executeTakeFirst()
  if (row?.state !== 'certified') return row
  const active = await trx
    .selectFrom('trust_certifications')
    .select('number')
    .where('sha256', '=', row.sha256)
    .where('validator', '=', validator)
    .where('number', '=', Number(row.certification_number))
    .where('ended_by', 'is', null)
    .where('not_after_ms', '>=', clock.now().getTime())
    .executeTakeFirst()
  return active && row
}

function insert(
  { clock }: ArtifactsDeps,
  trx: Kysely<ArtifactsTables>,
  { request, person, signatureSha256, sizeBytes, validator }: Mail,
): Promise<StoredSubmission> {
  return trx
    .insertInto('artifacts_submissions')
    .values({
      id: randomBytes(16).toString('hex'),
      sha256: request.sha256,
      size_bytes: sizeBytes,
      name: request.name,
      signature_sha256: signatureSha256,
      product: request.product ?? null,
      version: request.version ?? null,
      validator,
      issuer: person.issuer,
      subject: person.subject,
      submitted_ms: clock.now().getTime(),
      state: 'waiting',
      open: 1,
      verdict: null,
      decision: null,
      failure: null,
      certification_number: null,
      revision: 0,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
}

async function chooseValidators(
  { facts, policy }: ArtifactsDeps,
  wanted: readonly string[] | undefined,
): Promise<readonly string[]> {
  const { validators } = await policy()
  const own = validators.of.filter(({ issuer }) => issuer === validatorsUrl(facts)).map(({ name }) => name)
  if (wanted === undefined) {
    if (own.length === 0) throw artifactsError('artifacts.no-validator', 'no validator of this instance is named')
    return own
  }
  const unknown = wanted.find((name) => !own.includes(name))
  if (unknown !== undefined) throw artifactsError('artifacts.validator-unknown', `no validator is called ${unknown}`)
  return [...new Set(wanted)]
}

async function requireSignature(deps: ArtifactsDeps, { sha256, signature }: SubmissionRequest): Promise<void> {
  const bundle = parseBundle(signature)
  const algorithm = digestAlgorithm(bundle)
  const digest = algorithm === 'sha256' ? fromHex(sha256, 'the digest') : await digestOf(deps, sha256, algorithm)
  const { checks, verified } = verifyBundle(bundle, artifactDigest(digest), await deps.trustedRoot())
  const failed = checks.find(({ result }) => result === 'failed')
  if (verified === undefined) {
    throw artifactsError('artifacts.signature-wrong', `${failed?.name}: ${failed?.detail} (${failed?.code})`)
  }
  if (verified.authority.certifies) {
    throw artifactsError('artifacts.signature-wrong', 'this is a certification, not the signature of a developer')
  }
}

/** Larger keys sign longer digests. */
async function digestOf({ store }: ArtifactsDeps, sha256: string, algorithm: HashName): Promise<Uint8Array> {
  const hash = createHash(algorithm)
  for await (const piece of store.readArtifact(sha256)) hash.update(piece)
  return new Uint8Array(hash.digest())
}
