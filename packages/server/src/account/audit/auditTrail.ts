import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import type { AuditLine } from '@countersign/protocol/api/people.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { sha256 } from '@countersign/protocol/log/merkle.ts'
import type { Transaction } from 'kysely'
import { leafEntry } from '../../log/leafEntry.ts'
import type { LogEntry } from '../../log/transparencyLog.ts'
import type { AccountTables } from '../accountTables.ts'
import { type AuditEvent, type PreparedEntry, prepareEntry, prepareKeyInterval } from './auditEvent.ts'
import {
  type AuditFilter,
  type AuditIntent,
  insertIntent,
  markLogged,
  readAudit,
  unfinishedIntents,
} from './auditStore.ts'
import { KeyWatch, withSign } from './keyWatch.ts'
import { RefusalTally } from './refusalTally.ts'

/** The one thing that the trail asks of its transparency log. The same `dedupeKey` again gives the same index. */
export interface AuditLog {
  /** Resolves once the entry is published. */
  append(entry: LogEntry): Promise<{ readonly index: bigint }>
}

/** What a refusal leaves behind. */
export interface Refusal {
  /** The code that the caller was answered with. */
  readonly code: string
  /** Who was refused, where that is proven. Without it the refusal is only counted. */
  readonly caller?: JsonValue | undefined
  readonly detail?: JsonValue | undefined
}

/**
 * The audit trail: leaves in a public log that show only salted hashes, and their values in the database for auditors.
 * An entry is durable in the database before its leaf is appended; `record` resolves when the log has published it.
 */
export interface AuditTrail {
  /** Writes one entry. Resolves once it is in the log; rejects with the errors of log and database, and then the deed must not be done. */
  record(event: AuditEvent): Promise<{ readonly index: bigint }>
  /**
   * Writes the intent of an entry in the caller's transaction, so that a change and its entry are durable together or not at all.
   * After the commit call `settle`, before the result leaves; if a crash comes first, the next start appends the entry.
   */
  intend<T extends AccountTables>(trx: Transaction<T>, event: AuditEvent): Promise<AuditIntent>
  /** Appends what `intend` made durable. Resolves once it is in the log. */
  settle(intent: AuditIntent): Promise<{ readonly index: bigint }>
  /** A refusal of a known caller is one entry at once; of an unknown one it is counted, and `flush` writes one entry per minute and code. */
  refusal(refusal: Refusal): Promise<void>
  /** For keys that sign all the time: one entry in the clear per key and interval (from `flush` to `flush`). */
  watchKey(key: SigningKey): SigningKey
  /** For keys whose every use matters: one entry each, in the log before the key signs. `purpose` says what for. */
  loudKey(key: SigningKey, purpose: string): SigningKey
  /** Writes the counts of ended minutes and the intervals of watched keys, and appends again what did not reach the log. `all` also ends the running minute. */
  flush(options?: { readonly all?: boolean }): Promise<void>
  /** Entries with their values, newest first, for auditors. */
  read(filter: AuditFilter): Promise<{ lines: AuditLine[]; before?: string }>
}

/** What the trail stands on. */
export interface AuditDeps {
  readonly log: AuditLog
  readonly database: Database
  readonly clock: Clock
  /** Key ids of the audit log's own signers: their signatures never cause an entry, or the log would grow from being signed. */
  readonly ownKeyIds?: ReadonlySet<string>
}

/** Unfinished entries that are appended at the same time; they share rounds of the log. */
const FINISH_TOGETHER = 256

/** Opens the trail. Appends, with the same bytes, every entry whose way to the log a crash cut off. */
export async function createAuditTrail(deps: AuditDeps): Promise<AuditTrail> {
  const trail = new LoggedAuditTrail(deps)
  await trail.finish()
  return trail
}

