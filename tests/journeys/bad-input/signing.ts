import { generateKeyPairSync, hash, type KeyObject, randomBytes, sign } from 'node:crypto'
import { writeBundle } from '@countersign/protocol/bundle/writeBundle.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { writeTimestampRequest } from '@countersign/protocol/timestamp/request.ts'
import { parsePemCertificates } from '@countersign/protocol/x509/certificate.ts'
import { callForJson, callInstance } from '../../support/callInstance.ts'

/** An instance as its API is called. */
export interface Api {
  readonly publicUrl: string
  /** PEM that TLS trusts. */
  readonly ca: string
}

/** A key with the certificate that somebody made for it. */
export interface CertifiedKey {
  readonly privateKey: KeyObject
  /** DER. */
  readonly certificate: Uint8Array
}

const json = { 'content-type': 'application/json' }

/** A new P-256 key with what Fulcio's request says of it. */
export function newKey(): { privateKey: KeyObject; spki: Uint8Array; publicKeyPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }) as string
  return { privateKey, spki: publicKey.export({ type: 'spki', format: 'der' }), publicKeyPem }
}

/** The body of a sound request for a certificate. */
export function certificateRequest(token: string, challenge: string, { privateKey, publicKeyPem } = newKey()) {
  return {
    credentials: { oidcIdentityToken: token },
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content: publicKeyPem },
      proofOfPossession: sign('sha256', Buffer.from(challenge), privateKey).toString('base64'),
    },
  }
}

/** Gets an identity certificate for a new key. */
export async function certify(api: Api, token: string, challenge: string): Promise<CertifiedKey> {
  const key = newKey()
  const reply = await callForJson<{ signedCertificateEmbeddedSct: { chain: { certificates: string[] } } }>(
    `${api.publicUrl}/api/v2/signingCert`,
    { ca: api.ca, headers: json, body: JSON.stringify(certificateRequest(token, challenge, key)) },
  )
  const [leaf] = parsePemCertificates(reply.signedCertificateEmbeddedSct.chain.certificates[0] ?? '')
  if (leaf === undefined) throw new Error('the authority answered no certificate')
  return { privateKey: key.privateKey, certificate: leaf.raw }
}

/** The body of a request to log a signature over `digest`. */
export function entryRequest(digest: Uint8Array, signature: Uint8Array, certificate: Uint8Array) {
  return {
    hashedRekordRequestV002: {
      digest: digest.toBase64(),
      signature: {
        content: signature.toBase64(),
        verifier: { x509Certificate: { rawBytes: certificate.toBase64() }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' },
      },
    },
  }
}

/** Signs, has the signature stamped and logged, and writes the bundle, whatever the certificate is worth. */
export async function signBundle(api: Api, artifact: Uint8Array, key: CertifiedKey): Promise<string> {
  const digest = sha256(artifact)
  const signature = new Uint8Array(sign('sha256', artifact, key.privateKey))
  const timestamp = await stamp(api, signature)
  const entry = await logSignature(api, digest, signature, key.certificate)
  return writeBundle({
    certificate: key.certificate,
    messageDigest: digest,
    signature,
    entry,
    timestamps: [timestamp],
  })
}

/** Has a signature over `digest` logged, whatever the certificate is worth, and answers its entry. */
export function logSignature(
  { publicUrl, ca }: Api,
  digest: Uint8Array,
  signature: Uint8Array,
  certificate: Uint8Array,
): Promise<JsonValue> {
  const body = JSON.stringify(entryRequest(digest, signature, certificate))
  return callForJson(`${publicUrl}/api/v2/log/entries`, { ca, headers: json, body }, 201)
}

/** SHA-256. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(hash('sha256', bytes, 'buffer'))
}

/** The answer of the timestamp authority (RFC 3161) for a signature. */
export async function stamp({ publicUrl, ca }: Api, signature: Uint8Array): Promise<Uint8Array> {
  const nonce = randomBytes(8).readBigUInt64BE() >> 1n
  const body = writeTimestampRequest({ hash: 'sha256', digest: sha256(signature), nonce, certReq: false })
  const headers = { 'content-type': 'application/timestamp-query' }
  const answer = await callInstance(`${publicUrl}/api/v1/timestamp`, { ca, headers, body })
  if (answer.status !== 200) throw new Error(`the timestamp authority answered ${answer.status}`)
  return new Uint8Array(answer.bytes)
}
