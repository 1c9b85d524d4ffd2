import { type KeyObject, verify } from 'node:crypto'
import { promisify } from 'node:util'
import type { SigningCertificateBody } from '@countersign/protocol/api/authority.ts'
import { decodeBase64 } from '@countersign/protocol/json/base64.ts'
import { parseCertificateRequest } from '@countersign/protocol/x509/csr.ts'
import { readPem } from '@countersign/protocol/x509/pem.ts'
import { trustError } from '../errors.ts'
import { bearerToken } from './bearerToken.ts'
import { type ClientKey, clientKeyFromPem, clientKeyFromSpki } from './clientKey.ts'

/** A request for an identity certificate, read but not believed: who asks is the token's business. */
export interface IdentityRequest {
  /** The identity token as it came; a secret until it expires. */
  readonly token: string
  readonly key: ClientKey
  /** Undefined where a certificate request has already proved possession by its own signature. */
  readonly proof: Uint8Array | undefined
}

/**
 * Reads both forms of a Fulcio v2 request. Of a certificate request only the key counts: its subject and extensions are
 * ignored, as upstream, because the certificate says what the token says. Throws `trust.token-missing`,
 * `trust.request-form`, `trust.key-unsupported`, `trust.key-weak`, and what `parseCertificateRequest` throws.
 */
export function readIdentityRequest(body: SigningCertificateBody, authorization: string | undefined): IdentityRequest {
  const token = body.credentials?.oidcIdentityToken ?? bearerToken(authorization)
  if (token === undefined) throw trustError('trust.token-missing', 'the request carries no identity token')
  const { publicKeyRequest, certificateSigningRequest } = body
  if ((publicKeyRequest === undefined) === (certificateSigningRequest === undefined)) {
    throw trustError('trust.request-form', 'the request holds both forms of key, or neither')
  }
  if (publicKeyRequest !== undefined) {
    const key = clientKeyFromPem(publicKeyRequest.publicKey.content)
    return { token, key, proof: decodeBase64(publicKeyRequest.proofOfPossession, 'the proof of possession') }
  }
  return { token, key: keyOfCertificateRequest(certificateSigningRequest as string), proof: undefined }
}

/**
 * Checks that the caller holds the private key: the proof is a signature over one of `challenges`, which come from the
 * verified token (its e-mail address and its subject; clients disagree which to take). Throws `trust.possession-wrong`.
 */
export async function requirePossession(request: IdentityRequest, challenges: readonly string[]): Promise<void> {
  const { proof, key } = request
  if (proof === undefined) return
  for (const challenge of challenges) {
    // In the thread pool: it is the largest single piece of work of a certificate.
    if (await verifyInPool(key.hash ?? null, Buffer.from(challenge), key.key, proof)) return
  }
  throw trustError('trust.possession-wrong', 'the proof of possession does not verify with the key')
}

const verifyInPool: (hash: string | null, message: Uint8Array, key: KeyObject, proof: Uint8Array) => Promise<boolean> =
  promisify(verify)

function keyOfCertificateRequest(text: string): ClientKey {
  const pem = new TextDecoder().decode(decodeBase64(text, 'the certificate request'))
  const [der, ...others] = readPem(pem, ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'])
  if (der === undefined || others.length > 0) {
    throw trustError('trust.request-form', 'there is not exactly one certificate request')
  }
  return clientKeyFromSpki(parseCertificateRequest(der).spki)
}
