import { join } from 'node:path'
import { type ManualClock, manualClock } from '@countersign/local/clock/manualClock.ts'
import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import { folderBlobs } from '@countersign/platform/blobs/folderBlobs.ts'
import { Database } from '@countersign/platform/database/database.ts'
import { migrate } from '@countersign/platform/database/migrate.ts'
import type { KeyStore } from '@countersign/platform/keystore/keyStore.ts'
import { softwareKeyStore } from '@countersign/platform/keystore/softwareKeys.ts'
import { outboxMigrations } from '@countersign/platform/outbox/migrations.ts'
import { Outbox } from '@countersign/platform/outbox/outbox.ts'
import { createLogger } from '@countersign/platform/telemetry/logger.ts'
import { logMigrations } from '../log/migrations.ts'
import { type Issuer, type IssuerCertificate, openOnlineIssuers, readIssuerCertificates } from './authority/issuers.ts'
import type { TrustFacts } from './facts.ts'
import { trustMigrations } from './migrations.ts'

/** Storage, keys and a clock for one test or benchmark, in a folder of its own. */
export interface TrustFixture {
  readonly folder: string
  readonly facts: TrustFacts
  readonly clock: ManualClock
  readonly database: Database
  /** Takes events; nothing delivers them. */
  readonly outbox: Outbox
  readonly blobs: Blobs
  readonly rootKeys: KeyStore
  readonly onlineKeys: KeyStore
  /** Every issuer certificate, read again. */
  certificates(): Promise<IssuerCertificate[]>
  /** The opened issuing authorities, read again. */
  issuers(): Promise<Issuer[]>
  /** Closes the database; the folder is the caller's to remove. */
  close(): Promise<void>
}

/** The facts that tests use. */
export const testFacts: TrustFacts = {
  environment: 'development',
  publicUrl: 'https://sign.example.test:8443',
  publicHttpUrl: 'http://sign.example.test:8080',
}

/** Makes an empty place in the empty folder `folder`; the clock shows `start` and stands still. */
export async function openTrustFixture(
  folder: string,
  start = new Date('2026-03-01T12:00:00.250Z'),
): Promise<TrustFixture> {
  const clock = manualClock(start)
  const database = Database.openFile(join(folder, 'test.sqlite'))
  await migrate(database, [...outboxMigrations, ...logMigrations, ...trustMigrations])
  const wrap = { kind: 'key', key: new Uint8Array(32).fill(7) } as const
  const onlineKeys = softwareKeyStore({ folder: join(folder, 'online'), wrap, clock })
  const certificates = () => readIssuerCertificates(database)
  return {
    folder,
    facts: testFacts,
    clock,
    database,
    outbox: new Outbox({ database, clock, logger: createLogger({ level: 'silent', name: 'test' }) }),
    blobs: folderBlobs(join(folder, 'blobs')),
    rootKeys: softwareKeyStore({ folder: join(folder, 'root'), wrap, clock }),
    onlineKeys,
    certificates,
    issuers: async () => openOnlineIssuers(await certificates(), onlineKeys),
    close: () => database.close(),
  }
}
