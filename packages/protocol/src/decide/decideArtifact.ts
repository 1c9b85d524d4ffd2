import type { UnverifiedBundle } from '../bundle/parseBundle.ts'
import type { SignedArtifact } from '../bundle/signedArtifact.ts'
import type { TrustedRoot } from '../bundle/trustedRoot.ts'
import { type BundleVerification, type Check, type VerifiedBundle, verifyBundle } from '../bundle/verifyBundle.ts'
import { toHex } from '../json/base64.ts'
import type { VerificationPolicy } from '../policy/verificationPolicy.ts'
import { decideToRun, type RunDecision } from './decideToRun.ts'
import { endingsOf } from './endingsOf.ts'
import type { AnchorFacts, Ending, Knowledge, VerifiedCertification } from './facts.ts'
import { type CertificationVerification, verifyCertification } from './verifyCertification.ts'

/** Everything that the trust decision looks at. Nothing is fetched and no clock is read while deciding. */
export interface ArtifactFacts {
  /** From `artifactBytes` or `artifactDigest`, over the hash that `digestAlgorithm` names for `signature`. */
  readonly artifact: SignedArtifact
  /** SHA-256 of the artifact, where `artifact` has a digest of another hash. */
  readonly sha256?: Uint8Array
  readonly signature: UnverifiedBundle
  /** What is offered as certifications, by anyone: what does not verify does not count. */
  readonly certifications: readonly UnverifiedBundle[]
  readonly root: TrustedRoot
  readonly knowledge: Knowledge
  readonly anchors: AnchorFacts
  /** This machine's time, read once. */
  readonly now: Date
  readonly clockOffsetMs?: number
  /** What the artifact has to be, where the caller knows: only certifications of this product and version count. */
  readonly product?: string
  readonly version?: string
}

/** What the policy makes of the artifact, and what was proved on the way. */
export interface ArtifactDecision extends RunDecision {
  readonly signature?: VerifiedBundle
  /** Those that verified, whether they count for the policy or not. */
  readonly certifications: readonly VerifiedCertification[]
  /** What ended of the artifact, its signature and its certifications. */
  readonly endings: readonly Ending[]
  /** Chains whose signatures were computed before: see `verifyBundle`. */
  readonly cachedChains: readonly string[]
}

/** What cryptography says of an artifact's bundles. It holds for as long as `root` is trusted, whatever time it is. */
export interface ArtifactVerification {
  readonly signature: BundleVerification
  /** One for each that was offered, in their order. */
  readonly certifications: readonly CertificationVerification[]
}

/**
 * The trust decision of `countersign verify`, of the agent before every start, and of `countersign run`: verifies the
 * signature and what is offered as certifications, finds what has ended, and asks the policy. Throws nothing for what is
 * in bundles. Trusts `root`, `knowledge`, `anchors` and the policy as given.
 */
export function decideArtifact(facts: ArtifactFacts, policy: VerificationPolicy): ArtifactDecision {
  return decideVerified(facts, verifyArtifact(facts), policy)
}

/** Verifies the signature and what is offered as certifications: the part of the decision that neither news nor time changes. */
export function verifyArtifact(
  facts: Pick<ArtifactFacts, 'artifact' | 'sha256' | 'signature' | 'certifications' | 'root'>,
): ArtifactVerification {
  const { artifact, root, sha256 = artifact.digest } = facts
  const certified = { ...artifact, digest: sha256 }
  return {
    signature: verifyBundle(facts.signature, artifact, root),
    certifications: facts.certifications.map((one) => verifyCertification(one, certified, root)),
  }
}

/** The rest of the decision. Trusts `verification` to be that of these facts. */
export function decideVerified(
  facts: ArtifactFacts,
  verification: ArtifactVerification,
  policy: VerificationPolicy,
): ArtifactDecision {
  const { artifact, knowledge, sha256 = artifact.digest } = facts
  const { signature: bundle, certifications: verifications } = verification
  const certifications = distinct(verifications)
  const signature = bundle.verified
  const endings = endingsOf(knowledge.records, {
    sha256: toHex(sha256),
    ...(signature !== undefined && { signature }),
    certifications,
  })
  const decision = decideToRun({ ...facts, bundle, sha256, certifications, endings: { ...knowledge, endings } }, policy)
  return {
    ...decision,
    checks: [...decision.checks, ...refusedCertifications(verifications)],
    ...(signature !== undefined && { signature }),
    certifications,
    endings,
    cachedChains: bundle.cachedChains ?? [],
  }
}

/** The same certification offered twice, or logged twice, is one. */
function distinct(verifications: readonly CertificationVerification[]): VerifiedCertification[] {
  const found = new Map<string, VerifiedCertification>()
  for (const { certification } of verifications) {
    if (certification !== undefined) found.set(`${certification.authority} ${certification.number}`, certification)
  }
  return [...found.values()]
}

/** Whoever offers rubbish beside a good certification changes no answer; what was wrong with it is listed all the same. */
function refusedCertifications(verifications: readonly CertificationVerification[]): Check[] {
  return verifications.flatMap(({ checks, certification }, at) =>
    certification !== undefined
      ? []
      : checks
          .filter(({ result }) => result !== 'passed')
          .map((check) => ({ ...check, name: `offered certification ${at + 1}: ${check.name}` })),
  )
}
