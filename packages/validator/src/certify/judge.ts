import type { Submission, Verdict } from '@countersign/protocol/api/artifacts.ts'
import { type CertificationDecision, decideToCertify } from '@countersign/protocol/decide/decideToCertify.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import { UNACCEPTABLE_GAPS } from '@countersign/protocol/policy/certificationPolicy.ts'
import { durationMs } from '@countersign/protocol/policy/duration.ts'
import { type Catalogue, readCatalogue } from '@countersign/protocol/sbom/catalogue.ts'
import { matchCatalogue } from '../match/matchCatalogue.ts'
import type { CertifyDeps } from './certifyDeps.ts'
import type { StoredSubmission } from './certifyStore.ts'
import { checkSignature } from './checkSignature.ts'
import { certifyError } from './errors.ts'
import { keepArtifact } from './keepArtifact.ts'

/** What the data and the policy of one moment make of a catalogue. */
export interface Judgement {
  readonly verdict: Verdict
  readonly decision: CertificationDecision
}

/** When a verdict came about, RFC 3339: from the start of the inspector to the end of the matching. */
export interface ScanTimes {
  readonly startedAt: string
  readonly finishedAt: string
}

/** What is judged besides the catalogue. */
export interface JudgedAs {
  readonly product: string
  readonly submittedBy: Submission['submittedBy']
  /** What confined the inspector. */
  readonly protections: readonly string[]
}

/** 100,000 components with their dependencies. */
const MAX_CATALOGUE_BYTES = 256 * 1024 * 1024

/** What every submission is told while there is no advisory data. */
export const NO_ADVISORY_DATA = 'no advisory data: nothing will be certified'

/**
 * From the submission to a recorded decision: fetch, check the developer's signature, inspect, match, decide. Nothing of
 * it leaves this machine. Durable when this resolves: the catalogue, then verdict and decision.
 * Throws `certify.signature-refused`, `certify.product-unknown`, `certify.product-mismatch`, and what is transient.
 */
export async function judge(deps: CertifyDeps, submission: StoredSubmission): Promise<StoredSubmission> {
  const { store, trust, clock, authority } = deps
  const { id, sha256 } = submission
  const path = await keepArtifact(deps.artifactsFolder, sha256, authority)
  const now = await trust.renew()
  const signed = { path, sha256, signature: submission.signature }
  await checkSignature(signed, now, { now: clock.now(), ...(submission.product && { product: submission.product }) })
  const startedAt = clock.now().toISOString()
  const { catalogue, protections } = await deps.inspect({ path, sha256, sizeBytes: submission.size_bytes })
  const catalogueId = await store.addCatalogue({
    sha256,
    scanner: `${catalogue.scanner.name} ${catalogue.scanner.version}`,
    catalogue: JSON.stringify(catalogue),
  })
  const { product, version } = productOf(submission, catalogue)
  // The policy may trust the signer for some products only, and only now the product is known for certain.
  await checkSignature(signed, now, { now: clock.now(), ...(product && { product }) })
  const active = protections.filter((one) => one.active).map((one) => one.name)
  const submittedBy = JSON.parse(submission.submitted_by) as JudgedAs['submittedBy']
  const { verdict, decision } = judgeCatalogue(deps, catalogue, { product, submittedBy, protections: active })
  return store.changeSubmission(id, {
    stage: 'decided',
    catalogue_id: catalogueId,
    product,
    version,
    verdict: JSON.stringify(verdict),
    scan: JSON.stringify({ startedAt, finishedAt: clock.now().toISOString() } satisfies ScanTimes),
    decision: JSON.stringify(decision),
  })
}

/** Matches a catalogue against the advisories of this moment and asks the policy. Nothing is stored. */
export function judgeCatalogue(
  deps: Pick<CertifyDeps, 'advisories' | 'clock' | 'policy' | 'identity'>,
  catalogue: Catalogue,
  { protections, ...who }: JudgedAs,
): Judgement {
  const { advisories, clock, identity } = deps
  const { policy } = deps.policy()
  const now = clock.now()
  const facts = matchCatalogue(catalogue, advisories, { now, maxAgeMs: durationMs(policy.maxAdvisoryAge) })
  const verdict: Verdict = { ...facts, protections: [...protections] }
  const evidence = catalogue.components.map(({ purl, evidence }) => ({ component: purl, evidence }))
  const decision = decideToCertify({ verdict, evidence, ...who }, policy, now)
  const refusals = [
    ...(verdict.advisories.records === 0 ? [NO_ADVISORY_DATA] : []),
    ...(verdict.advisories.sample && identity.environment === 'production'
      ? ['the advisory data is a sample: a production instance certifies nothing by it']
      : []),
  ]
  if (refusals.length === 0) return { verdict, decision }
  return { verdict, decision: { ...decision, answer: 'refuse', reasons: [...refusals, ...decision.reasons] } }
}

/** Judges a submission again, whose artifact was inspected already. Nothing is stored. */
export function rejudge(deps: CertifyDeps, row: StoredSubmission, catalogue: Catalogue): Judgement {
  const { protections } = JSON.parse(row.verdict ?? '') as Verdict
  const submittedBy = JSON.parse(row.submitted_by) as JudgedAs['submittedBy']
  return judgeCatalogue(deps, catalogue, { product: row.product ?? '', submittedBy, protections })
}

/** The times of a verdict that is matched anew right now: the inspector has not run again. */
export function scannedUntilNow({ clock }: Pick<CertifyDeps, 'clock'>, row: StoredSubmission): string {
  const finishedAt = clock.now().toISOString()
  const { startedAt = finishedAt } = JSON.parse(row.scan ?? '{}') as Partial<ScanTimes>
  return JSON.stringify({ startedAt, finishedAt } satisfies ScanTimes)
}

/** A stored catalogue. Throws `sbom.*` where it is not what was stored. */
export async function openCatalogue(deps: Pick<CertifyDeps, 'store'>, id: number): Promise<Catalogue> {
  return readCatalogue(parseJson(await deps.store.catalogue(id), { maxBytes: MAX_CATALOGUE_BYTES }))
}

/** The manifest is under the developer's signature, so it says what this is; the submission must not say otherwise. */
function productOf(
  submission: StoredSubmission,
  { manifest, gaps }: Catalogue,
): { readonly product: string; readonly version: string } {
  const product = manifest?.product ?? submission.product
  const version = manifest?.version ?? submission.version
  // What no policy accepts is refused whatever it is called, and its gaps say more than a missing name does.
  const isHopeless = gaps.some(({ code }) => UNACCEPTABLE_GAPS.has(code))
  if ((!product || !version) && isHopeless) return { product: product ?? '', version: version ?? '' }
  if (!product || !version) {
    throw certifyError('certify.product-unknown', `${submission.name} names no product and version`)
  }
  if ((submission.product ?? product) !== product || (submission.version ?? version) !== version) {
    throw certifyError('certify.product-mismatch', `the manifest says ${product} ${version}`)
  }
  return { product, version }
}
