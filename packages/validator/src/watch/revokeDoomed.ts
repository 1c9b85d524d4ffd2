import type { Verdict } from '@countersign/protocol/api/artifacts.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { endingOf } from './decideEndings.ts'
import { endNumbered } from './followAdvisories.ts'
import { logRecords } from './logRecords.ts'
import type { WatchDeps } from './watchDeps.ts'
import { advisoriesReaching, readWatched } from './watchStore.ts'
import type { WatchTables } from './watchTables.ts'

/**
 * Revokes a certification that an advisory reached before it had a number, now that it has one. Nothing that its key
 * signed was published. Again: what is signed already is logged with the same bytes.
 */
export async function revokeDoomed(deps: WatchDeps, payload: JsonValue): Promise<void> {
  const { certification } = payload as { readonly certification: number }
  await deps.database.transaction<WatchTables, void>('watch.doomed', async (trx) => {
    const [row] = await readWatched(trx, [certification])
    if (row?.state !== 'doomed') return
    const found = await advisoriesReaching(trx, certification)
    const findings = found.map(({ finding }) => JSON.parse(finding) as Verdict['findings'][number])
    await endNumbered(deps, trx, [endingOf(row, findings)])
  })
  await logRecords(deps)
}
