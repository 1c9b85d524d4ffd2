import { encodeBase64 } from '../json/base64.ts'
import type { JsonValue } from '../json/canonicalJson.ts'
import { MAX_ENTRY_BYTES } from './entryBundle.ts'
import { logError } from './errors.ts'
import { HASH_BYTES, type Hash, MAX_PROOF_HASHES } from './merkle.ts'
import { type ProtoFields, protoReader } from './protoJson.ts'

/** An inclusion proof as the log handed it out. Unverified. */
export interface LoggedInclusionProof {
  /** 0-based, below `treeSize`. */
  readonly logIndex: bigint
  readonly rootHash: Hash
  readonly treeSize: bigint
  /** The leaf's sibling first; at most 63. */
  readonly hashes: readonly Hash[]
  /** The signed note. */
  readonly checkpoint: string
}

/** What the artifact log answers and a bundle carries (`dev.sigstore.rekor.v1.TransparencyLogEntry`). Unverified. */
export interface TransparencyLogEntry {
  readonly logIndex: bigint
  /** The log's id, 32 bytes: `logId` of its key. */
  readonly logId: Uint8Array
  readonly kind: string
  readonly version: string
  readonly inclusionProof?: LoggedInclusionProof
  /** The leaf. */
  readonly canonicalizedBody: Uint8Array
  /** Seconds since 1970; only entries of Rekor v1 have a time. */
  readonly integratedTime?: bigint
  /** Only entries of Rekor v1 have one. */
  readonly signedEntryTimestamp?: Uint8Array
}

const FIELDS = [
  'logIndex',
  'logId',
  'kindVersion',
  'integratedTime',
  'inclusionPromise',
  'inclusionProof',
  'canonicalizedBody',
] as const
// A checkpoint is about 200 bytes; with 100 ML-DSA cosignatures it is below this.
const MAX_CHECKPOINT_CHARACTERS = 512 * 1024
const read = protoReader((message, cause) => logError('log.entry-malformed', message, { cause }))

/**
 * Writes the JSON form, with the fields in the order and the defaults (`"0"`, null) that Rekor v2 emits: clients differ in
 * which absent fields they forgive. 64-bit numbers are strings, hashes base64.
 */
export function writeTransparencyLogEntry(entry: TransparencyLogEntry): JsonValue {
  const { inclusionProof: proof, signedEntryTimestamp } = entry
  return {
    logIndex: entry.logIndex.toString(),
    logId: { keyId: encodeBase64(entry.logId) },
    kindVersion: { kind: entry.kind, version: entry.version },
    integratedTime: (entry.integratedTime ?? 0n).toString(),
    inclusionPromise:
      signedEntryTimestamp === undefined ? null : { signedEntryTimestamp: encodeBase64(signedEntryTimestamp) },
    inclusionProof: proof === undefined ? null : writeProof(proof),
    canonicalizedBody: encodeBase64(entry.canonicalizedBody),
  }
}

/**
 * Reads the JSON form strictly: unknown fields refused, ids and hashes 32 bytes, at most 63 hashes, entry at most 65,535
 * bytes. Entries of Rekor v1 can be read, so that they can be named; nothing is verified. Throws `log.entry-malformed`.
 */
export function parseTransparencyLogEntry(json: JsonValue): TransparencyLogEntry {
  const fields = read.message(json, 'the log entry', FIELDS)
  const logId = read.message(fields.logId, 'logId', ['keyId'])
  const kindVersion = read.message(fields.kindVersion, 'kindVersion', ['kind', 'version'])
  const canonicalizedBody = read.bytes(fields.canonicalizedBody, 'canonicalizedBody')
  if (canonicalizedBody.length === 0 || canonicalizedBody.length > MAX_ENTRY_BYTES) {
    throw logError('log.entry-malformed', 'canonicalizedBody is missing or longer than 65,535 bytes')
  }
  return {
    logIndex: read.int64(fields.logIndex, 'logIndex'),
    logId: parseHash(logId.keyId, 'keyId'),
    kind: read.text(kindVersion.kind, 'kind'),
    version: read.text(kindVersion.version, 'version'),
    canonicalizedBody,
    ...(fields.inclusionProof === undefined ? {} : { inclusionProof: parseProof(fields.inclusionProof) }),
    ...parseRekorV1(fields),
  }
}

function writeProof(proof: LoggedInclusionProof): JsonValue {
  return {
    logIndex: proof.logIndex.toString(),
    rootHash: encodeBase64(proof.rootHash),
    treeSize: proof.treeSize.toString(),
    hashes: proof.hashes.map(encodeBase64),
    checkpoint: { envelope: proof.checkpoint },
  }
}

function parseProof(json: JsonValue): LoggedInclusionProof {
  const names = ['logIndex', 'rootHash', 'treeSize', 'hashes', 'checkpoint'] as const
  const fields = read.message(json, 'inclusionProof', names)
  const { envelope } = read.message(fields.checkpoint ?? {}, 'checkpoint', ['envelope'])
  const checkpoint = read.text(envelope, 'envelope')
  if (checkpoint.length > MAX_CHECKPOINT_CHARACTERS) throw logError('log.entry-malformed', 'the checkpoint is too long')
  return {
    logIndex: read.int64(fields.logIndex, 'logIndex'),
    rootHash: parseHash(fields.rootHash, 'rootHash'),
    treeSize: read.int64(fields.treeSize, 'treeSize'),
    hashes: read.list(fields.hashes, 'hashes', MAX_PROOF_HASHES).map((hash) => parseHash(hash, 'a proof hash')),
    checkpoint,
  }
}

function parseRekorV1(fields: ProtoFields<(typeof FIELDS)[number]>) {
  const integratedTime = read.int64(fields.integratedTime, 'integratedTime')
  const time = integratedTime === 0n ? {} : { integratedTime }
  if (fields.inclusionPromise === undefined) return time
  const promise = read.message(fields.inclusionPromise, 'inclusionPromise', ['signedEntryTimestamp'])
  return { ...time, signedEntryTimestamp: read.bytes(promise.signedEntryTimestamp, 'signedEntryTimestamp') }
}

function parseHash(json: JsonValue | undefined, what: string): Hash {
  const bytes = read.bytes(json, what)
  if (bytes.length !== HASH_BYTES) throw logError('log.entry-malformed', `${what} is not 32 bytes long`)
  return bytes
}
