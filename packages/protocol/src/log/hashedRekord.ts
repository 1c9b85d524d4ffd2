import { createPublicKey, hash, type KeyObject, X509Certificate } from 'node:crypto'
import { CodedError } from '../errors/codedError.ts'
import { encodeBase64, equalBytes } from '../json/base64.ts'
import { canonicalJson, type JsonValue } from '../json/canonicalJson.ts'
import { type DigestSignature, verifyDigestSignatures } from './digestSignature.ts'
import { MAX_ENTRY_BYTES } from './entryBundle.ts'
import { logError } from './errors.ts'
import {
  digestBytes,
  entryHash,
  hashAlgorithmOf,
  type KeyDetails,
  loggedHash,
  PUBLIC_KEY_DETAILS,
} from './keyDetails.ts'
import { pae } from './pae.ts'
import { protoReader } from './protoJson.ts'

/** Kind and version of the only entry that the artifact log holds. Rekor v2. */
export const ENTRY_KIND = { kind: 'hashedrekord', version: '0.0.2' } as const

/** What a log needs to check a signature: a certificate (read for its key alone) or a key. DER. */
export interface EntryVerifier {
  readonly kind: 'x509Certificate' | 'publicKey'
  readonly rawBytes: Uint8Array
}

/** A request to log one signature over one digest; also what a logged entry says. Unverified. */
export interface AddEntryRequest {
  readonly digest: Uint8Array
  /** ECDSA in DER, or PKCS #1 v1.5. */
  readonly signature: Uint8Array
  readonly verifier: EntryVerifier
  readonly keyDetails: KeyDetails
}

const MAX_VERIFIERS = 10
const request = protoReader((message, cause) => logError('log.request-malformed', message, { cause }))

/**
 * Reads the body of `POST /api/v2/log/entries`: `hashedRekordRequestV002`, or the older `dsseRequestV002` with exactly
 * one signature and one verifier, which becomes an entry over the digest of its PAE (clients still send it).
 * Not checked: the signature (`verifyAddEntryRequest`). The caller has limited the size of the document.
 * Throws `log.request-malformed`, also for unknown fields; `log.algorithm-unsupported` for kinds that are not logged;
 * `log.digest-wrong` for a digest whose length is not that of the hash.
 */
export function parseAddEntryRequest(json: JsonValue): AddEntryRequest {
  const body = request.message(json, 'the request', ['hashedRekordRequestV002', 'dsseRequestV002'])
  if ((body.hashedRekordRequestV002 === undefined) === (body.dsseRequestV002 === undefined)) {
    throw logError('log.request-malformed', 'the request holds exactly one of hashedRekordRequestV002, dsseRequestV002')
  }
  const parsed =
    body.dsseRequestV002 === undefined
      ? parseHashedRekordRequest(body.hashedRekordRequestV002)
      : parseDsseRequest(body.dsseRequestV002)
  checkParts(parsed)
  return parsed
}

/**
 * Proves that the signature of the request is by its key over its digest. A certificate is read for its key alone: who
 * it names, who issued it and when it was valid is for those who verify a bundle. Rekor v2.
 * Throws `log.verifier-malformed` and the codes of `verifyDigestSignature`.
 */
export function verifyAddEntryRequest(parsed: AddEntryRequest): void {
  const [refusal] = verifyAddEntryRequests([parsed])
  if (refusal !== undefined) throw refusal
}

/**
 * Verifies each request as `verifyAddEntryRequest` does, together in less time (`verifyDigestSignatures`). Gives, in their
 * order, undefined for what is proved and for the others the error that it would throw.
 */
export function verifyAddEntryRequests(requests: readonly AddEntryRequest[]): (CodedError | undefined)[] {
  const opened = requests.map(openClaim)
  const claims = opened.flatMap((claim) => (claim instanceof CodedError ? [] : [claim]))
  const refusals = verifyDigestSignatures(claims).values()
  return opened.map((claim) => (claim instanceof CodedError ? claim : refusals.next().value))
}

function openClaim({ digest, signature, verifier, keyDetails }: AddEntryRequest): DigestSignature | CodedError {
  try {
    return { key: openVerifier(verifier), keyDetails, digest, signature }
  } catch (error) {
    if (error instanceof CodedError) return error
    throw error
  }
}

/**
 * The leaf: RFC 8785 JSON of the `hashedrekord` 0.0.2 entry. Other verifiers build these bytes again from a bundle, so
 * they are fixed by digest, signature, verifier and the kind of key. Throws `log.entry-too-large` above 65,535 bytes.
 */