class LoggedAuditTrail implements AuditTrail {
  readonly #deps: AuditDeps
  readonly #watch: KeyWatch
  readonly #tally = new RefusalTally()
  /** Entries on their way to the log in this process; `finish` leaves them alone. */
  readonly #underWay = new Set<number>()
  /** Counts taken out of memory that no database transaction holds yet. */
  readonly #unwritten: PreparedEntry[] = []

  constructor(deps: AuditDeps) {
    this.#deps = deps
    this.#watch = new KeyWatch(deps.clock)
  }

  record(event: AuditEvent): Promise<{ readonly index: bigint }> {
    return this.#write(prepareEntry(event, this.#deps.clock.now()))
  }

  async intend<T extends AccountTables>(trx: Transaction<T>, event: AuditEvent): Promise<AuditIntent> {
    const entry = prepareEntry(event, this.#deps.clock.now())
    return insertIntent(trx as unknown as Transaction<AccountTables>, entry)
  }

  async settle({ id, leaf }: AuditIntent): Promise<{ readonly index: bigint }> {
    this.#underWay.add(id)
    try {
      const { index } = await this.#deps.log.append(leafEntry(leaf))
      await markLogged(this.#deps.database, id, index)
      return { index }
    } finally {
      this.#underWay.delete(id)
    }
  }

  async refusal({ code, caller, detail = {} }: Refusal): Promise<void> {
    if (caller === undefined) this.#tally.add(code, this.#deps.clock.now().getTime())
    else await this.record({ kind: 'refusal', actor: caller, detail: { code, detail } })
  }

  watchKey(key: SigningKey): SigningKey {
    return this.#deps.ownKeyIds?.has(key.keyId) ? key : this.#watch.watch(key)
  }

  loudKey(key: SigningKey, purpose: string): SigningKey {
    if (this.#deps.ownKeyIds?.has(key.keyId)) return key
    return withSign(key, async (message) => {
      const actor = { key: key.keyId, name: key.name }
      await this.record({ kind: 'key.used', actor, detail: { purpose, sha256: sha256(message).toHex() } })
      return key.sign(message)
    })
  }

  async flush({ all = false } = {}): Promise<void> {
    const now = this.#deps.clock.now()
    const refusals = this.#tally.take(now.getTime(), all).map(({ code, minuteMs, count }) => ({
      kind: 'refusal.unknown',
      actor: 'unknown',
      detail: { code, count, minute: new Date(minuteMs).toISOString() },
    }))
    this.#unwritten.push(...refusals.map((event) => prepareEntry(event, now)))
    this.#unwritten.push(...this.#watch.take().map((interval) => prepareKeyInterval(interval, now)))
    await this.#writeCounts()
    await this.finish()
  }

  read(filter: AuditFilter): Promise<{ lines: AuditLine[]; before?: string }> {
    return readAudit(this.#deps.database.tables<AccountTables>(), filter)
  }

  async finish(): Promise<void> {
    const unfinished = await unfinishedIntents(this.#deps.database.tables<AccountTables>())
    const intents = unfinished.filter(({ id }) => !this.#underWay.has(id))
    // In pieces, because a log takes only so many at once.
    for (let start = 0; start < intents.length; start += FINISH_TOGETHER) {
      await Promise.all(intents.slice(start, start + FINISH_TOGETHER).map((intent) => this.settle(intent)))
    }
  }

  async #writeCounts(): Promise<void> {
    if (this.#unwritten.length === 0) return
    const entries = this.#unwritten.splice(0)
    try {
      await this.#deps.database.commitTogether<AccountTables, void>('account.audit-counts', async (trx) => {
        for (const entry of entries) await insertIntent(trx, entry)
      })
    } catch (error) {
      this.#unwritten.unshift(...entries)
      throw error
    }
  }

  async #write(entry: PreparedEntry): Promise<{ readonly index: bigint }> {
    const intent = await this.#deps.database.commitTogether<AccountTables, AuditIntent>('account.audit-intent', (trx) =>
      insertIntent(trx, entry),
    )
    // A crash here leaves an intent without an index; `finish` appends the same bytes on the next start.
    return this.settle(intent)
  }
}
