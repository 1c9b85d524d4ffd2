import { generateKeyPairSync, hash, sign } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { Database } from '@countersign/platform/database/database.ts'
import { migrate } from '@countersign/platform/database/migrate.ts'
import type { SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { outboxMigrations } from '@countersign/platform/outbox/migrations.ts'
import { Outbox } from '@countersign/platform/outbox/outbox.ts'
import { createLogger } from '@countersign/platform/telemetry/logger.ts'
import { decodeBase64, encodeBase64, toHex } from '@countersign/protocol/json/base64.ts'
import { defaultCertificationPolicy } from '@countersign/protocol/policy/certificationPolicy.ts'
import { parseRevocationLeaf } from '@countersign/protocol/revocation/envelope.ts'
import type { Catalogue } from '@countersign/protocol/sbom/catalogue.ts'
import {
  identifierExtensions,
  makeTestRoot,
  signTestCertificate,
  TEST_TIME,
  testDay,
} from '@countersign/protocol/x509/authorityFixture.ts'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
import { advisoriesMigrations } from '../advisories/advisoriesTables.ts'
import { type Advisories, openAdvisories } from '../advisories/openAdvisories.ts'
import type { Authority, FindingsReport, SubmissionReport } from '../certify/authority.ts'
import type { CertifyDeps } from '../certify/certifyDeps.ts'
import { CertifyStore, type StoredSubmission } from '../certify/certifyStore.ts'
import { judgeCatalogue } from '../certify/judge.ts'
import { certifyMigrations } from '../certify/migrations.ts'
import { CERTIFICATION_ACTIVE, CERTIFICATION_DOOMED, type FlowDeps, handleEvents } from '../flow.ts'
import { FollowedChanges } from './followedChanges.ts'
import { watchMigrations } from './migrations.ts'
import type { WatchDeps } from './watchDeps.ts'
import { refuseMuch, WatchedCertifications } from './watchedCertifications.ts'

/** One call of the instance as the validator made it. */
export type Step = 'issue' | 'stamp' | 'log' | 'report' | 'addRevocation'

/** An instance in memory: gives out numbers, keeps what it was told. */
export interface TestInstance {
  readonly authority: Authority
  /** Numbers by key id. */
  readonly issued: Map<string, string>
  /** Numbers that a logged record ends. */
  readonly ended: Set<string>
  readonly reports: { id: string; report: SubmissionReport }[]
  readonly findings: FindingsReport[]
  /** Called before and after each call; a test delivers advisories here, or throws as a crash would. */
  hold: (step: Step, when: 'before' | 'after') => Promise<void>
}

/** A validator without its edges: real database, advisories, matching, certifying and watching. */
export interface TestValidator {
  readonly certifying: CertifyDeps
  readonly watch: WatchDeps
  readonly advisories: Advisories
  /** Imports a folder of these records, which is what makes data new; waits until nothing waits. */
  importWhole(records: readonly Uint8Array[]): Promise<void>
  /** Waits until no event waits. */
  settled(): Promise<void>
  close(): Promise<void>
}

const issuer = makeTestRoot('certifications')

/** The instance that the tests talk to. */
export function testInstance(): TestInstance {
  const issued = new Map<string, string>()
  const certificates = new Map<string, string>()
  const instance: TestInstance = {
    issued,
    ended: new Set(),
    reports: [],
    findings: [],
    hold: async () => {},
    authority: undefined as unknown as Authority,
  }
  const held = async <T>(step: Step, work: () => T): Promise<T> => {
    await instance.hold(step, 'before')
    const value = work()
    await instance.hold(step, 'after')
    return value
  }
  const authority: Authority = {
    listWork: async () => [],
    download: async () => {},
    report: (id, report) => held('report', () => void instance.reports.push({ id, report })),
    issue: ({ publicKey }) =>
      held('issue', () => {
        const number = issued.get(publicKey) ?? String(issued.size + 1)
        issued.set(publicKey, number)
        const spki = decodeBase64(publicKey, 'key')
        const times = { notBefore: TEST_TIME, notAfter: testDay(90) }
        const pem =
          certificates.get(publicKey) ??
          toPem(signTestCertificate({ spki, ...times, extensions: identifierExtensions(spki, issuer) }, issuer).raw)
        certificates.set(publicKey, pem)
        return { authority: 'a'.repeat(64), number, certificates: [pem] }
      }),
    stamp: () => held('stamp', () => new Uint8Array([1, 2, 3])),
    log: (digest) => held('log', () => testEntry(digest)),
    putRevokerKey: async () => ({ name: 'lab', keyId: 'b'.repeat(64), authority: 'a'.repeat(64) }),
    addRevocation: ({ envelope }) =>
      held('addRevocation', () => {
        const { record } = parseRevocationLeaf(Buffer.from(envelope))
        if (record.scope === 'certifications' && record.effect === 'ended') {
          for (const number of record.numbers) instance.ended.add(String(number))
        }
        const reach = { certifications: 1, activeCertifications: 1, devices: 0, groups: [], above: [] }
        return { state: 'logged' as const, record: String(instance.ended.size), reach }
      }),
    reportFindings: async (report) => void instance.findings.push(report),
    putStatus: async () => {},
  }
  return Object.assign(instance, { authority })
}

/** Opens a validator on `folder`; with the same folder again it is the same validator after a restart. */
export async function openTestValidator(folder: string, instance: TestInstance): Promise<TestValidator> {
  const logger = createLogger({ level: 'silent', name: 'test' })
  const database = Database.openFile(join(folder, 'test.sqlite'))
  await migrate(database, [...outboxMigrations, ...advisoriesMigrations, ...certifyMigrations, ...watchMigrations])
  const clock = systemClock
  const outbox = new Outbox({ database, clock, logger })
  const advisories = await openAdvisories({ database, outbox, clock, logger, environment: 'development' })
  const store = new CertifyStore({ database, clock })
  const watched = await WatchedCertifications.open(store)
  const policy = () => ({ policy: defaultCertificationPolicy(), sha256: 'c'.repeat(64) })
  advisories.guard((changed) => refuseMuch(watched, changed, policy().policy.maxEndedByOneChange))
  const common = { database, store, clock, logger, authority: instance.authority, advisories, policy }
  const followed = new FollowedChanges()
  const watch: WatchDeps = { ...common, outbox, watched, followed, revokerKey: testKey() }
  const subject = 'https://sign.example.org/validators/lab'
  const certifying: CertifyDeps = {
    ...common,
    artifactsFolder: join(folder, 'artifacts'),
    identity: { name: 'lab', subject, environment: 'development' },
    trust: undefined as unknown as CertifyDeps['trust'],
    index: watched,
    scannerVersion: '1',
    inspect: async () => assert(false),
    writeBom: async () => Buffer.from('{"bomFormat":"CycloneDX","specVersion":"1.6"}'),
    verify: async () => {},
    revokeDoomed: (trx, certification) => outbox.emit(trx, { kind: CERTIFICATION_DOOMED, payload: { certification } }),
    certified: (trx, certification) => outbox.emit(trx, { kind: CERTIFICATION_ACTIVE, payload: { certification } }),
  }
  handleEvents(outbox, { watch, putStatus: async () => {} } as Pick<FlowDeps, 'watch' | 'putStatus'>)
  outbox.start()
  const settled = async () => {
    for (let tries = 0; tries < 2000; tries++) {
      const waiting = (await outbox.status()).reduce((sum, one) => sum + one.waiting, 0)
      if (waiting === 0) return
      await clock.sleep(2)
    }
    throw new Error('events wait and wait')
  }
  return {
    certifying,
    watch,
    advisories,
    async importWhole(records) {
      const feed = join(folder, 'feed')
      await mkdir(feed, { recursive: true })
      for (const bytes of records) {
        const { id } = JSON.parse(Buffer.from(bytes).toString()) as { id: string }
        await writeFile(join(feed, `${id}.json`), bytes)
      }
      await advisories.importFrom(feed)
      await settled()
    },
    settled,
    async close() {
      await outbox.stop()
      await database.close()
    },
  }
}

/** A folder for one test, removed by the function that comes with it. */
export async function testFolder(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-watch-'))
  return { folder, remove: () => rm(folder, { recursive: true }) }
}

/** An OSV record about one npm package. */
export function testAdvisory(id: string, name: string, fixed: string, more: object = {}): Uint8Array {
  const ranges = [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed }] }]
  const affected = [{ package: { ecosystem: 'npm', name }, ranges }]
  const severity = { database_specific: { severity: 'HIGH' } }
  const record = { schema_version: '1.6.0', id, modified: new Date().toISOString(), affected, ...severity, ...more }
  return Buffer.from(JSON.stringify(record))
}

