import { join } from 'node:path'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { makeFolder } from '@countersign/local/files/durable.ts'
import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import { folderBlobs } from '@countersign/platform/blobs/folderBlobs.ts'
import { Database } from '@countersign/platform/database/database.ts'
import { migrate } from '@countersign/platform/database/migrate.ts'
import type { KeyStore } from '@countersign/platform/keystore/keyStore.ts'
import { softwareKeyStore } from '@countersign/platform/keystore/softwareKeys.ts'
import { outboxMigrations } from '@countersign/platform/outbox/migrations.ts'
import { accountMigrations } from '../account/migrations.ts'
import { type ArtifactStore, openArtifactStore } from '../artifacts/artifactStore.ts'
import { artifactsMigrations } from '../artifacts/migrations.ts'
import { fleetMigrations } from '../fleet/migrations.ts'
import { logMigrations } from '../log/migrations.ts'
import { trustMigrations } from '../trust/migrations.ts'

/** Where an instance keeps what it keeps. */
export interface Storage {
  readonly database: Database
  readonly blobs: Blobs
  /** Submitted artifacts and bundles; not public, unlike the blobs. */
  readonly artifacts: ArtifactStore
  /** Encrypted under the 32-byte wrapping key. */
  readonly onlineKeys: KeyStore
}

/** Opens database (migrated), blobs and online keys of the instance in `folder`. */
export async function openStorage(folder: string, wrappingKey: Uint8Array, clock: Clock): Promise<Storage> {
  await makeFolder(join(folder, 'database'), { point: 'instance.database-folder', mode: 0o700 })
  const database = Database.openFile(join(folder, 'database', 'countersign.sqlite'))
  await migrate(database, [
    ...outboxMigrations,
    ...logMigrations,
    ...accountMigrations,
    ...trustMigrations,
    ...artifactsMigrations,
    ...fleetMigrations,
  ])
  const wrap = { kind: 'key', key: wrappingKey } as const
  const onlineKeys = softwareKeyStore({ folder: join(folder, 'keys', 'online'), wrap, clock })
  const artifacts = await openArtifactStore(join(folder, 'artifacts'))
  return { database, blobs: folderBlobs(join(folder, 'blobs')), artifacts, onlineKeys }
}

/** Opens database and blobs beside a running server, for root commands: they read the one and publish into the other. */
export function openStorageForReading(folder: string): Omit<Storage, 'onlineKeys' | 'artifacts'> {
  const database = Database.openFile(join(folder, 'database', 'countersign.sqlite'))
  return { database, blobs: folderBlobs(join(folder, 'blobs')) }
}

/** Opens the store of the root keys. Only creation and root commands do. */
export function openRootKeys(folder: string, passphrase: string, clock: Clock): KeyStore {
  return softwareKeyStore({ folder: join(folder, 'keys', 'root'), wrap: { kind: 'passphrase', passphrase }, clock })
}
