import { createPublicKey, type KeyObject } from 'node:crypto'
import { encodeBase64 } from '../json/base64.ts'
import type { JsonValue } from '../json/canonicalJson.ts'
import { parseJson } from '../json/parseJson.ts'
import { type KeyDetails, keyDetailsOf, PUBLIC_KEY_DETAILS } from '../log/keyDetails.ts'
import { HASH_BYTES } from '../log/merkle.ts'
import { protoReader } from '../log/protoJson.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import { readName } from '../x509/name.ts'
import { VALIDATORS_PATH } from '../x509/validatorName.ts'
import { bundleError } from './errors.ts'
import { parseValidity, type Validity, writeValidity } from './validity.ts'

/** A log whose key is trusted. */
export interface TrustedLog extends Validity {
  /** The artifact log's origin is the host name in it. */
  readonly baseUrl: string
  readonly publicKey: KeyObject
  /** Of `publicKey`, DER. */
  readonly spki: Uint8Array
  readonly keyDetails: KeyDetails
  /** As log entries and SCTs name the log: 32 bytes. */
  readonly logId: Uint8Array
}

/** A certificate or timestamp authority that is trusted. */
export interface TrustedAuthority extends Validity {
  readonly uri: string
  /** Of certificates: issuing one first, root last. Of timestamps: the signing one first, root last. */
  readonly chain: readonly Certificate[]
}

/** Everything that a bundle is verified against. It is trusted as given: TUF brings it, or its owner put it there. */
export interface TrustedRoot {
  /** Artifact logs. */
  readonly tlogs: readonly TrustedLog[]
  readonly certificateAuthorities: readonly TrustedAuthority[]
  /** Certificate logs. */
  readonly ctlogs: readonly TrustedLog[]
  readonly timestampAuthorities: readonly TrustedAuthority[]
}

/** The only media type that every sigstore client reads. */
export const TRUSTED_ROOT_MEDIA_TYPE = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1'

/** Largest trusted root that is read, in bytes. */
export const MAX_TRUSTED_ROOT_BYTES = 1024 * 1024

const MAX_MEMBERS = 64
const MAX_CHAIN = 8
const read = protoReader((message, cause) => malformed(message, cause))

/**
 * Makes a trusted log from its SubjectPublicKeyInfo (DER). `logId` is as `TrustedLog` has it.
 * Throws `bundle.trusted-root-malformed`, `log.algorithm-unsupported`.
 */
export function trustedLog(
  log: Validity & { readonly baseUrl: string; readonly spki: Uint8Array; readonly logId: Uint8Array },
): TrustedLog {
  const publicKey = openKey(log.spki, 'spki')
  return { ...log, publicKey, keyDetails: keyDetailsOf(publicKey) }
}

/**
 * Reads a TrustedRoot v0.1 strictly: no unknown field, at most 64 members of each kind and 8 certificates a chain, at most
 * 1 MiB. Whether it may be trusted is for whoever fetched it. Throws `bundle.trusted-root-malformed`, the `json.*` codes
 * of `parseJson` and the `x509.*` codes of `parseCertificate`.
 */
export function parseTrustedRoot(bytes: Uint8Array | string): TrustedRoot {
  const json = parseJson(bytes, { maxBytes: MAX_TRUSTED_ROOT_BYTES, maxDepth: 12 })
  const names = ['mediaType', 'tlogs', 'certificateAuthorities', 'ctlogs', 'timestampAuthorities'] as const
  const fields = read.message(json, 'the trusted root', names)
  if (fields.mediaType !== TRUSTED_ROOT_MEDIA_TYPE) throw malformed('the media type is not that of v0.1')
  const authorities = (json: JsonValue | undefined, what: string) =>
    read.list(json, what, MAX_MEMBERS).map(parseAuthority)
  return {
    tlogs: read.list(fields.tlogs, 'tlogs', MAX_MEMBERS).map(parseLog),
    certificateAuthorities: authorities(fields.certificateAuthorities, 'certificateAuthorities'),
    ctlogs: read.list(fields.ctlogs, 'ctlogs', MAX_MEMBERS).map(parseLog),
    timestampAuthorities: authorities(fields.timestampAuthorities, 'timestampAuthorities'),
  }
}

/**
 * Whether an authority issues certificates of certifications: the path of its address ends in `/validators`. What it issues
 * certifies and is no developer's signature; what the others issue certifies nothing.
 */
