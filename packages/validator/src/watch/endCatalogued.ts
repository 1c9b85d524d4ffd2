import type { Verdict } from '@countersign/protocol/api/artifacts.ts'
import { decideToCertify } from '@countersign/protocol/decide/decideToCertify.ts'
import type { Catalogue } from '@countersign/protocol/sbom/catalogue.ts'
import { openCatalogue } from '../certify/judge.ts'
import { matchCatalogue } from '../match/matchCatalogue.ts'
import { decideEndings, type EndingCertification } from './decideEndings.ts'
import { endNumbered } from './followAdvisories.ts'
import { logRecords } from './logRecords.ts'
import { FINDINGS_CHANGED } from './reportReached.ts'
import type { WatchDeps } from './watchDeps.ts'
import type { NewlyReached } from './watchedCertifications.ts'
import { type CataloguedAgain, cataloguedAgain, keepFindings, readWatched, setDoubts } from './watchStore.ts'
import type { WatchTables } from './watchTables.ts'

/** What a newer inspector sees in one certified artifact that the one before did not. */
interface Difference {
  readonly one: CataloguedAgain
  readonly reached: readonly NewlyReached[]
  /** What now stands against certifying and did not before, in words. */
  readonly doubts: readonly string[]
}

/**
 * What known advisories reach only since a newer inspector has catalogued again ends as if the advisory had come now: the
 * policy decides about what is new, all of it together, so that the reach limit sees it whole. More than the policy lets one
 * change end waits. What the policy would not accept and no advisory names (a new gap, weaker evidence) ends nothing, because
 * a validator ends by advisories alone (design 5): it is kept as a doubt, which a person is told of. Waiting ones and doubts
 * are decided anew at every call. Durable when this resolves.
 */
export async function endCatalogued(deps: WatchDeps): Promise<void> {
  const again = await cataloguedAgain(deps.database)
  if (again.length === 0) return
  const differences: Difference[] = []
  for (const one of again) differences.push(await differenceOf(deps, one))
  const ended = await deps.database.transaction<WatchTables, readonly EndingCertification[]>(
    'watch.catalogued-again',
    async (trx) => {
      const ids = differences.map(({ one }) => one.id)
      const reached = differences.flatMap((found) => found.reached)
      const { findings, ending } = decideEndings(deps, await readWatched(trx, ids), reached)
      const { maxEndedByOneChange: most } = deps.policy().policy
      const isTooMuch = ending.length > most
      const waits = `the newer inspector finds known flaws in ${ending.length} certifications; the certification policy holds what ends more than ${most}`
      const held = new Set(isTooMuch ? ending.map(({ row }) => row.id) : [])
      for (const { one, doubts } of differences) await setDoubts(trx, one.id, held.has(one.id) ? [waits] : doubts)
      if (isTooMuch) return []
      await keepFindings(trx, findings)
      await endNumbered(deps, trx, ending)
      const advisories = [...new Set(findings.map(({ advisory }) => advisory))]
      if (advisories.length > 0) await deps.outbox.emit(trx, { kind: FINDINGS_CHANGED, payload: { advisories } })
      return ending
    },
  )
  for (const { row } of ended) deps.watched.remove(row.id)
  if (ended.length > 0) deps.logger.info({ ended: ended.length }, 'what was catalogued again ended certifications')
  await logRecords(deps)
}

/** Both catalogues by the data and the policy of this moment. That data is old is no reason to end anything. */
async function differenceOf(deps: WatchDeps, one: CataloguedAgain): Promise<Difference> {
  const [before, after] = [await openCatalogue(deps, one.before), await openCatalogue(deps, one.catalogue_id)]
  const [was, is] = [decided(deps, one, before), decided(deps, one, after)]
  const known = new Set(was.findings.map(keyOf))
  const found = is.findings.filter((finding) => !known.has(keyOf(finding)))
  const reached = found.map((finding) => ({ finding, isUnclear: false, certifications: [one.id] }))
  return { one, reached, doubts: is.against.filter((reason) => !was.against.includes(reason)) }
}

function decided(deps: WatchDeps, { product, submitted_by }: CataloguedAgain, catalogue: Catalogue) {
  const now = deps.clock.now()
  const matched = matchCatalogue(catalogue, deps.advisories, { now, maxAgeMs: Number.POSITIVE_INFINITY })
  const verdict: Verdict = { ...matched, protections: [] }
  const evidence = catalogue.components.map(({ purl, evidence }) => ({ component: purl, evidence }))
  const submittedBy = JSON.parse(submitted_by) as { issuer: string; subject: string }
  const { answer, reasons } = decideToCertify({ verdict, evidence, product, submittedBy }, deps.policy().policy, now)
  return { findings: verdict.findings, against: answer === 'refuse' || answer === 'ask' ? reasons : [] }
}

function keyOf({ advisory, component }: Verdict['findings'][number]): string {
  return `${advisory} ${component}`
}
