import { hash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { type Anchors, openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { type Clock, systemClock } from '@countersign/local/clock/clock.ts'
import { type FeedKnowledge, readKnowledge } from '@countersign/local/feed/knowledge.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import { MAX_BUNDLE_BYTES, parseBundle, type UnverifiedBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { artifactBytes, type SignedArtifact } from '@countersign/protocol/bundle/signedArtifact.ts'
import { parseTrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { type Check, digestAlgorithm } from '@countersign/protocol/bundle/verifyBundle.ts'
import { type ArtifactDecision, decideArtifact } from '@countersign/protocol/decide/decideArtifact.ts'
import { CodedError, hasCode } from '@countersign/protocol/errors/codedError.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import { MAX_POLICY_BYTES } from '@countersign/protocol/policy/readPolicy.ts'
import { parseVerificationPolicy, type VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { outputError } from '../output/errors.ts'
import type { Terminal } from '../output/terminal.ts'
import { type Artifact, type HashName, readArtifact } from './artifact.ts'
import { certificationsBeside } from './certificationsBeside.ts'
import type { Replacement } from './findReplacement.ts'
import { describeOutcome, printOutcome, type VerifyOutcome } from './verifyOutcome.ts'

/** What `countersign verify` takes. */
export interface VerifyOptions {
  readonly bundle?: string
  /** Files with certifications; none given: those beside the artifact, and where they are too few the instance is asked. */
  readonly certification?: readonly string[]
  readonly policy?: string
  readonly identity?: string
  readonly issuer?: string
  readonly instance?: string
  readonly offline?: boolean
}

/** What is known around the bundle: trust, and news about it. */
interface Surroundings {
  readonly anchors: Anchors
  readonly feed: FeedKnowledge
  /** This clock against the server's; only on-line. */
  readonly clockOffsetMs?: number
}

/** What was offered as certifications: those that can be read, and a check for each that cannot. */
interface Offered {
  readonly bundles: readonly UnverifiedBundle[]
  readonly unreadable: readonly Check[]
}

const exits = { yes: 0, no: 1, 'cannot tell': 2 } as const

/** `countersign verify`: answers yes, no or cannot tell, with every check. Returns 0, 1 or 2. */
export async function verify(name: string, options: VerifyOptions, terminal: Terminal): Promise<number> {
  const outcome = await evaluate(name, options, terminal, systemClock)
  terminal.result(describeOutcome(name, outcome))
  printOutcome(name, outcome, terminal)
  return exits[outcome.answer]
}

async function evaluate(
  name: string,
  options: VerifyOptions,
  terminal: Terminal,
  clock: Clock,
): Promise<VerifyOutcome> {
  const stored = await openAnchors(options.instance)
  const [bundle, ownPolicy] = await Promise.all([readBundle(name, options), readPolicy(options)])
  if (bundle instanceof CodedError) return unreadable('bundle', 'no', bundle)
  if (ownPolicy instanceof CodedError) return unreadable('policy', 'cannot tell', ownPolicy)
  const hashName = digestAlgorithm(bundle)
  const [around, artifact] = await Promise.all([
    options.offline ? known(stored, ownPolicy) : renew(stored, ownPolicy, terminal, clock),
    terminal.during(`reading ${name}`, () => readArtifact(name, hashName, terminal.signal)),
  ])
  const sha256 = hashName === 'sha256' ? artifact.digest : await otherDigest(artifact, terminal)
  const policy = ownPolicy ?? around.anchors.policy
  const { required } = policy.validators
  const offered = await readCertifications({ name, sha256, required }, options, around.anchors, terminal)
  const now = clock.now()
  const clockOffsetMs = worstOffset(now, around)
  const decision = decideArtifact(
    {
      artifact: await signedArtifact(artifact, hashName),
      ...(sha256 !== undefined && { sha256 }),
      signature: bundle,
      certifications: offered.bundles,
      root: parseTrustedRoot(around.anchors.target('trusted_root.json')),
      knowledge: around.feed.knowledge,
      anchors: around.anchors,
      now,
      ...(clockOffsetMs !== undefined && { clockOffsetMs }),
    },
    policy,
  )
  const all = { ...decision, checks: [...decision.checks, ...offered.unreadable] }
  const replacement = options.offline ? undefined : await replacementOf(decision, around, now, terminal)
  return { ...narrow(all, options), artifact, now, ...(replacement && { replacement }) }
}

/** Looked for only where a certification has ended: whoever may use the artifact needs no other. */
async function replacementOf(
  { certifications, endings }: ArtifactDecision,
  { anchors, feed }: Surroundings,
  now: Date,
  terminal: Terminal,
): Promise<Replacement | undefined> {
  const ended = certifications.find(({ authority, number }) =>
    endings.some(({ certification }) => certification?.authority === authority && certification.number === number),
  )
  if (ended === undefined) return undefined
  const { findReplacement } = await import('./findReplacement.ts')
  const of = { sha256: toHex(ended.digest), product: ended.product }
  return findReplacement(anchors, of, { knowledge: feed.knowledge, now }, terminal)
}

/** Verifying a digest loads a library of curves, which a file of usual size need not wait for. */
async function signedArtifact({ bytes, digest }: Artifact, hashName: HashName): Promise<SignedArtifact> {
  if (bytes !== undefined) return artifactBytes(bytes, hashName)
  const { artifactDigest } = await import('@countersign/protocol/bundle/artifactDigest.ts')
  return artifactDigest(digest)
}

/** Certifications go by SHA-256, whatever the signer's hash. Undefined where the bytes went by and cannot be had again. */
async function otherDigest({ bytes, name }: Artifact, terminal: Terminal): Promise<Uint8Array | undefined> {
  if (bytes !== undefined) return new Uint8Array(hash('sha256', bytes, 'buffer'))
  if (name === '-' || !existsSync(name)) return undefined
  return (await readArtifact(name, 'sha256', terminal.signal)).digest
}

/** News count by the policy that decides: its witnesses say what is fresh, its revokers who ends trust. */
async function known(anchors: Anchors, own: VerificationPolicy | undefined): Promise<Surroundings> {
  return { anchors, feed: await readKnowledge({ ...anchors, policy: own ?? anchors.policy }) }
}

/** On-line: trust first, because it names the logs, then news. Loaded only here: it brings the network and TUF. */
async function renew(
  stored: Anchors,
  own: VerificationPolicy | undefined,
  terminal: Terminal,
  clock: Clock,
): Promise<Surroundings> {
  const { renewSurroundings } = await import('./renewSurroundings.ts')
  return terminal.during('asking the instance for news', () => renewSurroundings(stored, terminal, clock, own))
}

/** The server's clock where it was asked; else a time that witnesses signed, before which now cannot be. */
function worstOffset(now: Date, { feed: { timeFloor }, clockOffsetMs }: Surroundings): number | undefined {
  const behindMs = timeFloor === undefined ? 0 : Math.min(0, now.getTime() - timeFloor.getTime())
  if (clockOffsetMs === undefined) return timeFloor === undefined ? undefined : behindMs
  return Math.abs(clockOffsetMs) >= Math.abs(behindMs) ? clockOffsetMs : behindMs
}

/** `--identity` and `--issuer` ask for more than the policy does, never for less. */
function narrow(decision: ArtifactDecision, { identity, issuer }: VerifyOptions): ArtifactDecision {
  if (identity === undefined && issuer === undefined) return decision
  const wanted = [identity, issuer].filter((one) => one !== undefined).join(' by ')
  const name = 'asked identity'
  if (decision.signature === undefined) {
    const check: Check = { name, result: 'not checked', detail: `needs a verified signature to compare with ${wanted}` }
    return { ...decision, checks: [...decision.checks, check] }
  }
  const { subject, issuer: by } = decision.signature.identity
  const isSame = (identity ?? subject) === subject && (issuer ?? by) === by
  const detail = isSame ? `it is ${wanted}` : `asked for ${wanted}, signed by ${subject} (${by})`
  if (isSame) return { ...decision, checks: [...decision.checks, { name, result: 'passed', detail }] }
  const check: Check = { name, result: 'failed', code: 'cli.other-identity', detail }
  return {
    ...decision,
    answer: 'no',
    checks: [...decision.checks, check],
    reasons: [...(decision.answer === 'no' ? decision.reasons : []), `${name}: ${detail}`],
  }
}

/** A bundle that cannot be read is no signature; the error is the answer's one check. Files that are missing are thrown. */
async function readBundle(name: string, { bundle }: VerifyOptions): Promise<UnverifiedBundle | CodedError> {
  const path = bundle ?? beside(name, '.sigstore.json')
  if (path === undefined) throw outputError('cli.usage', 'standard input or a digest needs --bundle <file>')
  return parsed(await readBounded(path, MAX_BUNDLE_BYTES))
}

interface Wanted {
  /** Of the artifact. */
  readonly name: string
  readonly sha256: Uint8Array | undefined
  /** How many the policy asks for. */
  readonly required: number
}

/** Files that were named, else those beside the artifact; where these are fewer than are asked for, what the instance has too. */
async function readCertifications(
  { name, sha256, required }: Wanted,
  { certification, offline }: VerifyOptions,
  anchors: Anchors,
  terminal: Terminal,
): Promise<Offered> {
  const isNameless = beside(name, '') === undefined
  const files = certification ?? (isNameless ? [] : await certificationsBeside(name))
  const read = await Promise.all(files.map(async (file) => parsed(await readBounded(file, MAX_BUNDLE_BYTES))))
  const areEnough = files.length >= Math.max(1, required)
  if (certification !== undefined || areEnough || offline || sha256 === undefined) return offer(read)
  const { askCertifications } = await import('./renewSurroundings.ts')
  const ask = () => askCertifications(anchors, toHex(sha256), terminal)
  const asked = await terminal.during('asking the instance for certifications', ask)
  return offer([...read, ...asked.map(parsed)])
}

/** One that cannot be read is as good as none. */
function offer(all: readonly (UnverifiedBundle | CodedError)[]): Offered {
  const unreadable = all.flatMap((one, at): Check[] =>
    one instanceof CodedError
      ? [{ name: `offered certification ${at + 1}`, result: 'failed', code: one.code, detail: one.message }]
      : [],
  )
  return { bundles: all.flatMap((one) => (one instanceof CodedError ? [] : [one])), unreadable }
}

/** Where a file of this artifact lies unless said otherwise; undefined where there is nothing to lie beside. */
function beside(name: string, ending: string): string | undefined {
  return name === '-' || name.startsWith('sha256:') ? undefined : `${name}${ending}`
}

function parsed(text: Uint8Array | string): UnverifiedBundle | CodedError {
  try {
    return parseBundle(text)
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

function unreadable(name: string, answer: 'no' | 'cannot tell', { code, message }: CodedError): VerifyOutcome {
  return {
    answer,
    checks: [{ name, result: 'failed', code, detail: message }],
    reasons: [`${name}: ${message}`],
    certifications: [],
    endings: [],
    now: new Date(0),
  }
}
