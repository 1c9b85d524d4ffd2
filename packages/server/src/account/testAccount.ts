import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '@countersign/local/clock/clock.ts'
import { Database } from '@countersign/platform/database/database.ts'
import { migrate } from '@countersign/platform/database/migrate.ts'
import { createHttpServer, type HttpServer } from '@countersign/platform/http/server.ts'
import { softwareKeyStore } from '@countersign/platform/keystore/softwareKeys.ts'
import { createLogger } from '@countersign/platform/telemetry/logger.ts'
import type { LogEntry } from '../log/transparencyLog.ts'
import { type AuditLog, type AuditTrail, createAuditTrail } from './audit/auditTrail.ts'
import { accountErrors } from './errors.ts'
import type { Fetch } from './identities/fetchJson.ts'
import { accountMigrations } from './migrations.ts'
import { type Account, openAccount } from './openAccount.ts'
import { mountAccountPages, mountAccountRoutes } from './routes.ts'

/** For tests: a log in memory that keeps leaves in order, knows duplicates, and can be down. */
export class MemoryAuditLog implements AuditLog {
  readonly leaves: Uint8Array[] = []
  readonly #indexes = new Map<string, bigint>()
  down = false
  onAppend: (() => void) | undefined

  async append(entry: LogEntry): Promise<{ index: bigint }> {
    if (this.down) throw new Error('the log is down')
    const key = entry.dedupeKey.toHex()
    const index = this.#indexes.get(key) ?? BigInt(this.leaves.length)
    if (!this.#indexes.has(key)) this.leaves.push(entry.encode(index).leaf)
    this.#indexes.set(key, index)
    this.onAppend?.()
    return { index }
  }

  /** One leaf as JSON. */
  json(index: number): Record<string, unknown> {
    return JSON.parse(new TextDecoder().decode(this.leaves[index]))
  }
}

/** The part of `node:test`'s context that is used: what to undo after the test. */
export interface Cleanup {
  /** Runs `work` when the test is over. */
  after(work: () => unknown): void
}

/** For tests: a migrated database and a key store in a folder of their own, gone after the test. */
export async function openTestStores(t: Cleanup, clock: Clock = systemClock) {
  const folder = mkdtempSync(join(tmpdir(), 'account-'))
  const database = Database.openFile(join(folder, 'test.sqlite'))
  t.after(async () => {
    await database.close()
    rmSync(folder, { recursive: true })
  })
  await migrate(database, accountMigrations)
  const keys = softwareKeyStore({ folder: join(folder, 'keys'), wrap: { kind: 'key', key: new Uint8Array(32) }, clock })
  return { database, keys, clock, log: new MemoryAuditLog() }
}

/** For tests: a whole account folder, served on loopback without TLS. */
export interface TestAccount {
  readonly account: Account
  readonly audit: AuditTrail
  readonly log: MemoryAuditLog
  readonly database: Database
  /** Where pages and issuer are. */
  readonly publicUrl: string
  /** Where the admin routes are. */
  readonly adminUrl: string
  readonly failures: unknown[]
}

/** For tests: opens and serves an account. */
export async function openTestAccount(t: Cleanup, fetch?: Fetch): Promise<TestAccount> {
  const { database, keys, clock, log } = await openTestStores(t)
  const logger = createLogger({ level: 'silent', name: 'test' })
  const pages = createHttpServer({ name: 'https', logger, errors: accountErrors })
  const admin = createHttpServer({ name: 'admin', logger, errors: accountErrors, checkReplies: true })
  const audit = await createAuditTrail({ log, database, clock })
  const failures: unknown[] = []
  let account: Account | undefined
  // The public URL holds the port, which is known only once the server listens; requests come later.
  pages.mountRaw('/oidc', (request, response) => account?.issuerPages(request, response))
  pages.mountRaw('/people', (request, response) => account?.peoplePages(request, response))
  const publicUrl = await listen(t, pages)
  account = await openAccount({
    database,
    keys,
    clock,
    audit,
    publicUrl,
    fetch,
    failed: (error) => failures.push(error),
  })
  mountAccountRoutes(admin, account)
  mountAccountPages(admin, account)
  return { account, audit, log, database, publicUrl, adminUrl: await listen(t, admin), failures }
}

async function listen(t: Cleanup, server: HttpServer): Promise<string> {
  await server.listen({ host: '127.0.0.1', port: 0 })
  t.after(() => server.close())
  const address = server.address()
  if (address === undefined || !('port' in address)) throw new Error('not listening')
  return `http://localhost:${address.port}`
}
