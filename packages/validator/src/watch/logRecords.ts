import type { WatchDeps } from './watchDeps.ts'
import { recordsIn, type StoredRecord, setState } from './watchStore.ts'
import type { WatchTables } from './watchTables.ts'

/**
 * Sends every signed record to the instance, oldest first; the same bytes again get the same answer. Returns how many went.
 * A record above the reach limit is announced, and approvers decide: its certifications stay `ending`.
 */
export async function logRecords(deps: WatchDeps): Promise<number> {
  const waiting = await recordsIn(deps.database, 'signed')
  for (const record of waiting) await logRecord(deps, record)
  return waiting.length
}

async function logRecord(deps: WatchDeps, { id, envelope, certifications, ...kind }: StoredRecord): Promise<void> {
  const { database, authority, clock, logger } = deps
  const [knownExploited, malware] = [kind.known_exploited === 1, kind.malware === 1]
  const reply = await authority.addRevocation({ envelope, knownExploited, malware })
  await database.transaction<WatchTables, void>('watch.logged', async (trx) => {
    const { state, record, request = null } = reply
    const logged = { state, record, request, logged_ms: clock.now().getTime() }
    await trx.updateTable('watch_records').set(logged).where('id', '=', id).execute()
    if (state === 'logged') await setState(trx, JSON.parse(certifications) as number[], 'ended')
  })
  const { state, record, reach } = reply
  const fields = { record, state, reaches: reach.certifications, devices: reach.devices }
  if (state === 'logged') logger.info(fields, 'a revocation record is logged')
  else logger.warn({ ...fields, above: reach.above }, 'a revocation waits for an approver')
}
