import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ManualClock, manualClock } from '@countersign/local/clock/manualClock.ts'
import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import { folderBlobs } from '@countersign/platform/blobs/folderBlobs.ts'
import { Database } from '@countersign/platform/database/database.ts'
import { migrate } from '@countersign/platform/database/migrate.ts'
import type { KeyStore } from '@countersign/platform/keystore/keyStore.ts'
import { softwareKeyStore } from '@countersign/platform/keystore/softwareKeys.ts'
import { logMigrations } from '../log/migrations.ts'
import { openOnlineIssuers, type Issuer, type IssuerCertificate, readIssuerCertificates } from './authority/issuers.ts'
import type { TrustFacts } from './facts.ts'
import { trustMigrations } from './migrations.ts'

/** Storage, keys and a clock for one test, in a folder of its own. */
export interface TemporaryTrust {
  readonly folder: string
  readonly facts: TrustFacts
  readonly clock: ManualClock
  readonly database: Database
  readonly blobs: Blobs
  readonly rootKeys: KeyStore
  readonly onlineKeys: KeyStore
  /** Every issuer certificate, read again. */
  certificates(): Promise<IssuerCertificate[]>
  /** The opened issuing authorities, read again. */
  issuers(): Promise<Issuer[]>
  remove(): Promise<void>
}

/** The facts that tests use. */
export const testFacts: TrustFacts = {
  environment: 'development',
  publicUrl: 'https://sign.example.test:8443',
  publicHttpUrl: 'http://sign.example.test:8080',
}

/** Makes an empty place for a test; the clock shows `start` and stands still. */
export async function temporaryTrust(start = new Date('2026-03-01T12:00:00.250Z')): Promise<TemporaryTrust> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-trust-'))
  const clock = manualClock(start)
  const database = Database.openFile(join(folder, 'test.sqlite'))
  await migrate(database, [...logMigrations, ...trustMigrations])
  const wrap = { kind: 'key', key: new Uint8Array(32).fill(7) } as const
  const onlineKeys = softwareKeyStore({ folder: join(folder, 'online'), wrap, clock })
  const certificates = () => readIssuerCertificates(database)
  return {
    folder,
    facts: testFacts,
    clock,
    database,
    blobs: folderBlobs(join(folder, 'blobs')),
    rootKeys: softwareKeyStore({ folder: join(folder, 'root'), wrap, clock }),
    onlineKeys,
    certificates,
    issuers: async () => openOnlineIssuers(await certificates(), onlineKeys),
    async remove() {
      await database.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
