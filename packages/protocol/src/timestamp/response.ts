import { hash } from 'node:crypto'
import {
  bitString,
  explicit,
  generalizedTime,
  integer,
  octetString,
  oid,
  sequence,
  set,
  sortedMembers,
  tagged,
  utcTime,
} from '../der/writeDer.ts'
import type { CodedError } from '../errors/codedError.ts'
import { equalBytes } from '../json/base64.ts'
import type { Certificate } from '../x509/certificate.ts'
import { algorithmIdentifier, type SignatureAlgorithm } from '../x509/signatureAlgorithm.ts'
import { type DigestAlgorithm, digestIdentifier } from './digestAlgorithm.ts'
import { timestampError, type timestampErrors } from './errors.ts'
import { TOKEN_OIDS } from './oids.ts'
import { messageImprint, type TimestampRequest } from './request.ts'

/** Everything a timestamp says, and whose it is. */
export interface TimestampParts {
  readonly request: TimestampRequest
  /** Unique under this authority; big-endian, positive, at most 20 bytes. */
  readonly serial: Uint8Array
  /** Written in whole seconds, cut off: together with an accuracy of 1 s the true time is covered. */
  readonly genTime: Date
  /** Object identifier of the policy the timestamp is made under. */
  readonly policy: string
  readonly accuracySeconds: number
  readonly signer: Certificate
  /** Put into the timestamp, without roots, where the request asks for certificates. May begin with `signer`. */
  readonly chain: readonly Certificate[]
  readonly signatureAlgorithm: SignatureAlgorithm
}

/** A timestamp that lacks only its signature. */
export interface PreparedTimestamp {
  /** The signed attributes; sign exactly these bytes with the signer's key. */
  readonly toSign: Uint8Array
  /** TimeStampResp in DER, from the signature over `toSign` (ECDSA in DER). */
  finish(signature: Uint8Array): Uint8Array
}

const VERSION_1 = integer(1)
const VERSION_3 = integer(3)
const GRANTED = sequence(integer(0))
const contentTypeAttribute = attribute(TOKEN_OIDS.contentType, oid(TOKEN_OIDS.timestampInfo))
// ESSCertIDv2 leaves its hash algorithm out because SHA-256 is the default (RFC 5035, 4).
const CERTIFICATE_HASH = 'sha256'

/**
 * Writes a timestamp (RFC 3161, 2.4.2): TSTInfo in CMS SignedData version 3 with one SignerInfo version 1, which names
 * its certificate by issuer and serial number and signs content type, signing time, message digest and
 * signing-certificate-v2. Certificates only where asked for. The clock is the caller's.
 * Throws `timestamp.unaccepted-policy` where the request demands another policy than `policy`.
 */
export function prepareTimestamp(parts: TimestampParts): PreparedTimestamp {
  const { request, policy, signer, signatureAlgorithm } = parts
  if (request.policy !== undefined && request.policy !== policy) {
    throw timestampError('timestamp.unaccepted-policy', 'the request demands another policy')
  }
  const digestAlgorithm = attributeDigest(signatureAlgorithm)
  const signerParts = partsOfSigner(signer)
  const info = timestampInfo(parts, signerParts)
  const attributes = sortedMembers([
    contentTypeAttribute,
    attribute(TOKEN_OIDS.signingTime, utcTime(parts.genTime)),
    attribute(TOKEN_OIDS.messageDigest, octetString(hash(digestAlgorithm, info, 'buffer'))),
    signerParts.signingCertificate,
  ])
  return {
    toSign: tagged(0x31, ...attributes),
    finish(signature) {
      const signerInfo = sequence(
        VERSION_1,
        signerParts.issuerAndSerial,
        digestIdentifier(digestAlgorithm),
        // The same members under [0], which is how they travel (RFC 5652, 5.3 and 5.4).
        tagged(0xa0, ...attributes),
        algorithmIdentifier(signatureAlgorithm),
        octetString(signature),
      )
      return assembleResponse(info, signerInfo, digestIdentifier(digestAlgorithm), certificatesFor(parts))
    },
  }
}

function timestampInfo(parts: TimestampParts, signerParts: SignerParts): Uint8Array {
  const { request } = parts
  const members = [
    VERSION_1,
    oid(parts.policy),
    messageImprint(request),
    integer(parts.serial),
    generalizedTime(parts.genTime),
    sequence(integer(parts.accuracySeconds)),
    // ordering FALSE is the default and so left out
  ]
  if (request.nonce !== undefined) members.push(integer(request.nonce))
  members.push(signerParts.tsa)
  return sequence(...members)
}