export function isCertificationAuthority({ uri }: Pick<TrustedAuthority, 'uri'>): boolean {
  return URL.parse(uri)?.pathname.endsWith(VALIDATORS_PATH) === true
}

/** Writes a TrustedRoot v0.1. Sigstore-go demands `validFrom` of logs; certificates stand in the order of `chain`. */
export function writeTrustedRoot(root: TrustedRoot): JsonValue {
  return {
    mediaType: TRUSTED_ROOT_MEDIA_TYPE,
    tlogs: root.tlogs.map(writeLog),
    certificateAuthorities: root.certificateAuthorities.map(writeAuthority),
    ctlogs: root.ctlogs.map(writeLog),
    timestampAuthorities: root.timestampAuthorities.map(writeAuthority),
  }
}

function parseLog(json: JsonValue): TrustedLog {
  const names = ['baseUrl', 'hashAlgorithm', 'publicKey', 'logId', 'checkpointKeyId', 'operator'] as const
  const fields = read.message(json, 'a log', names)
  // v1 roots spell it by name or number; there is no other.
  if (fields.hashAlgorithm !== 'SHA2_256' && fields.hashAlgorithm !== 1) throw malformed('a log hashes with SHA-256')
  const key = read.message(fields.publicKey, 'publicKey', ['rawBytes', 'keyDetails', 'validFor'])
  const { keyId } = read.message(fields.logId, 'logId', ['keyId'])
  const logId = read.bytes(keyId, 'keyId')
  if (logId.length !== HASH_BYTES) throw malformed('the id of a log is 32 bytes long')
  const keyDetails = read.enumName(key.keyDetails, 'keyDetails', PUBLIC_KEY_DETAILS)
  const publicKey = openKey(read.bytes(key.rawBytes, 'rawBytes'), keyDetails.startsWith('PKCS1_') ? 'pkcs1' : 'spki')
  return {
    baseUrl: parseUrl(read.text(fields.baseUrl, 'baseUrl')),
    publicKey,
    spki: new Uint8Array(publicKey.export({ format: 'der', type: 'spki' })),
    keyDetails,
    logId,
    ...parseValidity(read, key.validFor, malformed),
  }
}

function parseAuthority(json: JsonValue): TrustedAuthority {
  const fields = read.message(json, 'an authority', ['subject', 'uri', 'certChain', 'validFor', 'operator'])
  const { certificates } = read.message(fields.certChain, 'certChain', ['certificates'])
  const chain = read.list(certificates, 'certificates', MAX_CHAIN).map((certificate) => {
    const { rawBytes } = read.message(certificate, 'certificate', ['rawBytes'])
    return parseCertificate(read.bytes(rawBytes, 'rawBytes'))
  })
  if (chain.length === 0) throw malformed('an authority has no certificate')
  return { uri: read.text(fields.uri, 'uri'), chain, ...parseValidity(read, fields.validFor, malformed) }
}

function writeLog({ baseUrl, publicKey, spki, keyDetails, logId, ...validity }: TrustedLog): JsonValue {
  const rawBytes = keyDetails.startsWith('PKCS1_') ? publicKey.export({ format: 'der', type: 'pkcs1' }) : spki
  return {
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: encodeBase64(rawBytes), keyDetails, validFor: writeValidity(validity) },
    logId: { keyId: encodeBase64(logId) },
  }
}

function writeAuthority({ uri, chain, ...validity }: TrustedAuthority): JsonValue {
  const root = chain.at(-1)
  const { organization = '', commonName = '' } = root === undefined ? {} : readName(root.subject)
  return {
    subject: { organization, commonName },
    uri,
    certChain: { certificates: chain.map(({ raw }) => ({ rawBytes: encodeBase64(raw) })) },
    validFor: writeValidity(validity),
  }
}

function openKey(bytes: Uint8Array, type: 'spki' | 'pkcs1'): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(bytes), format: 'der', type })
  } catch (cause) {
    throw malformed('the public key of a log cannot be read', cause)
  }
}

function parseUrl(text: string): string {
  if (!URL.canParse(text)) throw malformed('the address of a log is not a URL')
  return text
}

function malformed(message: string, cause?: unknown) {
  return bundleError('bundle.trusted-root-malformed', message, { cause })
}
