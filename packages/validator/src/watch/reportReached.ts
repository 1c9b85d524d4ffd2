import type { Verdict } from '@countersign/protocol/api/artifacts.ts'
import type { Catalogue } from '@countersign/protocol/sbom/catalogue.ts'
import type { AdvisoryChange } from '../advisories/openAdvisories.ts'
import { openCatalogue } from '../certify/judge.ts'
import { matchCatalogue } from '../match/matchCatalogue.ts'
import type { WatchDeps } from './watchDeps.ts'
import { advisoriesWithFindings, findingsOf, keepFindings } from './watchStore.ts'
import type { WatchTables } from './watchTables.ts'

type Finding = Verdict['findings'][number]

/** What some advisories reach is to be told. Payload: {advisories: [id]}. */
export const FINDINGS_CHANGED = 'watch.findings-changed'

/** Of one report (protocol/api/artifacts). */
const MAX_REACHED = 50_000
const EVENT_ADVISORIES = 100

/** Asks for reports about those of the changed advisories that reach something here, or did. Durable when this resolves. */
export async function requestReports(deps: WatchDeps, change: AdvisoryChange): Promise<void> {
  const kept = await advisoriesWithFindings(deps.database)
  const changed = change.changed.map(({ id }) => id).filter((id) => kept.has(id))
  if (changed.length === 0) return
  await deps.database.transaction<WatchTables, void>('watch.report', async (trx) => {
    for (let at = 0; at < changed.length; at += EVENT_ADVISORIES) {
      const payload = { advisories: changed.slice(at, at + EVENT_ADVISORIES) }
      await deps.outbox.emit(trx, { kind: FINDINGS_CHANGED, payload })
    }
  })
}

/**
 * Tells the instance everything that one advisory reaches now, ended or not, with the way from the artifact to the
 * component. What it does not reach any more (withdrawn, narrowed) is told by its absence; nothing is lifted by that.
 */
export async function reportReached(deps: WatchDeps, advisory: string): Promise<void> {
  const kept = await findingsOf(deps.database, advisory)
  if (kept.length === 0) return
  const byCatalogue = new Map<number, readonly Finding[]>()
  const reached: { number: string; finding: Finding }[] = []
  const gone: typeof kept = []
  for (const one of kept) {
    const found = byCatalogue.get(one.catalogue_id) ?? (await findingsIn(deps, one.catalogue_id, advisory))
    byCatalogue.set(one.catalogue_id, found)
    const finding = found.find(({ component }) => component === one.component)
    if (finding === undefined) gone.push(one)
    else reached.push({ number: one.number ?? '', finding: { ...finding, advisory } })
  }
  await deps.database.transaction<WatchTables, void>('watch.findings', async (trx) => {
    for (const { certification_id, component } of gone) {
      const row = trx.deleteFrom('watch_findings').where('advisory', '=', advisory)
      await row.where('certification_id', '=', certification_id).where('component', '=', component).execute()
    }
  })
  const aliases = deps.advisories.get(advisory)?.aliases ?? []
  await deps.authority.reportFindings({ advisory, aliases: [...aliases], reached: reached.slice(0, MAX_REACHED) })
}

/** Keeps and tells what the policy accepted when a certification was handed out. */
export async function reportAccepted(deps: WatchDeps, certification: number): Promise<void> {
  const one = await deps.store.certification(certification)
  const submission = one && (await deps.store.submission(one.submission_id))
  const { findings } = JSON.parse(submission?.verdict ?? '{"findings":[]}') as Pick<Verdict, 'findings'>
  if (findings.length === 0) return
  await deps.database.transaction<WatchTables, void>('watch.accepted', (trx) =>
    keepFindings(
      trx,
      findings.map((finding) => ({
        certification_id: certification,
        advisory: finding.advisory,
        component: finding.component,
        finding: JSON.stringify(finding),
      })),
    ),
  )
  for (const advisory of new Set(findings.map((finding) => finding.advisory))) await reportReached(deps, advisory)
}

async function findingsIn(deps: WatchDeps, catalogueId: number, advisory: string): Promise<readonly Finding[]> {
  const catalogue: Catalogue = await openCatalogue(deps, catalogueId)
  const options = { now: deps.clock.now(), maxAgeMs: Number.POSITIVE_INFINITY }
  const { findings } = matchCatalogue(catalogue, deps.advisories, options)
  return findings.filter((finding) => finding.advisory === advisory || finding.aliases.includes(advisory))
}
