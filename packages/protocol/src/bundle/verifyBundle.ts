import { hash } from 'node:crypto'
import { CodedError } from '../errors/codedError.ts'
import { equalBytes } from '../json/base64.ts'
import { openCheckpoint, type VerifiedCheckpoint } from '../log/checkpoint.ts'

import { canonicalEntry, ENTRY_KIND } from '../log/hashedRekord.ts'
import { digestBytes, entryHash, type HashName, type KeyDetails, keyDetailsOf } from '../log/keyDetails.ts'
import { leafHash, verifyInclusion } from '../log/merkle.ts'
import { type NoteKey, noteKey } from '../log/note.ts'
import { pae } from '../log/pae.ts'
import type { LoggedInclusionProof, TransparencyLogEntry } from '../log/transparencyLogEntry.ts'
import { type VerifiedTimestamp, verifyTimestamp } from '../timestamp/verifyTimestamp.ts'
import type { Certificate } from '../x509/certificate.ts'
import { type CertificateIdentity, type FulcioClaims, readFulcioClaims, readIdentity } from '../x509/fulcio.ts'
import { readScts, type Sct, verifySct } from '../x509/sct.ts'
import { verifyChain } from '../x509/verifyChain.ts'
import { bundleError } from './errors.ts'
import type { UnverifiedBundle } from './parseBundle.ts'
import { isAbout, parseStatement, type Statement } from './parseStatement.ts'
import type { SignedArtifact } from './signedArtifact.ts'
import { isCertificationAuthority, type TrustedAuthority, type TrustedLog, type TrustedRoot } from './trustedRoot.ts'
import { isValidAt } from './validity.ts'
import { verifyEnvelope } from './verifyEnvelope.ts'

/** One step and what came of it. `code` stands exactly where the step failed; `detail` is for people. */
export interface Check {
  readonly name: string
  readonly result: 'passed' | 'failed' | 'not checked'
  readonly code?: string
  readonly detail: string
}

/** What is proved about an artifact and its signature. Made by `verifyBundle`, when every step passed. */
export interface VerifiedBundle {
  /** Who signed, as the certificate authority learned it from the identity issuer. */
  readonly identity: CertificateIdentity
  readonly claims: FulcioClaims
  /** Of the artifact, as given. */
  readonly digest: Uint8Array
  readonly certificate: Certificate
  readonly authority: IssuingAuthority
  readonly signature: Uint8Array
  /** Oldest first. */
  readonly timestamps: readonly VerifiedTimestamp[]
  /** Oldest timestamp: the signature existed then. */
  readonly signedAt: Date
  /** Where it is in the artifact log; of several entries the first. */
  readonly entry: {
    readonly origin: string
    readonly index: bigint
    readonly size: bigint
    readonly checkpoint: VerifiedCheckpoint
  }
  readonly sct: Sct
  /** The signed statement, where the bundle signs one. */
  readonly statement?: Statement
}

/** The authority that issued a signer's certificate. */
export interface IssuingAuthority {
  /** Lower-case hex SHA-256 of its SPKI; certification numbers count within it. */
  readonly keyId: string
  /** As the trusted root names it. */
  readonly uri: string
  /** `isCertificationAuthority`. Its certificates certify and are nobody's signature; the others certify nothing. */
  readonly certifies: boolean
}

/** All steps with their results, and what is proved if all passed. */
export interface BundleVerification {
  readonly checks: readonly Check[]
  readonly verified?: VerifiedBundle
  /** Chains above the signers whose signatures were computed before, for an earlier bundle and the same `TrustedRoot`. */
  readonly cachedChains?: readonly string[]
}

/**
 * Verifies a signature bundle for this artifact against what is trusted. Sigstore client specification;
 * entries of Rekor v2 only. Never throws for what is in the bundle: every step whose inputs exist runs, and each yields a
 * check, failed ones with the code of the error. Chains are verified at the time of every timestamp, not now.
 * `artifact` comes from `artifactBytes` or `artifactDigest`. `root` is trusted as given; keep the object, it also carries
 * the chains that verified. Not looked at: revocation, whether this identity may sign, cosignatures, and whether a signature
 * or a certification was asked for, which `authority` tells apart.
 */
