import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { readKnowledge } from '@countersign/local/feed/knowledge.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import { endingsOf } from '@countersign/protocol/decide/endingsOf.ts'
import type { LoggedRevocation } from '@countersign/protocol/decide/facts.ts'
import type { Selectable, Transaction } from 'kysely'
import type { ForgedRow, WatchTables } from './watchTables.ts'

/** A logged certificate that names this validator. */
export interface NamedCertificate {
  readonly logIndex: bigint
  /** Key id of the issuing CA, where the entry says it. */
  readonly authority?: string
  /** Of the certification. */
  readonly number?: bigint
  /** Of what is certified, lower-case hex. */
  readonly sha256?: string
  readonly serial: string
  readonly spki: Uint8Array
  readonly notAfter: Date
}

/** What one part of a certificate log holds in this validator's name, and how far it is read then. */
export interface ReadPart {
  readonly origin: string
  readonly next: bigint
  readonly named: readonly NamedCertificate[]
}

/** Forged certificates that still count and are looked at; whoever forges more is noticed all the same. */
const MAX_OPEN = 1000

/** How many entries of the log `origin` were looked at. */
export async function positionIn(database: Database, origin: string): Promise<bigint> {
  const reading = database.tables<WatchTables>().selectFrom('watch_logs').select('next').where('origin', '=', origin)
  return BigInt((await reading.executeTakeFirst())?.next ?? 0)
}

/**
 * Keeps those of `named` whose key this validator never had, and how far the log is read, in one transaction: after a crash
 * the same part is read again and nothing is kept twice. A key is durable here before its certificate is asked for
 * (design 12), so our own are never among them. Returns what was kept.
 */
export async function keepForged(
  { database, clock }: { readonly database: Database; readonly clock: Clock },
  { origin, next, named }: ReadPart,
): Promise<NamedCertificate[]> {
  return database.transaction<WatchTables, NamedCertificate[]>('watch.certificates-read', async (trx) => {
    const own = await ownKeys(trx, named)
    const forged = named.filter(({ spki }) => !own.has(spki.toHex()))
    for (const one of forged) {
      const row = { ...rowOf(origin, one), found_ms: clock.now().getTime() }
      await trx
        .insertInto('watch_forged')
        .values(row)
        .onConflict((on) => on.doNothing())
        .execute()
    }
    const position = { origin, next: Number(next) }
    await trx.replaceInto('watch_logs').values(position).execute()
    return forged
  })
}

/** Notes which forged certifications logged revocations have ended meanwhile; approvers may also have lifted one again. */
export async function noteEnded({
  database,
  clock,
  subject,
  anchors,
}: {
  readonly database: Database
  readonly clock: Clock
  readonly subject: string
  anchors(): Anchors
}): Promise<void> {
  const rows = await unexpired(database, clock)
  if (rows.length === 0) return
  const { records } = (await readKnowledge(anchors())).knowledge
  const changed = rows.filter((row) => isEnded(row, subject, records) !== (row.ended === 1))
  if (changed.length === 0) return
  await database.transaction<WatchTables, void>('watch.forged-ended', async (trx) => {
    for (const { log, log_index: index, ended } of changed) {
      const changing = trx.updateTable('watch_forged').set({ ended: ended === 1 ? 0 : 1 })
      await changing.where('log', '=', log).where('log_index', '=', index).execute()
    }
  })
}

/** The forged certificates that still count, the newest first. */
export async function openForged(database: Database, clock: Clock): Promise<Selectable<ForgedRow>[]> {
  return (await unexpired(database, clock)).filter(({ ended }) => ended === 0)
}

function unexpired(database: Database, clock: Clock): Promise<Selectable<ForgedRow>[]> {
  const reading = database.tables<WatchTables>().selectFrom('watch_forged').selectAll()
  const counting = reading.where('not_after', '>=', clock.now().toISOString())
  return counting.orderBy('found_ms', 'desc').orderBy('log_index', 'desc').limit(MAX_OPEN).execute()
}

async function ownKeys(
  trx: Transaction<WatchTables>,
  named: readonly NamedCertificate[],
): Promise<ReadonlySet<string>> {
  if (named.length === 0) return new Set()
  const spkis = named.map(({ spki }) => spki)
  const reading = trx.selectFrom('certify_certifications').select('spki').where('spki', 'in', spkis)
  return new Set((await reading.execute()).map(({ spki }) => new Uint8Array(spki).toHex()))
}

function rowOf(origin: string, { logIndex, authority, number, sha256, serial, notAfter }: NamedCertificate) {
  return {
    log: origin,
    log_index: Number(logIndex),
    authority: authority ?? null,
    number: number === undefined ? null : String(number),
    sha256: sha256 ?? null,
    serial,
    not_after: notAfter.toISOString(),
    ended: 0,
  }
}

function isEnded(row: Selectable<ForgedRow>, subject: string, records: readonly LoggedRevocation[]): boolean {
  const { authority, number, sha256, serial } = row
  if (authority === null || number === null || sha256 === null) return false
  const validator = { issuer: subject.slice(0, subject.lastIndexOf('/')), subject }
  const certification = { authority, number: BigInt(number), serialHex: serial, validator }
  return endingsOf(records, { sha256, certifications: [certification] }).some((one) => one.covers === 'certification')
}
