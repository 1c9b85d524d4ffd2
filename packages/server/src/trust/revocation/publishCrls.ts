import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { KeyStore } from '@countersign/platform/keystore/keyStore.ts'
import { fromHex } from '@countersign/protocol/json/base64.ts'
import { CRL_REASONS, type CrlEntry, type CrlReason, type CrlScope, parseCrl } from '@countersign/protocol/x509/crl.ts'
import { rootNames } from '../authority/issuerNames.ts'
import { currentIssuer, type Issuer, openIssuer, readIssuerCertificates } from '../authority/issuers.ts'
import { revocationListUrl, type TrustFacts } from '../facts.ts'
import type { TrustTables } from '../trustTables.ts'
import { sameEntries, signCrl } from './signCrl.ts'

/** What publishing lists stands on. */
export interface PublishCrlsDeps {
  readonly database: Database
  readonly blobs: Blobs
  readonly clock: Clock
  /** Every issuing authority that is online, retired generations too. */
  readonly issuers: readonly Issuer[]
  /** What this process published, by blob key. Kept from run to run, so that lists without news are not read again. */
  readonly known?: Map<string, KnownList>
}

/** A list as this process published or found it. */
export interface KnownList {
  /** Of the entries: how many, and when the newest was entered. */
  readonly news: string
  readonly thisUpdateMs: number
}

const DAY_MS = 86_400_000
/** How long a list for end certificates counts: at most 10 days by the code signing baseline requirements, 4.9.7. */
const LEAF_LIFETIME_MS = 7 * DAY_MS
/** A list is made again, changed or not, when it is this old: six days before clients would miss it. */
const LEAF_RENEWAL_MS = DAY_MS / 2
/** How long a root's list counts; making it takes the passphrase. */
const ROOT_LIFETIME_MS = 365 * DAY_MS

/**
 * Publishes every list that changed or is half a day old, each signed by its own authority and compared with the one it
 * replaces. When this resolves, all revocations entered before the call are published durably. For a job, once a minute,
 * and for a start. A list that fails its checks stays as it was and stops the run. Throws what `signCrl` throws.
 */
export async function publishCrls(deps: PublishCrlsDeps, facts: TrustFacts): Promise<{ published: number }> {
  const { known = new Map<string, KnownList>() } = deps
  const news = await readNews(deps.database)
  let published = 0
  for (const issuer of deps.issuers) {
    for (let shard = 0; shard < issuer.crlShards; shard++) {
      const key = crlBlobKey(issuer.keyId, shard)
      const state = known.get(key)
      const unchanged = state?.news === (news.get(key) ?? NO_NEWS)
      if (unchanged && deps.clock.now().getTime() - state.thisUpdateMs < leafList.renewalMs) continue
      const list = await publishList(deps, facts, { issuer, shard, ...leafList })
      known.set(key, { news: news.get(key) ?? NO_NEWS, thisUpdateMs: list.thisUpdate.getTime() })
      if (list.published) published++
    }
  }
  return { published }
}

const NO_NEWS = '0'

/** For each list with entries how many there are and when the newest was entered; asked before the entries are read. */
async function readNews(database: Database): Promise<ReadonlyMap<string, string>> {
  const rows = await database
    .tables<TrustTables>()
    .selectFrom('trust_revoked')
    .select((select) => [
      'issuer_key_id',
      'shard',
      select.fn.countAll<number>().as('count'),
      select.fn.max('recorded_ms').as('newest'),
    ])
    .groupBy(['issuer_key_id', 'shard'])
    .execute()
  return new Map(rows.map((row) => [crlBlobKey(row.issuer_key_id, row.shard), `${row.count} ${row.newest}`]))
}

/**
 * Root operation: signs the lists of both roots, which say what became of issuing authorities, for a year. Part of the
 * creation ceremony, then once a year and after an authority was revoked.
 */
export async function publishRootCrls(
  deps: Omit<PublishCrlsDeps, 'issuers'> & { rootKeys: Pick<KeyStore, 'open'> },
  facts: TrustFacts,
): Promise<void> {
  const all = await readIssuerCertificates(deps.database)
  for (const name of rootNames) {
    const issuer = await openIssuer(currentIssuer(all, name), deps.rootKeys)
    await publishList(deps, facts, { issuer, shard: 0, ...rootList })
  }
}

/** Where a list lies among the blobs: its address under the plain URL. */
export function crlBlobKey(issuerKeyId: string, shard: number | string): string {
  return `crl/${issuerKeyId}/${shard}.crl`
}

interface ListKind {
  readonly scope: CrlScope
  readonly lifetimeMs: number
  readonly renewalMs: number
}

const leafList: ListKind = { scope: 'leaves', lifetimeMs: LEAF_LIFETIME_MS, renewalMs: LEAF_RENEWAL_MS }
const rootList: ListKind = { scope: 'authorities', lifetimeMs: ROOT_LIFETIME_MS, renewalMs: 0 }

async function publishList(
  deps: Omit<PublishCrlsDeps, 'issuers'>,
  facts: TrustFacts,
  list: ListKind & { issuer: Issuer; shard: number },
): Promise<{ published: boolean; thisUpdate: Date }> {
  const { issuer, shard, scope } = list
  const key = crlBlobKey(issuer.keyId, shard)
  const stored = await deps.blobs.get(key)
  const previous = stored === undefined ? undefined : parseCrl(stored)
  const entries = await readEntries(deps.database, issuer.keyId, shard)
  const now = deps.clock.now()
  if (previous !== undefined) {
    const ageMs = now.getTime() - previous.thisUpdate.getTime()
    if (ageMs < list.renewalMs && sameEntries(previous.entries, entries)) {
      return { published: false, thisUpdate: previous.thisUpdate }
    }
  }
  const url = revocationListUrl(facts, issuer.keyId, shard)
  const nextUpdate = new Date(now.getTime() + list.lifetimeMs)
  const { der } = await signCrl({ issuer, url, scope, thisUpdate: now, nextUpdate, entries }, previous)
  await deps.blobs.replace(key, der, { point: 'trust.crl' })
  return { published: true, thisUpdate: now }
}

const reasonNames = new Map(Object.entries(CRL_REASONS).map(([name, code]) => [code as number, name as CrlReason]))

async function readEntries(database: Database, issuerKeyId: string, shard: number): Promise<CrlEntry[]> {
  const rows = await database
    .tables<TrustTables>()
    .selectFrom('trust_revoked')
    .selectAll()
    .where('issuer_key_id', '=', issuerKeyId)
    .where('shard', '=', shard)
    .orderBy('serial')
    .execute()
  return rows.map((row) => {
    const from = new Date(row.revoked_from_ms)
    // Both dates, equal: some verifiers compare only one of them with a signature's timestamp.
    return {
      serial: fromHex(row.serial, 'a stored serial number'),
      revocationDate: from,
      invalidityDate: from,
      reason: reasonNames.get(row.reason) ?? 'unspecified',
    }
  })
}
