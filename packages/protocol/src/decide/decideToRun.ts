import type { Check } from '../bundle/verifyBundle.ts'
import { equalBytes } from '../json/base64.ts'
import { durationMs, durationWords } from '../policy/duration.ts'
import { coversProduct, matchesIdentity } from '../policy/identityPattern.ts'
import type { VerificationPolicy } from '../policy/verificationPolicy.ts'
import { endingWords } from './endingWords.ts'
import type { DecideCode } from './errors.ts'
import type { Ending, RunFacts, VerifiedCertification } from './facts.ts'

/** A clock farther off than this makes statements about time impossible. Five minutes, as Kerberos has it. */
export const MAX_CLOCK_OFFSET_MS = 300_000

/** What a policy makes of an artifact. */
export interface RunDecision {
  readonly answer: 'yes' | 'no' | 'cannot tell'
  /** Every check with its result, those of the bundle first. */
  readonly checks: readonly Check[]
  /** What stands against *yes*, in words; for a yes, what it rests on less firmly than it could. */
  readonly reasons: readonly string[]
}

/** One check and the answer it leaves possible. */
interface Step {
  readonly check: Check
  /** `yes`: stands against nothing. */
  readonly allows: 'yes' | 'no' | 'cannot tell'
  readonly warning?: boolean
}

/**
 * The trust decision: may this artifact run under this policy? Every check runs; a *no* outweighs a *cannot tell*.
 * Stopping needs less proof than going on: an ending counts however old the knowledge is, while *yes* needs fresh
 * knowledge, a right clock and unexpired anchors. Trusts `facts` to be verified, as their types say.
 */
export function decideToRun(facts: RunFacts, policy: VerificationPolicy): RunDecision {
  const steps = [
    ...bundleSteps(facts),
    environmentStep(facts, policy),
    anchorStep(facts, policy),
    signatureStep(facts),
    identityStep(facts, policy),
    certificationStep(facts, policy),
    endingStep(facts, policy),
    logStep(facts),
    freshnessStep(facts, policy),
    clockStep(facts),
    expiryStep(facts),
  ]
  const answer = worst(steps)
  return {
    answer,
    checks: steps.map((step) => step.check),
    reasons: steps.filter((step) => step.allows === answer && (answer !== 'yes' || step.warning)).map(reason),
  }
}

function bundleSteps({ bundle }: RunFacts): Step[] {
  const steps = bundle.checks.map(
    (check): Step => ({
      check,
      allows: check.result === 'failed' ? 'no' : check.result === 'passed' ? 'yes' : 'cannot tell',
    }),
  )
  if (bundle.verified !== undefined || steps.some((step) => step.allows === 'no')) return steps
  return [...steps, cannotTell('signature', 'decide.bundle-unverified', 'the signature was not verified completely')]
}

function environmentStep({ anchors }: RunFacts, policy: VerificationPolicy): Step {
  if (policy.environment === 'production' && anchors.environment === 'development') {
    return no(
      'environment',
      'decide.development-anchors',
      'verified with development anchors, the policy is for production',
    )
  }
  return passed('environment', `${anchors.environment} anchors, ${policy.environment} policy`)
}

function anchorStep({ anchors }: RunFacts, policy: VerificationPolicy): Step {
  const named = policy.anchors.some(
    (one) => one.rootSha256 === anchors.rootSha256 && one.environment === anchors.environment,
  )
  if (policy.anchors.length > 0 && !named) {
    return no('anchor', 'decide.anchor-not-named', `the policy does not name the root ${anchors.rootSha256}`)
  }
  return passed(
    'anchor',
    named ? `the policy names the root ${anchors.rootSha256}` : 'the policy takes any installed anchor',
  )
}

/** Identities and validators have issuing CAs of their own, so that neither can stand in for the other. */
function signatureStep({ bundle: { verified } }: RunFacts): Step {
  if (verified === undefined) return notChecked('signature kind', 'needs a verified signature')
  if (verified.authority.certifies) {
    return no('signature kind', 'decide.certification-as-signature', 'it is a certification, not a signature')
  }
  const { statement } = verified
  const kind = statement === undefined ? 'of the artifact' : `in a statement of the type ${statement.predicateType}`
  return passed('signature kind', `signed by an identity, ${kind}`)
}

