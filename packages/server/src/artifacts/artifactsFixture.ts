import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { migrate } from '@countersign/platform/database/migrate.ts'
import { outboxMigrations } from '@countersign/platform/outbox/migrations.ts'
import type { Submission, Verdict } from '@countersign/protocol/api/artifacts.ts'
import { artifactDigest } from '@countersign/protocol/bundle/artifactDigest.ts'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { verifyCertification } from '@countersign/protocol/decide/verifyCertification.ts'
import { fromHex } from '@countersign/protocol/json/base64.ts'
import { testPolicy } from '@countersign/protocol/policy/policyFixture.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { TEST_TIME } from '@countersign/protocol/x509/authorityFixture.ts'
import { certifyTestArtifact, validatorsOf } from '../../../../tests/vectors/bundle/certification.ts'
import { createTestInstance, signTestArtifact, type TestInstance } from '../../../../tests/vectors/bundle/fixture.ts'
import { createAuditTrail } from '../account/audit/auditTrail.ts'
import { accountMigrations } from '../account/migrations.ts'
import { MemoryAuditLog } from '../account/testAccount.ts'
import { logMigrations } from '../log/migrations.ts'
import { trustMigrations } from '../trust/migrations.ts'
import { openTrustFixture, type TrustFixture } from '../trust/trustFixture.ts'
import { openArtifactStore } from './artifactStore.ts'
import type { ArtifactsDeps, Person } from './artifactsDeps.ts'
import type { ArtifactsTables } from './artifactsTables.ts'
import type { CertificationBundles } from './checkCertification.ts'
import { artifactsError } from './errors.ts'
import { artifactsMigrations } from './migrations.ts'
import { putArtifact } from './putArtifact.ts'
import { reportSubmission } from './reportSubmission.ts'
import { submit } from './submit.ts'
import { Waiters } from './waiters.ts'

/** For tests: an empty place for artifacts, and an instance in memory whose bundles verify there. */
export interface ArtifactsFixture {
  readonly folder: string
  readonly deps: ArtifactsDeps
  readonly instance: TestInstance
  readonly clock: TrustFixture['clock']
  readonly auditLog: MemoryAuditLog
  /** The policy that counts; a test may set another. */
  policy: VerificationPolicy
  close(): Promise<void>
}

/** Whoever submits in tests. */
export const anna: Person = { issuer: 'https://sign.example.com/oidc', subject: 'anna' }
/** Somebody else. */
export const bert: Person = { issuer: 'https://sign.example.com/oidc', subject: 'bert' }

/** What a validator tells of something in which it found nothing. */
export const cleanVerdict: Verdict = {
  answer: 'clean',
  components: 1,
  findings: [],
  gaps: [],
  advisories: { asOf: '2026-11-20T06:00:00Z', records: 5, sample: true, state: 3 },
  protections: [],
}

/** For tests: the policy names the validators `embedded` and `lab`; a person's token is the person's name. */
export async function openArtifactsFixture(): Promise<ArtifactsFixture> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-artifacts-'))
  const place = await openTrustFixture(folder, TEST_TIME)
  const { database, clock } = place
  await migrate(database, [
    ...outboxMigrations,
    ...logMigrations,
    ...trustMigrations,
    ...accountMigrations,
    ...artifactsMigrations,
  ])
  const instance = createTestInstance()
  const auditLog = new MemoryAuditLog()
  const fixture: { policy: VerificationPolicy } = { policy: policyNaming(instance, ['embedded', 'lab']) }
  const deps: ArtifactsDeps = {
    facts: { ...place.facts, publicUrl: `https://${instance.host}` },
    clock,
    database,
    audit: await createAuditTrail({ log: auditLog, database, clock }),
    store: await openArtifactStore(join(folder, 'artifacts')),
    // The clock of the tests stands still; whoever waits here waits in earnest.
    waiters: new Waiters(systemClock),
    policy: async () => fixture.policy,
    trustedRoot: async () => instance.trustedRoot,
    verifyToken: async (name) => {
      if (name === 'forged') throw artifactsError('artifacts.token-missing', 'no such token')
      return {
        ...anna,
        subject: `opaque-${name}`,
        kind: 'email',
        san: { type: 'email', value: name },
        claims: { issuer: anna.issuer },
        challenges: [],
      }
    },
  }
  return Object.assign(fixture, {
    folder,
    deps,
    instance,
    clock,
    auditLog,
    async close() {
      await place.close()
      rmSync(folder, { recursive: true })
    },
  })
}