export function canonicalEntry({ digest, signature, verifier, keyDetails }: AddEntryRequest): Uint8Array {
  const leaf = canonicalJson({
    apiVersion: ENTRY_KIND.version,
    kind: ENTRY_KIND.kind,
    spec: {
      hashedRekordV002: {
        data: { algorithm: hashAlgorithmOf(entryHash(keyDetails)), digest: encodeBase64(digest) },
        signature: {
          content: encodeBase64(signature),
          verifier: { keyDetails, [verifier.kind]: { rawBytes: encodeBase64(verifier.rawBytes) } },
        },
      },
    },
  })
  if (leaf.length > MAX_ENTRY_BYTES) throw logError('log.entry-too-large', `the entry has ${leaf.length} bytes`)
  return leaf
}

/** The key of a verifier. Throws `log.verifier-malformed` for what is not exactly one DER certificate or key. */
export function openVerifier({ kind, rawBytes }: EntryVerifier): KeyObject {
  try {
    if (kind === 'x509Certificate') {
      const certificate = new X509Certificate(rawBytes)
      if (equalBytes(certificate.raw, rawBytes)) return certificate.publicKey
    } else {
      const key = createPublicKey({ key: Buffer.from(rawBytes), format: 'der', type: 'spki' })
      if (equalBytes(key.export({ format: 'der', type: 'spki' }), rawBytes) && !isCompressed(key, rawBytes)) return key
    }
  } catch (cause) {
    throw logError('log.verifier-malformed', `the ${kind} cannot be read`, { cause })
  }
  // A PEM text, trailing bytes, a compressed point or another encoding of the same key: nobody could build the same leaf from a bundle.
  throw logError('log.verifier-malformed', `the ${kind} is not in DER`)
}

/** True for an EC key whose point is not written out: `raw-public` always is. */
function isCompressed(key: KeyObject, spki: Uint8Array): boolean {
  if (key.asymmetricKeyType !== 'ec') return false
  const point = key.export({ format: 'raw-public' })
  return !equalBytes(spki.subarray(-point.length), point)
}

function parseHashedRekordRequest(json: JsonValue | undefined): AddEntryRequest {
  const fields = request.message(json, 'hashedRekordRequestV002', ['digest', 'signature'])
  return { digest: request.bytes(fields.digest, 'digest'), ...parseSignature(fields.signature) }
}

function parseSignature(json: JsonValue | undefined): Omit<AddEntryRequest, 'digest'> {
  const fields = request.message(json, 'signature', ['content', 'verifier'])
  return { signature: request.bytes(fields.content, 'content'), ...parseVerifier(fields.verifier) }
}

function parseVerifier(json: JsonValue | undefined): Pick<AddEntryRequest, 'verifier' | 'keyDetails'> {
  const fields = request.message(json, 'verifier', ['publicKey', 'x509Certificate', 'keyDetails'])
  const keyDetails = request.enumName(fields.keyDetails, 'keyDetails', PUBLIC_KEY_DETAILS)
  const { publicKey, x509Certificate } = fields
  const kind = publicKey === undefined ? 'x509Certificate' : 'publicKey'
  // With both or none, reading the certificate refuses.
  const certificateOrKey =
    publicKey !== undefined && x509Certificate !== undefined ? undefined : (publicKey ?? x509Certificate)
  const { rawBytes } = request.message(certificateOrKey, 'the certificate or public key', ['rawBytes'])
  return { keyDetails, verifier: { kind, rawBytes: request.bytes(rawBytes, 'rawBytes') } }
}

function parseDsseRequest(json: JsonValue): AddEntryRequest {
  const fields = request.message(json, 'dsseRequestV002', ['envelope', 'verifiers'])
  const envelope = request.message(fields.envelope, 'envelope', ['payload', 'payloadType', 'signatures'])
  const signatures = request.list(envelope.signatures, 'signatures', MAX_VERIFIERS)
  const verifiers = request.list(fields.verifiers, 'verifiers', MAX_VERIFIERS)
  if (signatures.length !== 1 || verifiers.length !== 1) {
    throw logError('log.request-malformed', 'an envelope is logged with exactly one signature and one verifier')
  }
  const { sig } = request.message(signatures[0], 'signature', ['sig', 'keyid'])
  const signed = pae(request.text(envelope.payloadType, 'payloadType'), request.bytes(envelope.payload, 'payload'))
  const { keyDetails, verifier } = parseVerifier(verifiers[0])
  const digest = new Uint8Array(hash(loggedHash(keyDetails), signed, 'buffer'))
  return { digest, signature: request.bytes(sig, 'sig'), keyDetails, verifier }
}

function checkParts({ digest, signature, verifier, keyDetails }: AddEntryRequest): void {
  if (signature.length === 0) throw logError('log.request-malformed', 'the signature is missing')
  if (verifier.rawBytes.length === 0) throw logError('log.request-malformed', 'the certificate or key is missing')
  if (digest.length !== digestBytes(loggedHash(keyDetails))) {
    throw logError('log.digest-wrong', 'the length of the digest is not that of the hash')
  }
}
