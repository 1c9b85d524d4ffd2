import { type Anchors, openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { type Clock, systemClock } from '@countersign/local/clock/clock.ts'
import { type FeedKnowledge, readKnowledge } from '@countersign/local/feed/knowledge.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import { MAX_BUNDLE_BYTES, parseBundle, type UnverifiedBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { artifactBytes, type SignedArtifact } from '@countersign/protocol/bundle/signedArtifact.ts'
import { parseTrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import {
  type BundleVerification,
  type Check,
  digestAlgorithm,
  type VerifiedBundle,
  verifyBundle,
} from '@countersign/protocol/bundle/verifyBundle.ts'
import { decideToRun, type RunDecision } from '@countersign/protocol/decide/decideToRun.ts'
import { CodedError, hasCode } from '@countersign/protocol/errors/codedError.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import {
  MAX_POLICY_BYTES,
  parseVerificationPolicy,
  type VerificationPolicy,
} from '@countersign/protocol/policy/verificationPolicy.ts'
import { checkTable, printable } from '../output/checkTable.ts'
import { outputError } from '../output/errors.ts'
import type { Terminal } from '../output/terminal.ts'
import { type Artifact, type HashName, readArtifact } from './artifact.ts'

/** What `countersign verify` takes. */
export interface VerifyOptions {
  readonly bundle?: string
  readonly policy?: string
  readonly identity?: string
  readonly issuer?: string
  readonly instance?: string
  readonly offline?: boolean
}

/** What is known around the bundle: trust, and news about it. */
interface Surroundings {
  readonly anchors: Anchors
  readonly knowledge: FeedKnowledge
  /** This clock against the server's; only on-line. */
  readonly clockOffsetMs?: number
}

interface Outcome extends RunDecision {
  readonly artifact?: Artifact
  readonly verified?: VerifiedBundle
}

const exits = { yes: 0, no: 1, 'cannot tell': 2 } as const

/** `countersign verify`: answers yes, no or cannot tell, with every check. Returns 0, 1 or 2. */
export async function verify(name: string, options: VerifyOptions, terminal: Terminal): Promise<number> {
  const outcome = await evaluate(name, options, terminal, systemClock)
  terminal.result(describe(name, outcome))
  terminal.line(`${outcome.answer}  ${printable(name)}`)
  if (outcome.verified) {
    const { identity, signedAt } = outcome.verified
    terminal.line(
      `  signed by ${printable(identity.subject)} (${printable(identity.issuer)}), ${signedAt.toISOString()}`,
    )
  }
  for (const line of checkTable(outcome.checks)) terminal.line(line)
  for (const reason of outcome.reasons) terminal.line(`  ${outcome.answer}, because ${printable(reason)}`)
  return exits[outcome.answer]
}

async function evaluate(name: string, options: VerifyOptions, terminal: Terminal, clock: Clock): Promise<Outcome> {
  const stored = await openAnchors(options.instance)
  const [bundle, ownPolicy] = await Promise.all([readBundle(name, options), readPolicy(options)])
  if (bundle instanceof CodedError) return unreadable('bundle', 'no', bundle)
  if (ownPolicy instanceof CodedError) return unreadable('policy', 'cannot tell', ownPolicy)
  const around = options.offline ? await known(stored) : await renew(stored, terminal, clock)
  const policy = ownPolicy ?? around.anchors.policy
  const hashName = digestAlgorithm(bundle)
  const artifact = await terminal.during(`reading ${name}`, () => readArtifact(name, hashName, terminal.signal))
  const root = parseTrustedRoot(around.anchors.target('trusted_root.json'))
  const verification = verifyBundle(bundle, await signedArtifact(artifact, hashName), root)
  const decision = decide(verification, around, policy, clock)
  return {
    ...narrow(decision, verification, options),
    artifact,
    ...(verification.verified && { verified: verification.verified }),
  }
}

/** Verifying a digest loads a library of curves, which a file of usual size need not wait for. */
async function signedArtifact({ bytes, digest }: Artifact, hashName: HashName): Promise<SignedArtifact> {
  if (bytes !== undefined) return artifactBytes(bytes, hashName)
  const { artifactDigest } = await import('@countersign/protocol/bundle/artifactDigest.ts')
  return artifactDigest(digest)
}

async function known(anchors: Anchors): Promise<Surroundings> {
  return { anchors, knowledge: await readKnowledge(anchors) }
}

/** On-line: trust first, because it names the logs, then news. Loaded only here: it brings the network and TUF. */
async function renew(stored: Anchors, terminal: Terminal, clock: Clock): Promise<Surroundings> {
  const { renewSurroundings } = await import('./renewSurroundings.ts')
  return terminal.during('asking the instance for news', () => renewSurroundings(stored, terminal, clock))
}

function decide(
  bundle: BundleVerification,
  around: Surroundings,
  policy: VerificationPolicy,
  clock: Clock,
): RunDecision {
  const { anchors, knowledge } = around
  const now = clock.now()
  const clockOffsetMs = worstOffset(now, around)
  return decideToRun(
    {
      bundle,
      certifications: [],
      endings: knowledge.endings,
      anchors,
      now,
      ...(clockOffsetMs !== undefined && { clockOffsetMs }),
    },
    policy,
  )
}

/** The server's clock where it was asked; else a time that witnesses signed, before which now cannot be. */
function worstOffset(now: Date, { knowledge: { timeFloor }, clockOffsetMs }: Surroundings): number | undefined {
  const behindMs = timeFloor === undefined ? 0 : Math.min(0, now.getTime() - timeFloor.getTime())
  if (clockOffsetMs === undefined) return timeFloor === undefined ? undefined : behindMs
  return Math.abs(clockOffsetMs) >= Math.abs(behindMs) ? clockOffsetMs : behindMs
}

/** `--identity` and `--issuer` ask for more than the policy does, never for less. */
function narrow(
  decision: RunDecision,
  { verified }: BundleVerification,
  { identity, issuer }: VerifyOptions,
): RunDecision {
  if (identity === undefined && issuer === undefined) return decision
  const wanted = [identity, issuer].filter((one) => one !== undefined).join(' by ')
  const name = 'asked identity'
  if (verified === undefined) {
    const check: Check = { name, result: 'not checked', detail: `needs a verified signature to compare with ${wanted}` }
    return { ...decision, checks: [...decision.checks, check] }
  }
  const { subject, issuer: by } = verified.identity
  const isSame = (identity ?? subject) === subject && (issuer ?? by) === by
  const detail = isSame ? `it is ${wanted}` : `asked for ${wanted}, signed by ${subject} (${by})`
  if (isSame) return { ...decision, checks: [...decision.checks, { name, result: 'passed', detail }] }
  const check: Check = { name, result: 'failed', code: 'cli.other-identity', detail }
  return {
    answer: 'no',
    checks: [...decision.checks, check],
    reasons: [...(decision.answer === 'no' ? decision.reasons : []), `${name}: ${detail}`],
  }
}

/** A bundle that cannot be read is no signature; the error is the answer's one check. Files that are missing are thrown. */
async function readBundle(name: string, { bundle }: VerifyOptions): Promise<UnverifiedBundle | CodedError> {
  const path = bundle ?? (name === '-' || name.startsWith('sha256:') ? undefined : `${name}.sigstore.json`)
  if (path === undefined) throw outputError('cli.usage', 'standard input or a digest needs --bundle <file>')
  const bytes = await readBounded(path, MAX_BUNDLE_BYTES)
  try {
    return parseBundle(bytes)
  } catch (error) {
    if (error instanceof CodedError) return error
    throw error
  }
}

/** The policy of `--policy`; a newer one is an answer, not a failure. */
async function readPolicy({ policy }: VerifyOptions): Promise<VerificationPolicy | CodedError | undefined> {
  if (policy === undefined) return undefined
  try {
    return parseVerificationPolicy(await readBounded(policy, MAX_POLICY_BYTES))
  } catch (error) {
    if (hasCode(error, 'policy.version-newer')) return error
    throw error
  }
}

function unreadable(name: string, answer: 'no' | 'cannot tell', { code, message }: CodedError): Outcome {
  return { answer, checks: [{ name, result: 'failed', code, detail: message }], reasons: [`${name}: ${message}`] }
}

function describe(name: string, { answer, checks, reasons, artifact, verified }: Outcome): object {
  return {
    answer,
    artifact: name,
    ...(artifact && { digest: toHex(artifact.digest) }),
    ...(verified && {
      signer: { subject: verified.identity.subject, issuer: verified.identity.issuer },
      signedAt: verified.signedAt.toISOString(),
      log: { origin: verified.entry.origin, index: verified.entry.index },
    }),
    checks,
    reasons,
  }
}