function identityStep(facts: RunFacts, policy: VerificationPolicy): Step {
  if (facts.bundle.verified === undefined) return notChecked('identity', 'needs a verified signature')
  const { identity } = facts.bundle.verified
  const who = `${identity.subject} (${identity.issuer})`
  const product = facts.product ?? certifiedProduct(facts, policy)
  const matching = policy.identities.filter((pattern) => matchesIdentity(pattern, identity))
  const covered = matching.map((pattern) => coversProduct(pattern, product))
  if (covered.includes(true)) return passed('identity', `${who} is trusted by the policy`)
  if (!covered.includes(undefined))
    return no('identity', 'decide.identity-not-trusted', `the policy does not trust ${who}`)
  return cannotTell('identity', 'decide.product-unknown', `the policy trusts ${who} only for some products`)
}

function certificationStep(facts: RunFacts, policy: VerificationPolicy): Step {
  const { required, of } = policy.validators
  const counting = countingCertifications(facts, policy)
  const isEnough = new Set(counting.map(({ validator }) => `${validator.issuer} ${validator.subject}`)).size >= required
  if (counting.length > 0 && isEnough) return passed('certification', counting.map(certificationWords).join('; '))
  if (required === 0) return passed('certification', 'not certified; this policy does not ask for it')
  const found = facts.certifications.flatMap((one) => whyNot(one, facts, policy) ?? [])
  const wanted = `${required} of ${of.length} validators are asked for, ${counting.length} certified this`
  const code = worstFirst.find((one) => found.some((why) => why.code === one)) ?? 'decide.not-certified'
  return no('certification', code, [wanted, ...found.map(({ why }) => why)].join('; '))
}

/** Whoever offers further certifications must not hide that one was ended: what is ended stops, what is missing does not. */
const worstFirst = ['decide.certification-ended', 'decide.certification-expired', 'decide.other-product'] as const

/** Those by validators whom the policy names that are active now, of this artifact and of the product that is asked for. */
function countingCertifications(facts: RunFacts, policy: VerificationPolicy): readonly VerifiedCertification[] {
  return facts.certifications.filter((one) => whyNot(one, facts, policy) === undefined)
}

/** The product that every certification that counts names; undefined where they differ or there is none. */
function certifiedProduct(facts: RunFacts, policy: VerificationPolicy): string | undefined {
  const products = new Set(countingCertifications(facts, policy).map(({ product }) => product))
  const [product] = products
  return products.size === 1 ? product : undefined
}

/** Why a certification does not count; undefined where it does. */
function whyNot(
  one: VerifiedCertification,
  { sha256, product, version, endings, now }: RunFacts,
  { validators }: VerificationPolicy,
): { readonly code: DecideCode; readonly why: string } | undefined {
  const name = `certification ${one.number} by ${one.validator.subject}`
  const { issuer, subject } = one.validator
  const ending = endings.endings.find((it) => isOf(it, one))
  if (!validators.of.some((named) => named.issuer === issuer && named.subject === subject)) {
    return { code: 'decide.not-certified', why: `${name}: the policy does not name this validator` }
  }
  if (!equalBytes(one.digest, sha256)) return { code: 'decide.not-certified', why: `${name} is of another artifact` }
  if (ending !== undefined) return { code: 'decide.certification-ended', why: `${name} ${endingWords(ending)}` }
  if (now.getTime() > one.notAfter.getTime()) {
    return { code: 'decide.certification-expired', why: `${name} ran out at ${one.notAfter.toISOString()}` }
  }
  if ((product ?? one.product) !== one.product || (version ?? one.version) !== one.version) {
    return { code: 'decide.other-product', why: `${name} is for ${one.product} ${one.version}` }
  }
  return undefined
}