/** A catalogue of one npm package. */
export function testCatalogue(sha256: string, name: string, version: string): Catalogue {
  const purl = `pkg:npm/${name}@${version}`
  const component = { id: `node_modules/${name}`, purl, ecosystem: 'npm', name, version }
  return {
    v: 1,
    artifact: { sha256, sizeBytes: 1 },
    components: [{ ...component, evidence: 'content', files: 1 }],
    dependencies: [{ from: '', to: [component.id] }],
    gaps: [],
    scanner: { name: 'countersign-inspector', version: '1' },
  }
}

/** A submission whose verdict and decision are recorded, as `judge` leaves it. */
export async function decidedSubmission(
  { certifying }: TestValidator,
  { id, name, version }: { readonly id: string; readonly name: string; readonly version: string },
): Promise<StoredSubmission> {
  const sha256 = hash('sha256', id, 'hex')
  const catalogue = testCatalogue(sha256, name, version)
  const submittedBy = { issuer: 'https://sign.example.org/oidc', subject: 'anna@example.org' }
  const { verdict, decision } = judgeCatalogue(certifying, catalogue, {
    product: 'files',
    submittedBy,
    protections: [],
  })
  const catalogueId = await certifying.store.addCatalogue({
    sha256,
    scanner: 'test',
    catalogue: JSON.stringify(catalogue),
  })
  return certifying.store.addSubmission({
    id,
    sha256,
    size_bytes: 1,
    name: 'files.tar.gz',
    signature_sha256: 'd'.repeat(64),
    signature: '{}',
    product: 'files',
    version: '1.1.0',
    submitted_by: JSON.stringify(submittedBy),
    submitted_at: new Date().toISOString(),
    stage: 'decided',
    catalogue_id: catalogueId,
    verdict: JSON.stringify(verdict),
    decision: JSON.stringify(decision),
    failure: null,
    told: 0,
  })
}

function testEntry(digest: Uint8Array) {
  const rootHash = encodeBase64(digest)
  return {
    logIndex: '0',
    logId: { keyId: rootHash },
    kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
    integratedTime: '0',
    inclusionPromise: null,
    inclusionProof: { logIndex: '0', rootHash, treeSize: '1', hashes: [], checkpoint: { envelope: 'note' } },
    canonicalizedBody: rootHash,
  }
}

/** A key that signs records in tests. */
export function testKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
  return {
    name: 'revoker',
    keyId: toHex(hash('sha256', spki, 'buffer')),
    algorithm: 'ecdsa-p256',
    spki,
    publicKey,
    signatureAlgorithm: 'ecdsa-sha256',
    sign: async (message) => new Uint8Array(sign('sha256', message, privateKey)),
  }
}

function assert(never: false): never {
  throw new Error(`the inspector does not run here: ${never}`)
}
