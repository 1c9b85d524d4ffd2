import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import type { TrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import {
  type ArtifactDecision,
  type ArtifactVerification,
  decideVerified,
  verifyArtifact,
} from '@countersign/protocol/decide/decideArtifact.ts'
import { decideEffect, type RecallEffect } from '@countersign/protocol/decide/decideEffect.ts'
import type { Ending, Knowledge } from '@countersign/protocol/decide/facts.ts'
import { durationMs } from '@countersign/protocol/policy/duration.ts'
import type { LoadedRelease } from '../releases/releaseFolder.ts'
import { enforceError } from './errors.ts'

/** What is known around a release at one moment. Read once for one decision. */
export interface Surroundings {
  readonly anchors: Anchors
  /** Of these anchors. */
  readonly root: TrustedRoot
  readonly knowledge: Knowledge
  readonly now: Date
  /** What is certain of it: whoever sets the clock must not stop what is good, nor keep running what is offline. */
  readonly timeFloor: Date
  /** Uncertain time counts as stale (design 8). */
  readonly isTimeProven: boolean
}

/** What is examined: bundles for an artifact, and what it has to be where that is known. */
export interface Examinable extends Pick<LoadedRelease, 'artifact' | 'signature' | 'certifications'> {
  readonly release?: { readonly product: string; readonly version: string }
}

/** How a release stands now. All but `good` have an effect that the policy decides. */
export type Standing =
  | { readonly kind: 'good' }
  | { readonly kind: 'revoked'; readonly endings: readonly Ending[]; readonly why: string; readonly code: string }
  | { readonly kind: 'expired' | 'stale' | 'offline'; readonly why: string; readonly code: string }
  | { readonly kind: 'refused'; readonly why: string; readonly code: string }

/** A decision, and what it means for a device. */
export interface Examination {
  readonly decision: ArtifactDecision
  readonly standing: Standing
  /** What the policy wants of code that runs and stands so; absent for `good`. */
  readonly effect?: RecallEffect
}

/** Checks that fail when this device lacks news, and say nothing about the artifact. */
const newsChecks = new Set(['logs', 'freshness', 'clock', 'anchor expiry'])
const endedCodes = new Set(['decide.ended', 'decide.certification-ended'])

/** Decides about a release in memory: both signatures, certifications, endings, freshness, policy. Reads no file, throws nothing. */
export function examine(loaded: Examinable, around: Surroundings): Examination {
  const { artifact, signature, certifications, release } = loaded
  const { anchors, root, knowledge, now } = around
  const wanted = release && { product: release.product, version: release.version }
  const facts = { artifact, signature, certifications, root, knowledge, anchors, now, ...wanted }
  const decision = decideVerified(facts, verifiedOnce(loaded, root), anchors.policy)
  const standing = standingOf(decision, around)
  if (standing.kind === 'good') return { decision, standing }
  const effect = decideEffect(
    { kind: standing.kind, ...(standing.kind === 'revoked' && { endings: standing.endings }) },
    anchors.policy,
  )
  return { decision, standing, effect }
}

/** What was verified of one release in memory. */
interface Remembered extends ArtifactVerification {
  readonly root: TrustedRoot
  readonly of: Examinable['certifications']
  readonly artifact: Examinable['artifact']
}

const remembered = new WeakMap<Examinable['signature'], Remembered>()

/**
 * Cryptography says the same of the same bundles for as long as the root is the same, so a recall need not wait for it, nor is
 * it done every second. What is read from disk is another object, and is verified anew.
 */
function verifiedOnce({ artifact, signature, certifications }: Examinable, root: TrustedRoot): ArtifactVerification {
  const known = remembered.get(signature)
  if (known?.root === root && known.artifact === artifact && known.of === certifications) return known
  const verified = verifyArtifact({ artifact, signature, certifications, root })
  remembered.set(signature, { ...verified, root, artifact, of: certifications })
  return verified
}

/** Throws `enforce.refused`, `enforce.cannot-tell` unless the release may be installed: that asks for a plain yes at a proven time. */
export function refuseInstall({ standing, effect }: Examination): void {
  if (standing.kind === 'good' || (standing.kind === 'stale' && effect === 'inform')) return
  throw refusal(standing)
}

/**
 * Throws `enforce.refused`, `enforce.cannot-tell` unless the release may start now. One that has run here may start again
 * where the policy lets running code go on: without news for a while, or with a certification that ran out. What the policy
 * does not let run never starts, whatever it wants of code that runs already.
 */
export function refuseStart({ standing, effect }: Examination, hasRun: boolean): void {
  if (standing.kind === 'refused') throw refusal(standing)
  if (standing.kind === 'good' || effect === 'inform') return
  if (hasRun && effect === 'refuseInstalls') return
  throw refusal(standing)
}

/**
 * `refused` stops what runs, so it follows only from what was signed and from the anchors with their policy: checks of news and
 * time are left out first, and a certification that ran out is a matter of time.
 */
function standingOf(decision: ArtifactDecision, around: Surroundings): Standing {
  const failing = decision.checks.filter(
    ({ result, name }) => result !== 'passed' && !newsChecks.has(name) && !name.startsWith('offered certification'),
  )
  const ended = failing.find(({ code }) => endedCodes.has(code ?? ''))
  const { endings } = decision
  if (ended && endings.length > 0)
    return { kind: 'revoked', endings, why: ended.detail, code: ended.code ?? 'decide.ended' }
  const [first] = failing.filter(({ code }) => code !== 'decide.certification-expired')
  if (first) return { kind: 'refused', why: `${first.name}: ${first.detail}`, code: first.code ?? 'enforce.refused' }
  if (isOffline(around)) return { kind: 'offline', ...newsReason(decision) }
  const [expired] = failing
  if (expired && around.isTimeProven)
    return { kind: 'expired', why: expired.detail, code: expired.code ?? 'decide.certification-expired' }
  if (decision.answer !== 'yes' && !expired) return { kind: 'stale', ...newsReason(decision) }
  if (around.isTimeProven) return { kind: 'good' }
  return { kind: 'stale', why: 'the instance has not proven its time yet', code: 'decide.clock-wrong' }
}

function isOffline({ anchors: { policy }, knowledge, timeFloor }: Surroundings): boolean {
  if (policy.maxOffline === '0' || knowledge.freshness === undefined) return false
  return timeFloor.getTime() - knowledge.freshness.getTime() > durationMs(policy.maxOffline)
}

function newsReason({ checks }: ArtifactDecision): { why: string; code: string } {
  const found = checks.find(({ result, name }) => result !== 'passed' && newsChecks.has(name))
  return { why: found?.detail ?? 'there is no news', code: found?.code ?? 'decide.stale' }
}

function refusal(standing: Exclude<Standing, { kind: 'good' }>) {
  const isUnknown = standing.kind === 'stale' || standing.kind === 'offline'
  return enforceError(isUnknown ? 'enforce.cannot-tell' : 'enforce.refused', standing.why, {
    detail: { code: standing.code, kind: standing.kind },
  })
}
