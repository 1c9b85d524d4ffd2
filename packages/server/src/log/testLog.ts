import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ManualClock, manualClock } from '@countersign/local/clock/manualClock.ts'
import { Database } from '@countersign/platform/database/database.ts'
import { migrate } from '@countersign/platform/database/migrate.ts'
import type { SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { createLogger } from '@countersign/platform/telemetry/logger.ts'
import { leafEntry } from './leafEntry.ts'
import { logMigrations } from './migrations.ts'
import { openLog } from './openLog.ts'
import { ed25519Signer, heartbeatCosigner, treeHeadSigner } from './signers.ts'
import { type TestBlobs, testBlobs } from './testBlobs.ts'
import type { Appended, LogDeps, LogEntry, LogSpec, TransparencyLog } from './transparencyLog.ts'

/** Where a log under test lives; outlives the log, as disks outlive processes. */
export interface TestStore {
  readonly blobs: TestBlobs
  readonly clock: ManualClock
  readonly spec: LogSpec
  database: Database
  /** Opens the log. Its rounds follow each other at once, so that a clock that stands still does not hold them up. */
  open(changes?: Partial<LogSpec>, deps?: Partial<LogDeps>): Promise<TransparencyLog>
  /** Ends `log` and the database, as the end of a process does, and opens both again. */
  reopen(log: TransparencyLog): Promise<TransparencyLog>
  /** The keys of the log's objects below a path such as `tile`. */
  filesBelow(path: string): string[]
  /** Closes the database as the end of a process does, and opens it again. */
  reopenDatabase(): Promise<void>
  remove(): Promise<void>
}

/** A private key in memory. */
export function testKey(algorithm: 'ed25519' | 'ecdsa-p256'): SigningKey {
  const { privateKey, publicKey } =
    algorithm === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
  return {
    name: `test-${algorithm}`,
    algorithm,
    spki,
    publicKey,
    keyId: createHash('sha256').update(spki).digest('hex'),
    signatureAlgorithm: algorithm === 'ed25519' ? 'ed25519' : 'ecdsa-sha256',
    sign: async (message) => new Uint8Array(sign(algorithm === 'ed25519' ? null : 'sha256', message, privateKey)),
  }
}

/** A tlog-tiles log (`entries`) or a static-ct-api log (`data`) with fresh keys. */
export function testSpec(entriesAs: LogSpec['entriesAs'] = 'entries'): LogSpec {
  const origin = 'log.example.test'
  const note = ed25519Signer(origin, testKey('ed25519'))
  return {
    name: entriesAs === 'entries' ? 'artifacts' : 'certificates',
    origin,
    folder: 'logs/test',
    entriesAs,
    signers: entriesAs === 'entries' ? [note] : [note, treeHeadSigner(origin, testKey('ecdsa-p256'))],
    cosigners: [heartbeatCosigner('heartbeat.example.test', testKey('ed25519'))],
    limits: { batchMs: 0 },
  }
}

/** A new, empty store. */
export async function testStore(entriesAs: LogSpec['entriesAs'] = 'entries'): Promise<TestStore> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-log-'))
  const path = join(folder, 'test.sqlite')
  const openDatabase = async () => {
    const database = Database.openFile(path)
    await migrate(database, logMigrations)
    return database
  }
  const store: TestStore = {
    blobs: testBlobs(),
    clock: manualClock(new Date('2026-03-04T05:06:07Z')),
    spec: testSpec(entriesAs),
    database: await openDatabase(),
    open: (changes, deps) => {
      const { blobs, clock, database } = store
      const logger = createLogger({ level: 'silent', name: 'test' })
      return openLog({ database, blobs, clock, logger, ...deps }, { ...store.spec, ...changes })
    },
    async reopen(log) {
      await log.close()
      await store.reopenDatabase()
      return store.open()
    },
    filesBelow: (path) =>
      [...store.blobs.objects.keys()].filter((key) => key.startsWith(`${store.spec.folder}/${path}`)),
    async reopenDatabase() {
      await store.database.close()
      store.database = await openDatabase()
    },
    async remove() {
      await store.database.close()
      await rm(folder, { recursive: true })
    },
  }
  return store
}

/** The `number`th of a series of different small entries. */
export function testEntry(number: number, sizeBytes = 20): LogEntry {
  const text = `entry ${number} `
  return leafEntry(new TextEncoder().encode(text.padEnd(sizeBytes, '.')))
}

/** Appends `count` entries of the series at once, from number `from` on. */
export function appendEntries(log: TransparencyLog, from: number, count: number): Promise<Appended[]> {
  return Promise.all(Array.from({ length: count }, (_, at) => log.append(testEntry(from + at))))
}
