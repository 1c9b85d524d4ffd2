import { join } from 'node:path'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { makeFolder } from '@countersign/local/files/durable.ts'
import { Database } from '@countersign/platform/database/database.ts'
import { migrate } from '@countersign/platform/database/migrate.ts'
import { outboxMigrations } from '@countersign/platform/outbox/migrations.ts'
import { Outbox } from '@countersign/platform/outbox/outbox.ts'
import { createLogger } from '@countersign/platform/telemetry/logger.ts'
import { advisoriesMigrations } from '../advisories/advisoriesTables.ts'
import { type Advisories, openAdvisories } from '../advisories/openAdvisories.ts'

/** The advisory data that a person keeps, apart from any validator's. Closed when it is disposed of. */
export interface OwnAdvisories extends AsyncDisposable {
  readonly advisories: Advisories
}

/**
 * Opens the data in `folder`, or makes it. Sample data is taken as on a development instance: the verdict says that it is
 * one. Nobody watches for changes here, so the events stay where they are. Throws `files.*`, `database.*`.
 */
export async function openOwnAdvisories(folder: string, clock: Clock): Promise<OwnAdvisories> {
  await makeFolder(folder, { point: 'scan.advisories-folder', mode: 0o700 })
  const database = Database.openFile(join(folder, 'advisories.sqlite'))
  try {
    await migrate(database, [...outboxMigrations, ...advisoriesMigrations])
    const logger = createLogger({ level: 'silent', name: 'scan' })
    const outbox = new Outbox({ database, clock, logger })
    const advisories = await openAdvisories({ database, outbox, clock, logger, environment: 'development' })
    return { advisories, [Symbol.asyncDispose]: () => database.close() }
  } catch (error) {
    await database.close()
    throw error
  }
}