/** For tests: a policy that names these validators of the instance. */
export function policyNaming(instance: TestInstance, names: readonly string[]): VerificationPolicy {
  const issuer = validatorsOf(instance)
  const of = names.map((name) => ({ name, issuer, subject: `${issuer}/${name}` }))
  return testPolicy({ validators: { required: Math.min(1, of.length), of } })
}

/** Lower-case hex. */
export function hexSha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** For tests: the body of an upload. */
export async function* inPieces(...pieces: readonly (Uint8Array | string)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield typeof piece === 'string' ? new TextEncoder().encode(piece) : piece
}

/** An artifact on its way through a test. */
export interface SignedText {
  readonly artifact: Uint8Array
  readonly sha256: string
  readonly signature: string
}

/** For tests: `text` as an artifact, stored for anna and signed. */
export async function storeSigned({ deps, instance }: ArtifactsFixture, text: string): Promise<SignedText> {
  const artifact = new TextEncoder().encode(text)
  const sha256 = hexSha256(artifact)
  await putArtifact(deps, anna, { sha256, sizeBytes: artifact.length, pieces: inPieces(artifact) })
  return { artifact, sha256, signature: signTestArtifact(instance, { artifact }) }
}

/** For tests: `text` as a submission to one validator. */
export async function submitText(
  fixture: ArtifactsFixture,
  text: string,
  { validator = 'embedded', ...named }: { validator?: string; product?: string; version?: string } = {},
): Promise<SignedText & { submission: Submission }> {
  const signed = await storeSigned(fixture, text)
  const request = { ...signed, name: 'files.tar.gz', validators: [validator], ...named }
  const [submission] = await submit(fixture.deps, anna, request)
  if (submission === undefined) throw new Error('nothing was submitted')
  return { ...signed, submission }
}

/** Everything about a certification that a test may want otherwise. */
export type CertifyChanges = Parameters<typeof certifyTestArtifact>[1]

/** For tests: the three bundles of a certification of `signed`, by a validator that asked nobody for a number. */
export function certify(
  { instance }: ArtifactsFixture,
  { artifact, signature }: SignedText,
  changes: CertifyChanges = {},
): CertificationBundles {
  const claims = { signature: hexSha256(signature), ...changes.claims }
  return certifyTestArtifact(instance, { artifact, ...changes, claims })
}

/** For tests: the number of a certification as the issuing authority stored it when it gave it out. */
export async function giveNumber(
  { deps: { database }, instance }: ArtifactsFixture,
  { sha256 }: SignedText,
  { certification }: CertificationBundles,
  { validator = 'embedded' }: { validator?: string } = {},
): Promise<number> {
  const artifact = artifactDigest(fromHex(sha256, 'the digest'))
  const { certification: found } = verifyCertification(parseBundle(certification), artifact, instance.trustedRoot)
  if (found === undefined) throw new Error('the certification does not verify')
  const { authority, certificate, notAfter } = found
  const number = Number(found.number)
  const row = { id: number, authority, number, key_id: certificate.keyId, sha256, validator, ended_by: null }
  const validity = { not_before_ms: certificate.notBefore.getTime(), not_after_ms: notAfter.getTime() }
  await database.transaction<ArtifactsTables, void>('test', async (trx) => {
    await trx
      .insertInto('trust_certifications')
      .values({ ...row, ...validity })
      .execute()
  })
  return number
}

/** For tests: a certification ends, as a logged record leaves it. */
export async function endCertification({ deps: { database } }: ArtifactsFixture, number: number): Promise<void> {
  await database.transaction<ArtifactsTables, void>('test', async (trx) => {
    await trx.updateTable('trust_certifications').set({ ended_by: 1 }).where('number', '=', number).execute()
  })
}

/** For tests: submits `text`, decides on it, and certifies it under `number`. */
export async function certifyText(
  fixture: ArtifactsFixture,
  text: string,
  { validator = 'embedded', ...changes }: NonNullable<CertifyChanges> & { number: bigint },
): Promise<SignedText & { submission: Submission; bundles: CertificationBundles }> {
  const submitted = await submitText(fixture, text, { validator })
  const bundles = certify(fixture, submitted, { validator, ...changes })
  await giveNumber(fixture, submitted, bundles, { validator })
  const { id } = submitted.submission
  await decide(fixture, id, validator)
  const submission = await reportSubmission(fixture.deps, validator, id, { state: 'certified', ...bundles })
  return { ...submitted, submission, bundles }
}

/** For tests: the validator decided to certify. */
export function decide({ deps }: ArtifactsFixture, id: string, validator = 'embedded'): Promise<Submission> {
  const decision = { answer: 'certify' as const, reasons: [] }
  return reportSubmission(deps, validator, id, { state: 'decided', verdict: cleanVerdict, decision })
}