function endingStep(facts: RunFacts, policy: VerificationPolicy): Step {
  // An ended certification no longer counts as one; the other endings are about the artifact itself.
  const ending = facts.endings.endings.find(
    ({ covers, unlessCertified }) =>
      covers !== 'certification' && !(unlessCertified && countingCertifications(facts, policy).length > 0),
  )
  if (ending === undefined) return passed('endings', 'no revocation that is known here covers it')
  return no('endings', 'decide.ended', `trust in its ${ending.covers} ${endingWords(ending)}`)
}

function logStep({ endings: { problem } }: RunFacts): Step {
  if (problem === undefined) return passed('logs', 'no log contradicts what it said before')
  const check: Check = { name: 'logs', result: 'failed', code: problem.code, detail: problem.detail }
  return { check, allows: 'cannot tell' }
}

function freshnessStep({ endings, now }: RunFacts, policy: VerificationPolicy): Step {
  if (endings.freshness === undefined) {
    return staleStep(policy, 'decide.endings-unknown', 'nothing is known here about revocations')
  }
  const ageMs = now.getTime() - endings.freshness.getTime()
  const told = `known as of ${endings.freshness.toISOString()}, ${endings.source}${endings.witnessed ? '' : ', unwitnessed'}`
  if (policy.maxOffline !== '0' && ageMs > durationMs(policy.maxOffline)) {
    // Past this bound even a policy that only informs about staleness wants code stopped.
    return cannotTell(
      'freshness',
      'decide.stale',
      `${told}: longer ago than maxOffline, ${durationWords(policy.maxOffline)}`,
    )
  }
  if (ageMs > durationMs(policy.maxStaleness)) {
    return staleStep(policy, 'decide.stale', `${told}: longer ago than ${durationWords(policy.maxStaleness)}`)
  }
  return passed('freshness', told)
}

function staleStep({ onStale }: VerificationPolicy, code: DecideCode, detail: string): Step {
  if (onStale !== 'inform') return cannotTell('freshness', code, detail)
  return { ...passed('freshness', `${detail}; this policy only informs about it`), warning: true }
}

function clockStep({ clockOffsetMs }: RunFacts): Step {
  if (clockOffsetMs === undefined) return passed('clock', 'no other clock to compare with')
  const minutes = Math.round(Math.abs(clockOffsetMs) / 60_000)
  if (Math.abs(clockOffsetMs) > MAX_CLOCK_OFFSET_MS) {
    const side = clockOffsetMs > 0 ? 'ahead' : 'behind'
    return cannotTell('clock', 'decide.clock-wrong', `the clock of this machine is ${minutes} minutes ${side}`)
  }
  return passed('clock', 'the clock of this machine is right')
}

function expiryStep({ anchors, now }: RunFacts): Step {
  const until = anchors.expires.toISOString()
  if (now.getTime() > anchors.expires.getTime()) {
    return cannotTell('anchor expiry', 'decide.anchors-expired', `the anchors expired at ${until}`)
  }
  return passed('anchor expiry', `valid until ${until}`)
}

function isOf({ certification }: Ending, one: VerifiedCertification): boolean {
  return certification?.authority === one.authority && certification.number === one.number
}

function certificationWords({ number, validator, product, version }: VerifiedCertification): string {
  return `${product} ${version} certified by ${validator.subject} under number ${number}`
}

function worst(steps: readonly Step[]): RunDecision['answer'] {
  if (steps.some((step) => step.allows === 'no')) return 'no'
  return steps.some((step) => step.allows === 'cannot tell') ? 'cannot tell' : 'yes'
}

function reason({ check }: Step): string {
  return `${check.name}: ${check.detail}`
}

function passed(name: string, detail: string): Step {
  return { check: { name, result: 'passed', detail }, allows: 'yes' }
}

function notChecked(name: string, detail: string): Step {
  return { check: { name, result: 'not checked', detail }, allows: 'cannot tell' }
}

function no(name: string, code: DecideCode, detail: string): Step {
  return { check: { name, result: 'failed', code, detail }, allows: 'no' }
}

function cannotTell(name: string, code: DecideCode, detail: string): Step {
  return { check: { name, result: 'failed', code, detail }, allows: 'cannot tell' }
}