export function verifyBundle(
  bundle: UnverifiedBundle,
  artifact: SignedArtifact,
  root: TrustedRoot,
): BundleVerification {
  const { run, checks } = startSteps()
  const cachedChains: string[] = []
  const digest = run('artifact digest', bundle, () => checkArtifactDigest(bundle, artifact.digest))
  const timestamps = run('timestamp', bundle, () => verifyTimestamps(bundle, root, cachedChains))
  const authority = run('certificate chain', timestamps, (stamps) => verifyIssued(bundle, root, stamps, cachedChains))
  const profile = run('certificate profile', bundle, () => readProfile(bundle.certificate))
  const sct = run('certificate log', issuerOf(bundle.certificate, root), (issuer) => verifyLogged(bundle, issuer, root))
  const entries = run('log entry', bundle, () => matchEntries(bundle))
  const proofs = run('inclusion proof', bundle, () => verifyProofs(bundle))
  const checkpoints = run('checkpoint', proofs, (them) => verifyCheckpoints(bundle, them, root, timestamps?.[0]?.time))
  const signed = run('signature', bundle, () => verifySignature(bundle, artifact))

  const [stamp, proof, checkpoint] = [timestamps?.[0], proofs?.[0], checkpoints?.[0]]
  if (
    !digest ||
    !stamp ||
    !timestamps ||
    !authority ||
    !profile ||
    !sct ||
    !entries ||
    !proof ||
    !checkpoint ||
    !signed
  ) {
    return { checks, cachedChains }
  }
  const entry = { origin: checkpoint.origin, index: proof.logIndex, size: proof.treeSize, checkpoint }
  const { certificate, content } = bundle
  const signature = { certificate, authority, signature: content.signature, timestamps, signedAt: stamp.time }
  return { checks, cachedChains, verified: { ...digest, ...profile, ...signature, sct, entry } }
}

/** The hash of the artifact that `verifyBundle` needs for this bundle: SHA-256 but for messages signed with larger keys. */
export function digestAlgorithm({ content }: UnverifiedBundle): HashName {
  return content.kind === 'message' ? content.hashName : 'sha256'
}

interface Passed<T> {
  readonly value: T
  readonly detail: string
}

function checkArtifactDigest(
  { content }: UnverifiedBundle,
  artifactDigest: Uint8Array,
): Passed<Pick<VerifiedBundle, 'digest' | 'statement'>> {
  const statement = content.kind === 'statement' ? parseStatement(content.payloadType, content.payload) : undefined
  if (artifactDigest.length !== (content.kind === 'message' ? content.digest.length : 32)) {
    throw bundleError('bundle.digest-algorithm', 'the bundle names a digest of another hash function')
  }
  const isSame =
    content.kind === 'message'
      ? equalBytes(content.digest, artifactDigest)
      : statement !== undefined && isAbout(statement, artifactDigest)
  if (!isSame) throw bundleError('bundle.digest-wrong', 'the bundle is for another artifact')
  const value = { digest: artifactDigest, ...(statement === undefined ? {} : { statement }) }
  return { value, detail: statement === undefined ? 'signed as a digest' : `signed as ${statement.predicateType}` }
}

function verifyTimestamps(
  { timestamps, content }: UnverifiedBundle,
  root: TrustedRoot,
  cachedChains: string[],
): Passed<readonly VerifiedTimestamp[]> {
  if (timestamps.length === 0) throw bundleError('bundle.no-timestamp', 'the bundle holds no timestamp')
  const verified = timestamps
    .map((timestamp) => verifyTimestamp(timestamp, content.signature, root.timestampAuthorities))
    .sort((a, b) => a.time.getTime() - b.time.getTime())
  for (const { authority } of verified) nameChain(root, [authority], cachedChains)
  return { value: verified, detail: verified.map(({ time }) => time.toISOString()).join(', ') }
}

/** Gives the issuing authority. The certificate must be valid at every timestamp: the key was only the signer's for that time. */
function verifyIssued(
  { certificate }: UnverifiedBundle,
  root: TrustedRoot,
  timestamps: readonly VerifiedTimestamp[],
  cachedChains: string[],
): Passed<IssuingAuthority> {
  const chains = timestamps.map(({ time }) => {
    const trusted = root.certificateAuthorities.filter((authority) => isValidAt(authority, time))
    const [, ...issuers] = verifyChain({
      leaf: certificate,
      intermediates: trusted.flatMap(({ chain }) => chain.slice(0, -1)),
      anchors: trusted.flatMap(({ chain }) => chain.slice(-1)),
      at: time,
      purpose: 'codeSigning',
    })
    return { issuers, trusted }
  })
  const [{ issuers, trusted } = { issuers: [], trusted: [] }] = chains
  return { value: issuingAuthority(issuers[0], trusted), detail: nameChain(root, issuers, cachedChains) }
}

