import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
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

/** For tests: a migrated database and a key store in a folder of their own, gone after the test. */
export async function openTestStores(t: TestContext, clock: Clock = systemClock) {
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
export async function openTestAccount(t: TestContext, fetch?: Fetch): Promise<TestAccount> {
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

async function listen(t: TestContext, server: HttpServer): Promise<string> {
  await server.listen({ host: '127.0.0.1', port: 0 })
  t.after(() => server.close())
  const address = server.address()
  if (address === undefined || !('port' in address)) throw new Error('not listening')
  return `http://localhost:${address.port}`
}

/** For tests: a browser without scripts. Keeps cookies, follows redirects, posts forms. */
export class TestBrowser {
  readonly cookies = new Map<string, string>()

  /** Opens a page; stops where a redirect leaves `origin`. */
  async get(url: string): Promise<TestPage> {
    return this.#request(url, { method: 'GET' })
  }

  /** Posts the form of a page as a browser does: its hidden fields, then `fields`. */
  async post(page: TestPage, fields: Record<string, string>): Promise<TestPage> {
    const action = /<form[^>]*action="([^"]*)"/.exec(page.text)?.[1]
    const hidden = [...page.text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)].map(
      ([, name = '', value = '']) => [name, value],
    )
    const body = new URLSearchParams([...hidden, ...Object.entries(fields)])
    const url = action === undefined ? page.url : new URL(action, page.url).href
    return this.#request(url, { method: 'POST', body, headers: { origin: new URL(page.url).origin } })
  }

  async #request(address: string, init: RequestInit): Promise<TestPage> {
    const url = new URL(address)
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: { ...init.headers, cookie, accept: 'text/html' },
    })
    this.#keepCookies(response.headers)
    const location = response.headers.get('location')
    if (location === null)
      return { url: url.href, status: response.status, text: await response.text(), headers: response.headers }
    const next = new URL(location, url)
    if (next.origin === url.origin) return this.#request(next.href, { method: 'GET' })
    return { url: next.href, status: response.status, text: '', headers: response.headers }
  }

  #keepCookies(headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';')
      const [name = '', value = ''] = pair.split(/=(.*)/)
      const ended = attributes.some((attribute) => /^ *(max-age=0|expires=Thu, 01 Jan 1970.*)$/i.test(attribute))
      if (ended) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
  }
}

/** For tests: where a browser ended up. */
export interface TestPage {
  readonly url: string
  readonly status: number
  readonly text: string
  readonly headers: Headers
}
