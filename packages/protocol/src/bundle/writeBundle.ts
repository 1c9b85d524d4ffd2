import { encodeBase64 } from '../json/base64.ts'
import type { JsonValue } from '../json/canonicalJson.ts'
import { type HashName, hashAlgorithmOf } from '../log/keyDetails.ts'
import { parseTransparencyLogEntry, writeTransparencyLogEntry } from '../log/transparencyLogEntry.ts'
import { BUNDLE_MEDIA_TYPE } from './parseBundle.ts'

/** What every bundle holds beside its content. */
export interface BundleMaterial {
  /** The signing certificate, DER. No other certificate belongs into a bundle. */
  readonly certificate: Uint8Array
  readonly signature: Uint8Array
  /** The answer of the artifact log, as JSON. */
  readonly entry: JsonValue
  /** RFC 3161 responses over the signature, DER; at least one, because the log gives no time. */
  readonly timestamps: readonly Uint8Array[]
}

/** A bundle for a signature over the digest of an artifact. */
export interface MessageBundle extends BundleMaterial {
  readonly messageDigest: Uint8Array
  /** SHA-256 where absent. */
  readonly hashName?: HashName
}

/** A bundle for a signed statement. */
export interface StatementBundle extends BundleMaterial {
  readonly payloadType: string
  readonly payload: Uint8Array
}

/**
 * Writes a Sigstore bundle v0.3 with a message signature, as one line of JSON; the usual file name ends in `.sigstore.json`.
 * Nothing is verified: verify the result before handing it out. Throws `log.entry-malformed` for an unreadable entry.
 */
export function writeBundle(bundle: MessageBundle): string {
  const algorithm = hashAlgorithmOf(bundle.hashName ?? 'sha256')
  return write(bundle, {
    messageSignature: {
      messageDigest: { algorithm, digest: encodeBase64(bundle.messageDigest) },
      signature: encodeBase64(bundle.signature),
    },
  })
}

/** Writes a Sigstore bundle v0.3 with a DSSE envelope of one signature. Otherwise as `writeBundle`. */
export function writeStatementBundle(bundle: StatementBundle): string {
  return write(bundle, {
    dsseEnvelope: {
      payload: encodeBase64(bundle.payload),
      payloadType: bundle.payloadType,
      signatures: [{ sig: encodeBase64(bundle.signature) }],
    },
  })
}

function write(material: BundleMaterial, content: { readonly [key: string]: JsonValue }): string {
  return JSON.stringify({
    mediaType: BUNDLE_MEDIA_TYPE,
    verificationMaterial: {
      certificate: { rawBytes: encodeBase64(material.certificate) },
      tlogEntries: [bundledEntry(material.entry)],
      timestampVerificationData: {
        rfc3161Timestamps: material.timestamps.map((bytes) => ({ signedTimestamp: encodeBase64(bytes) })),
      },
    },
    ...content,
  })
}

/** The entry without the two fields that Rekor v2 leaves empty, as other clients write it. */
function bundledEntry(json: JsonValue): JsonValue {
  const entry = writeTransparencyLogEntry(parseTransparencyLogEntry(json)) as { readonly [key: string]: JsonValue }
  const { integratedTime, inclusionPromise, ...kept } = entry
  return {
    ...kept,
    ...(integratedTime === '0' || integratedTime === undefined ? {} : { integratedTime }),
    ...(inclusionPromise === null || inclusionPromise === undefined ? {} : { inclusionPromise }),
  }
}