function issuingAuthority(issuer: Certificate | undefined, trusted: readonly TrustedAuthority[]): IssuingAuthority {
  const above = trusted.filter(({ chain }) => issuer !== undefined && chain.includes(issuer))
  const own = above.filter(({ chain }) => chain[0] === issuer)
  const [first] = own
  // A certificate straight from a root that several authorities share is nobody's certification.
  const certifies = first !== undefined && own.every(isCertificationAuthority)
  return { keyId: issuer?.keyId ?? '', uri: first?.uri ?? above[0]?.uri ?? '', certifies }
}

function readProfile(certificate: Certificate): Passed<Pick<VerifiedBundle, 'identity' | 'claims'>> {
  const identity = readIdentity(certificate)
  return {
    value: { identity, claims: readFulcioClaims(certificate) },
    detail: `${identity.subject}, vouched for by ${identity.issuer}`,
  }
}

/** Only found by name here, so that the promise can be checked where the chain failed; `verifyIssued` proves the issuer. */
function issuerOf(certificate: Certificate, root: TrustedRoot): Certificate | undefined {
  return root.certificateAuthorities
    .flatMap(({ chain }) => chain)
    .find(({ subject, subjectKeyId }) => {
      const named = certificate.authorityKeyId
      return equalBytes(subject, certificate.issuer) && (!named || !subjectKeyId || equalBytes(named, subjectKeyId))
    })
}

function verifyLogged({ certificate }: UnverifiedBundle, issuer: Certificate, root: TrustedRoot): Passed<Sct> {
  const trusted = readScts(certificate).flatMap((sct) => {
    const log = root.ctlogs.find(({ logId }) => equalBytes(logId, sct.logId))
    return log !== undefined && isValidAt(log, new Date(Number(sct.timestampMs))) ? [{ sct, log }] : []
  })
  const [first] = trusted
  if (first === undefined) throw bundleError('bundle.sct-untrusted', 'no promise is by a log that is trusted')
  for (const { sct, log } of trusted) verifySct(sct, certificate, issuer, log)
  return { value: first.sct, detail: `promised by ${first.log.baseUrl}` }
}

/**
 * Builds the leaf from the bundle and compares bytes: a log entry that merely contains the right values in another form is
 * not what the signer asked for, and other verifiers would refuse it.
 */
function matchEntries(bundle: UnverifiedBundle): Passed<readonly TransparencyLogEntry[]> {
  const { entries, certificate, content } = bundle
  if (entries.length === 0) throw bundleError('bundle.no-entry', 'the bundle holds no log entry')
  for (const { kind, version } of entries) {
    if (kind !== ENTRY_KIND.kind || version !== ENTRY_KIND.version) {
      throw bundleError(
        'bundle.entry-version',
        `entries of the kind ${kind.slice(0, 32)} ${version.slice(0, 16)} are not read`,
      )
    }
  }
  const verifier = { kind: 'x509Certificate', rawBytes: certificate.raw } as const
  const leaves = possibleDetails(certificate).map((keyDetails) =>
    canonicalEntry({ digest: signedDigest(bundle, keyDetails), signature: content.signature, verifier, keyDetails }),
  )
  if (!entries.every((entry) => leaves.some((leaf) => equalBytes(leaf, entry.canonicalizedBody)))) {
    throw bundleError('bundle.entry-mismatch', 'the entry is not for this signature, certificate and digest')
  }
  return { value: entries, detail: `${ENTRY_KIND.kind} ${ENTRY_KIND.version} for this signature` }
}

function verifyProofs({ entries }: UnverifiedBundle): Passed<readonly LoggedInclusionProof[]> {
  if (entries.length === 0) throw bundleError('bundle.no-proof', 'the bundle holds no log entry')
  const proofs = entries.map(({ inclusionProof, canonicalizedBody, logIndex }) => {
    if (inclusionProof === undefined || inclusionProof.checkpoint === '') {
      throw bundleError('bundle.no-proof', 'the log entry holds no proof with a checkpoint')
    }
    const { treeSize: size, hashes: proof, rootHash } = inclusionProof
    if (inclusionProof.logIndex !== logIndex) {
      throw bundleError('bundle.entry-mismatch', 'the entry and its proof name different indexes')
    }
    verifyInclusion({ leaf: leafHash(canonicalizedBody), index: logIndex, size, proof, root: rootHash })
    return inclusionProof
  })
  return { value: proofs, detail: proofs.map(({ logIndex, treeSize }) => `${logIndex} of ${treeSize}`).join(', ') }
}

