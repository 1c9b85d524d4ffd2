import { hash } from 'node:crypto'
import type { CodedError } from '../errors/codedError.ts'
import { encodeBase64, equalBytes, toHex } from '../json/base64.ts'
import { canonicalJson } from '../json/canonicalJson.ts'
import { parseJson } from '../json/parseJson.ts'
import { MAX_ENTRY_BYTES } from '../log/entryBundle.ts'
import { leafHash } from '../log/merkle.ts'
import { pae } from '../log/pae.ts'
import { protoReader } from '../log/protoJson.ts'
import { revocationError } from './errors.ts'
import { type RevocationRecord, readRecord } from './record.ts'

/** Binds a revoker's signature to this meaning. Design, decision 4. */
export const REVOCATION_PAYLOAD_TYPE = 'application/vnd.countersign.revocation.v1+json'

/** Most signatures of one record; each costs a verification. */
const MAX_SIGNATURES = 16

/** A signature by a revoker key, not verified. */
export interface RevocationSignature {
  /** Lower-case hex SHA-256 of the key's SubjectPublicKeyInfo. */
  readonly keyId: string
  /** ECDSA in DER, over the SHA-256 of `revocationToSign`. */
  readonly signature: Uint8Array
}

/** A leaf of the revocation log that was read. Nobody's authority is proved: see `authoriseRevocation`. */
export interface UnverifiedRevocation {
  readonly payload: Uint8Array
  /** Hex SHA-256 of `payload`: the same for one record however often it is logged with other signatures. */
  readonly payloadHash: string
  /** Hex leaf hash (RFC 6962): what a later record names in `amends`. */
  readonly leafHash: string
  readonly record: RevocationRecord
  readonly signatures: readonly RevocationSignature[]
}

const read = protoReader((message, cause) => malformed(message, cause))

/** The bytes that a revoker signs (with SHA-256): the PAE of DSSE v1. */
export function revocationToSign(payload: Uint8Array): Uint8Array {
  return pae(REVOCATION_PAYLOAD_TYPE, payload)
}

/**
 * The leaf: RFC 8785 JSON of the DSSE envelope, signatures in the order of their key ids. Without signatures it is an
 * announcement, which nobody authorised. Throws `revocation.envelope-malformed` for a key id twice, more than 16
 * signatures or more than 65,535 bytes, and the codes of `readRecord`.
 */
export function revocationLeaf(payload: Uint8Array, signatures: readonly RevocationSignature[]): Uint8Array {
  const sorted = signatures.toSorted((a, b) => (a.keyId < b.keyId ? -1 : 1))
  const leaf = canonicalJson({
    payloadType: REVOCATION_PAYLOAD_TYPE,
    payload: encodeBase64(payload),
    signatures: sorted.map(({ keyId, signature }) => ({ keyid: keyId, sig: encodeBase64(signature) })),
  })
  parseRevocationLeaf(leaf)
  return leaf
}

/**
 * Reads a leaf in exactly the form of `revocationLeaf`. Nothing is verified. Throws `revocation.envelope-malformed`, and
 * of `readRecord` `revocation.record-unknown` and `revocation.record-malformed`.
 */
export function parseRevocationLeaf(leaf: Uint8Array): UnverifiedRevocation {
  const { payload, signatures } = readEnvelope(leaf)
  const record = readRecord(payload)
  const payloadHash = hash('sha256', payload, 'hex')
  return { payload, payloadHash, leafHash: toHex(leafHash(leaf)), record, signatures }
}

function readEnvelope(leaf: Uint8Array): { payload: Uint8Array; signatures: RevocationSignature[] } {
  if (leaf.length > MAX_ENTRY_BYTES) throw malformed(`an entry has at most ${MAX_ENTRY_BYTES} bytes`)
  const fields = read.message(readJson(leaf), 'the envelope', ['payloadType', 'payload', 'signatures'])
  if (fields.payloadType !== REVOCATION_PAYLOAD_TYPE) throw unknownType(fields.payloadType)
  const payload = read.bytes(fields.payload, 'payload')
  const signatures = read.list(fields.signatures, 'signatures', MAX_SIGNATURES).map((one) => {
    const { keyid, sig } = read.message(one, 'a signature', ['keyid', 'sig'])
    const keyId = read.text(keyid, 'keyid')
    if (!/^[0-9a-f]{64}$/.test(keyId)) throw malformed('a key id is not 64 hex digits')
    return { keyId, signature: read.bytes(sig, 'sig') }
  })
  const isSorted = signatures.every(({ keyId }, at) => at === 0 || (signatures[at - 1]?.keyId ?? '') < keyId)
  if (!isSorted) throw malformed('the signatures are not in the order of their key ids, each once')
  const canonical = canonicalJson({
    payloadType: REVOCATION_PAYLOAD_TYPE,
    payload: encodeBase64(payload),
    signatures: signatures.map(({ keyId, signature }) => ({ keyid: keyId, sig: encodeBase64(signature) })),
  })
  if (!equalBytes(canonical, leaf)) throw malformed('the entry is not in its canonical form')
  return { payload, signatures }
}

function readJson(leaf: Uint8Array) {
  try {
    return parseJson(leaf, { maxBytes: MAX_ENTRY_BYTES, maxDepth: 4 })
  } catch (cause) {
    throw malformed('the entry is not JSON', cause)
  }
}

/** A type of a later version is not a broken envelope: it may end trust in a way this program does not know. */
function unknownType(payloadType: unknown): CodedError {
  return revocationError(
    'revocation.record-unknown',
    `payload type ${String(payloadType).slice(0, 80)} is not known here`,
  )
}

function malformed(message: string, cause?: unknown) {
  return revocationError('revocation.envelope-malformed', message, { cause })
}
