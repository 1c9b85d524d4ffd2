import { generateKeyPairSync, sign } from 'node:crypto'
import { callInstance } from './callInstance.ts'

/**
 * Asks an instance for a certificate as any sigstore client does: a token, a fresh key, and a proof of its possession over
 * `challenge`, which for a person is the address in the token. `code` is there where it was refused.
 */
export async function askCertificate(
  instanceUrl: string,
  request: { readonly token: string; readonly challenge: string; readonly ca: string },
): Promise<{ status: number; code?: string }> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const body = {
    credentials: { oidcIdentityToken: request.token },
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content: publicKey.export({ type: 'spki', format: 'pem' }) },
      proofOfPossession: sign('sha256', Buffer.from(request.challenge), privateKey).toString('base64'),
    },
  }
  const headers = { 'content-type': 'application/json' }
  const { ca } = request
  const answer = await callInstance(`${instanceUrl}/api/v2/signingCert`, { headers, body: JSON.stringify(body), ca })
  const { code } = JSON.parse(answer.bytes.toString('utf8')) as { code?: string }
  return { status: answer.status, ...(code !== undefined && { code }) }
}
