import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import type { Transaction } from 'kysely'
import type { AdvisoryChange } from '../advisories/openAdvisories.ts'
import { decideEndings, type EndingCertification } from './decideEndings.ts'
import { logRecords } from './logRecords.ts'
import { requestReports } from './reportReached.ts'
import { type Endings, signRecords } from './signRecords.ts'
import type { WatchDeps } from './watchDeps.ts'
import { addRecords, keepFindings, newestActive, numbersByState, readWatched, setState } from './watchStore.ts'
import type { WatchTables } from './watchTables.ts'

/** Times of one change on its way to the log, in milliseconds since it arrived; since its handling began, after a restart. */
interface Times {
  /** It was durable, and its turn came. */
  begunMs?: number
  matchedMs?: number
  signedMs?: number
  loggedMs?: number
}

/**
 * One durable change of the advisories, from the difference to the logged records: what it newly reaches, what the policy
 * makes of that, one transaction with the signed records and the new states, the log, then the reports for people.
 * Nothing waits on this way but the database and the instance. Delivered again after a crash or failure: what is ended
 * already is no longer in the index, what is signed already is logged with the same bytes.
 */
export async function followAdvisories(deps: WatchDeps, payload: JsonValue): Promise<void> {
  const { clock, logger, advisories } = deps
  const { state } = payload as { readonly state: number }
  const atMs: Times = { begunMs: clock.monotonicMs() }
  const change = await advisories.change(state)
  const ended = await endReached(deps, change, () => {
    atMs.matchedMs = clock.monotonicMs()
  })
  atMs.signedMs = clock.monotonicMs()
  const logged = await logRecords(deps)
  atMs.loggedMs = clock.monotonicMs()
  const numbers = await numbersByState(
    deps.database,
    ended.map(({ row }) => row.id),
  )
  deps.followed.followed(state, { ended: numbers.get('ended') ?? [], waiting: numbers.get('ending') ?? [] })
  const fields = {
    state,
    advisories: change.changed.length,
    ended: ended.length,
    records: logged,
    ...sinceArrival(deps, state, atMs),
  }
  if (ended.length > 0 || logged > 0) logger.info(fields, 'advisories ended certifications')
  else logger.debug(fields, 'advisories ended nothing')
  // By an event of its own, so that reports for people do not hold back the next change.
  await requestReports(deps, change)
}

/** Asked for at the end: whoever brought the change hears its state only after its event is on its way. */
function sinceArrival({ followed }: WatchDeps, state: number, atMs: Times): Times {
  const arrivedMs = followed.arrivedMs(state) ?? atMs.begunMs ?? 0
  const times = Object.entries(atMs).map(([name, ms]) => [name, Math.round((ms - arrivedMs) * 10) / 10])
  return Object.fromEntries(times)
}

/** Returns the certifications that end. Durable when this resolves: findings, new states, signed records. */
async function endReached(
  deps: WatchDeps,
  change: AdvisoryChange,
  onMatched: () => void,
): Promise<readonly EndingCertification[]> {
  const { database, watched } = deps
  const reached = watched.reachedBy(change)
  if (reached.length === 0) {
    onMatched()
    return []
  }
  const ended = await database.transaction<WatchTables, readonly EndingCertification[]>('watch.ended', async (trx) => {
    // Whatever was put into the index before this transaction is durable now, or was given up.
    const rows = await readWatched(trx, [...new Set(reached.flatMap((one) => one.certifications))])
    const { findings, ending } = decideEndings(deps, rows, reached)
    onMatched()
    await keepFindings(trx, findings)
    await setState(
      trx,
      ending.filter(({ row }) => row.number === null).map(({ row }) => row.id),
      'doomed',
    )
    await endNumbered(
      deps,
      trx,
      ending.filter(({ row }) => row.number !== null),
    )
    return ending
  })
  for (const { row } of ended) watched.remove(row.id)
  return ended
}

/** Ends certifications that have a number: signs their records as part of the transaction that says so. */
export async function endNumbered(
  deps: WatchDeps,
  trx: Transaction<WatchTables>,
  ending: readonly EndingCertification[],
): Promise<void> {
  const now = deps.clock.now()
  for (const endings of await groupEndings(trx, ending)) {
    const signed = await signRecords(endings, deps.revokerKey, now)
    await addRecords(
      trx,
      signed.map(({ envelope, certifications }) => ({
        envelope,
        advisories: JSON.stringify(endings.advisories),
        certifications: JSON.stringify(certifications),
        // OSV's own name space for packages that are malware themselves.
        malware: endings.advisories.some((id) => id.startsWith('MAL-')) ? 1 : 0,
        known_exploited: endings.advisories.some((id) => deps.advisories.isKnownExploited(id)) ? 1 : 0,
        state: 'signed' as const,
        record: null,
        request: null,
        signed_ms: now.getTime(),
        logged_ms: null,
      })),
    )
  }
  await setState(
    trx,
    ending.map(({ row }) => row.id),
    'ending',
  )
}

/** Certifications of one authority that the same advisories reach end by one record. */
async function groupEndings(trx: Transaction<WatchTables>, ending: readonly EndingCertification[]): Promise<Endings[]> {
  const groups = Map.groupBy(ending, ({ row, advisories }) => JSON.stringify([row.authority, advisories]))
  const all = new Set(ending.map(({ row }) => row.id))
  const endings: Endings[] = []
  for (const members of groups.values()) {
    const [first] = members
    if (first === undefined) continue
    const replacement = await replacementOf(trx, members, all)
    endings.push({
      authority: first.row.authority ?? '',
      certifications: members.map(({ row }) => ({ id: row.id, number: BigInt(row.number ?? '') })),
      advisories: first.advisories,
      severity: first.severity,
      reason: first.reason,
      ...(replacement !== undefined && { replacement }),
    })
  }
  return endings
}

/** What else of the product is certified, where the record is about one product. */
async function replacementOf(
  trx: Transaction<WatchTables>,
  members: readonly EndingCertification[],
  without: ReadonlySet<number>,
): Promise<string | undefined> {
  const products = new Set(members.map(({ row }) => row.product))
  const [product, ...others] = products
  if (product === undefined || others.length > 0) return undefined
  const found = await newestActive(trx, product, without)
  return found === undefined ? undefined : `${found.product} ${found.version}`
}