function assembleResponse(
  info: Uint8Array,
  signerInfo: Uint8Array,
  digestAlgorithm: Uint8Array,
  certificates: readonly Uint8Array[],
): Uint8Array {
  const content = sequence(oid(TOKEN_OIDS.timestampInfo), explicit(0, octetString(info)))
  const signedData = sequence(VERSION_3, set(digestAlgorithm), content, ...certificates, set(signerInfo))
  return sequence(GRANTED, sequence(oid(TOKEN_OIDS.signedData), explicit(0, signedData)))
}

/** CertificateSet where the request asks for it: a root is of no use to a verifier, who must have it already. */
function certificatesFor({ request, signer, chain }: TimestampParts): readonly Uint8Array[] {
  if (!request.certReq) return []
  const above = chain.filter(
    (certificate) => !equalBytes(certificate.raw, signer.raw) && !equalBytes(certificate.subject, certificate.issuer),
  )
  return [tagged(0xa0, ...sortedMembers([signer, ...above].map(({ raw }) => raw)))]
}

function attribute(type: string, value: Uint8Array): Uint8Array {
  return sequence(oid(type), set(value))
}

/** The digest within the token: that of the signature; SHA-512 for Ed25519 (RFC 8419, 3.1). */
function attributeDigest(algorithm: SignatureAlgorithm): DigestAlgorithm {
  if (algorithm === 'ed25519') return 'sha512'
  return algorithm.slice(algorithm.indexOf('-') + 1) as DigestAlgorithm
}

/** What is the same in every timestamp of one signer. */
interface SignerParts {
  readonly issuerAndSerial: Uint8Array
  /** Attribute signing-certificate-v2. */
  readonly signingCertificate: Uint8Array
  /** `tsa` of TSTInfo: the signer's subject as directoryName. */
  readonly tsa: Uint8Array
}

const partsBySigner = new WeakMap<Certificate, SignerParts>()

function partsOfSigner(signer: Certificate): SignerParts {
  let parts = partsBySigner.get(signer)
  if (parts === undefined) {
    parts = makeSignerParts(signer)
    partsBySigner.set(signer, parts)
  }
  return parts
}

function makeSignerParts(signer: Certificate): SignerParts {
  const serial = integer(signer.serial)
  const issuerSerial = sequence(sequence(explicit(4, signer.issuer)), serial)
  const certificateId = sequence(octetString(hash(CERTIFICATE_HASH, signer.raw, 'buffer')), issuerSerial)
  return {
    issuerAndSerial: sequence(signer.issuer, serial),
    signingCertificate: attribute(TOKEN_OIDS.signingCertificateV2, sequence(sequence(certificateId))),
    tsa: explicit(0, explicit(4, signer.subject)),
  }
}

/** Why a request is refused: bits of PKIFailureInfo (RFC 3161, 2.4.2). */
export const TIMESTAMP_FAILURES = {
  badAlg: 0,
  badRequest: 2,
  badDataFormat: 5,
  timeNotAvailable: 14,
  unacceptedPolicy: 15,
  unacceptedExtension: 16,
  addInfoNotAvailable: 17,
  systemFailure: 25,
} as const

/** One reason of a refusal by name. */
export type TimestampFailure = keyof typeof TIMESTAMP_FAILURES

/** TimeStampResp without a timestamp: status rejection and the reason (RFC 3161, 2.4.2). */
export function refuseTimestamp(failure: TimestampFailure): Uint8Array {
  const bit = TIMESTAMP_FAILURES[failure]
  const bytes = new Uint8Array((bit >> 3) + 1)
  bytes[bit >> 3] = 0x80 >> (bit & 7)
  return sequence(sequence(integer(2), bitString(bytes, 7 - (bit & 7))))
}

const failures: Readonly<Partial<Record<keyof typeof timestampErrors, TimestampFailure>>> = {
  'timestamp.bad-request': 'badRequest',
  'timestamp.bad-algorithm': 'badAlg',
  'timestamp.bad-digest': 'badDataFormat',
  'timestamp.unaccepted-policy': 'unacceptedPolicy',
  'timestamp.unaccepted-extension': 'unacceptedExtension',
}

/** The PKIFailureInfo that says what `error` says: `systemFailure` for every code that is not about the request. */
export function timestampFailure(error: CodedError): TimestampFailure {
  return failures[error.code as keyof typeof failures] ?? 'systemFailure'
}
