import { artifactDigest } from '@countersign/protocol/bundle/artifactDigest.ts'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import type { TrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { type Check, type VerifiedBundle, verifyBundle } from '@countersign/protocol/bundle/verifyBundle.ts'
import type { VerifiedCertification } from '@countersign/protocol/decide/facts.ts'
import { verifyCertification } from '@countersign/protocol/decide/verifyCertification.ts'
import { equalBytes, fromHex, toHex } from '@countersign/protocol/json/base64.ts'
import { sha256 } from '@countersign/protocol/log/merkle.ts'
import { FINDINGS_PREDICATE_TYPE } from '@countersign/protocol/statement/findingsStatement.ts'
import { SBOM_PREDICATE_TYPE } from '@countersign/protocol/statement/sbomStatement.ts'
import { validatorsUrl } from '../trust/facts.ts'
import type { ArtifactsDeps } from './artifactsDeps.ts'
import type { ArtifactsTables, StoredCertificationRow } from './artifactsTables.ts'
import { artifactsError } from './errors.ts'
import type { StoredSubmission } from './submissionStore.ts'

/** The three bundles of one certification, as texts. */
export interface CertificationBundles {
  readonly certification: string
  readonly sbom: string
  readonly findings: string
}

/**
 * Verifies what a validator tells as a certification, as everybody else will verify it, and stores the three bundles under
 * their digests. It must be for the artifact and signature of the submission, by its validator, under a number that this
 * instance gave out for exactly that; SBOM and findings must be signed by the same key and be those that it names.
 * Throws `artifacts.certification-wrong`, `artifacts.number-unknown`, and `bundle.*` for what is no bundle.
 */
export async function checkCertification(
  deps: ArtifactsDeps,
  submission: StoredSubmission,
  bundles: CertificationBundles,
): Promise<StoredCertificationRow> {
  const root = await deps.trustedRoot()
  const { certification: found, checks } = verifyCertification(
    parseBundle(bundles.certification),
    artifactDigest(fromHex(submission.sha256, 'the digest')),
    root,
  )
  if (found === undefined) throw wrong('the certification', checks)
  demand(found.claims.signature === submission.signature_sha256, 'it is about another signature')
  demand(sameName(submission, found), 'it names another product or version than the submission')
  await requireNumber(deps, submission, found)
  requirePart(root, found, { text: bundles.sbom, type: SBOM_PREDICATE_TYPE, sha256: found.claims.sbom })
  requirePart(root, found, { text: bundles.findings, type: FINDINGS_PREDICATE_TYPE, sha256: found.claims.findings })
  const { store, clock } = deps
  return {
    authority: found.authority,
    number: Number(found.number),
    sha256: submission.sha256,
    product: found.product,
    version: found.version,
    validator: submission.validator,
    not_after_ms: found.notAfter.getTime(),
    signature_sha256: submission.signature_sha256,
    certification_sha256: await store.putBundle(bundles.certification),
    sbom_sha256: await store.putBundle(bundles.sbom),
    findings_sha256: await store.putBundle(bundles.findings),
    stored_ms: clock.now().getTime(),
  }
}

/** What the submitter named binds; what only the artifact itself names is the validator's to read. */
function sameName({ product, version }: StoredSubmission, found: VerifiedCertification): boolean {
  return (product ?? found.product) === found.product && (version ?? found.version) === found.version
}

async function requireNumber(
  { facts, database }: ArtifactsDeps,
  { sha256: artifact, validator }: StoredSubmission,
  found: VerifiedCertification,
): Promise<void> {
  demand(found.claims.validator === `${validatorsUrl(facts)}/${validator}`, 'it is by another validator')
  const issued = await database
    .tables<ArtifactsTables>()
    .selectFrom('trust_certifications')
    .select(['sha256', 'validator', 'key_id'])
    .where('authority', '=', found.authority)
    .where('number', '=', Number(found.number))
    .executeTakeFirst()
  const isSame =
    issued?.sha256 === artifact && issued.validator === validator && issued.key_id === found.certificate.keyId
  if (!isSame) throw artifactsError('artifacts.number-unknown', `the number ${found.number} was not given out for this`)
}

interface Part {
  readonly text: string
  readonly type: string
  /** Of the payload, as the certification names it. */
  readonly sha256: string
}

function requirePart(root: TrustedRoot, found: VerifiedCertification, { text, type, sha256: named }: Part): void {
  const bundle = parseBundle(text)
  const { verified, checks } = verifyBundle(bundle, artifactDigest(found.digest), root)
  if (verified === undefined) throw wrong(type, checks)
  demand(verified.statement?.predicateType === type, `a bundle is no ${type}`)
  demand(hasSameKey(verified, found), `the ${type} is signed by another key`)
  demand(
    bundle.content.kind === 'statement' && toHex(sha256(bundle.content.payload)) === named,
    `another ${type} is named`,
  )
}

function hasSameKey({ certificate }: VerifiedBundle, found: VerifiedCertification): boolean {
  return equalBytes(certificate.raw, found.certificate.raw)
}

function demand(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw artifactsError('artifacts.certification-wrong', otherwise)
}

function wrong(what: string, checks: readonly Check[]): Error {
  const failed = checks.find(({ result }) => result === 'failed')
  return artifactsError(
    'artifacts.certification-wrong',
    `${what}: ${failed?.name}: ${failed?.detail} (${failed?.code})`,
  )
}