function verifyCheckpoints(
  { entries }: UnverifiedBundle,
  proofs: readonly LoggedInclusionProof[],
  root: TrustedRoot,
  signedAt: Date | undefined,
): Passed<readonly VerifiedCheckpoint[]> {
  const checkpoints = proofs.map((proof, at) => {
    const log = root.tlogs.find(({ logId }) => equalBytes(logId, entries[at]?.logId ?? new Uint8Array()))
    if (log === undefined) throw bundleError('bundle.log-untrusted', 'the log of the entry is not trusted')
    if (signedAt !== undefined && !isValidAt(log, signedAt)) {
      throw bundleError('bundle.log-untrusted', 'the log was not trusted at the time of the signature')
    }
    const checkpoint = openCheckpoint(proof.checkpoint, checkpointKey(log))
    if (checkpoint.size !== proof.treeSize || !equalBytes(checkpoint.root, proof.rootHash)) {
      throw bundleError('bundle.checkpoint-mismatch', 'the proof is for another tree than the checkpoint')
    }
    return checkpoint
  })
  return { value: checkpoints, detail: checkpoints.map(({ origin, size }) => `${origin}, size ${size}`).join('; ') }
}

function verifySignature({ certificate, content }: UnverifiedBundle, artifact: SignedArtifact): Passed<true> {
  const { publicKey } = certificate
  const keyDetails = keyDetailsOf(publicKey)
  if (content.kind === 'statement') verifyEnvelope(content, publicKey, keyDetails)
  else {
    checkMessageHash(content.hashName, keyDetails, artifact.digest)
    artifact.verifySignature(publicKey, keyDetails, content.signature)
  }
  return { value: true, detail: keyDetails }
}

function checkMessageHash(hashName: HashName, keyDetails: KeyDetails, artifactDigest: Uint8Array): void {
  if (keyDetails === 'PKIX_ED25519') {
    throw bundleError('bundle.algorithm-unsupported', 'Ed25519 signs the artifact itself, not its digest')
  }
  if (hashName !== entryHash(keyDetails) || artifactDigest.length !== digestBytes(hashName)) {
    throw bundleError('bundle.digest-algorithm', `a key of this kind signs a digest of ${entryHash(keyDetails)}`)
  }
}

/** What the log entry's digest is of: the artifact, or the PAE of the statement. */
function signedDigest({ content }: UnverifiedBundle, keyDetails: KeyDetails): Uint8Array {
  if (content.kind === 'message') return content.digest
  return hash(entryHash(keyDetails), pae(content.payloadType, content.payload), 'buffer')
}

function possibleDetails({ publicKey }: Certificate): KeyDetails[] {
  const details = keyDetailsOf(publicKey, 'PKIX_ED25519_PH')
  return details === 'PKIX_ED25519_PH' ? [details, 'PKIX_ED25519'] : [details]
}

const checkpointKeys = new WeakMap<TrustedLog, NoteKey>()

/** The artifact log's checkpoints carry the host name of its address as origin (as sigstore-go and cosign have it). */
function checkpointKey(log: TrustedLog): NoteKey {
  const known = checkpointKeys.get(log)
  if (known !== undefined) return known
  const key = noteKey(new URL(log.baseUrl).hostname, log.keyDetails === 'PKIX_ED25519' ? 0x01 : 0x02, log.spki)
  checkpointKeys.set(log, key)
  return key
}

const chainNames = new WeakMap<TrustedRoot, Map<Certificate, string>>()

/**
 * The name of a chain that verified, its first certificate below the others. It goes to `cachedChains` if the same
 * certificates verified before: `verifyChain` does not compute a signature between the same two objects twice.
 */
function nameChain(root: TrustedRoot, chain: readonly Certificate[], cachedChains: string[]): string {
  const [signer] = chain
  if (signer === undefined) return ''
  const names = chainNames.get(root) ?? new Map<Certificate, string>()
  const known = names.get(signer)
  if (known !== undefined) cachedChains.push(known)
  const name = known ?? chain.map((certificate) => certificate.subjectText).join(' under ')
  chainNames.set(root, names.set(signer, name))
  return name
}

function startSteps() {
  const checks: Check[] = []
  /** Runs a step if its input exists, and keeps the outcome. Errors that are not about the input are ours: they pass. */
  function run<I, T>(name: string, input: I | undefined, work: (input: I) => Passed<T>): T | undefined {
    if (input === undefined) {
      checks.push({ name, result: 'not checked', detail: 'an earlier step did not give what this one needs' })
      return undefined
    }
    try {
      const { value, detail } = work(input)
      checks.push({ name, result: 'passed', detail })
      return value
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      checks.push({ name, result: 'failed', code: error.code, detail: error.message })
      return undefined
    }
  }
  return { run, checks }
}
