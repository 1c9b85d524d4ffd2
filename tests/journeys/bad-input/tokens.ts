import { type BadInput, rowMaker } from './badInput.ts'
import { announceJson, postJson } from './commands.ts'
import { openStolenKeys } from './forgedCertificate.ts'
import { claimsOf, confusedToken, signToken, unsignedToken, withOtherClaims } from './identityToken.ts'
import { ANNA, type Setting } from './setting.ts'
import { certificateRequest } from './signing.ts'

/** What the authority must not give a certificate for. Most tokens are signed with the issuer's own key, so that one thing is wrong. */
export async function tokenRows({ production, development }: Setting): Promise<BadInput[]> {
  const { ca, publicUrl, token: sound } = production
  const keys = await openStolenKeys(production.folder, production.keyFile)
  const key = await keys.open('oidc-tokens')
  const claims = claimsOf(sound)
  const now = Math.floor(Date.now() / 1000)
  const signed = (changes: object) => signToken(key, { ...claims, ...changes })

  const url = `${publicUrl}/api/v2/signingCert`
  const post = (body: unknown) => postJson(url, ca, body)
  const token = rowMaker('counted', (text: string) => post(certificateRequest(text, ANNA)))
  const longToken = rowMaker('counted', (text: string) => announceJson(url, ca, certificateRequest(text, ANNA)))
  const request = rowMaker('counted', post)
  const byAnna = rowMaker('entry', post)
  const body = certificateRequest(sound, ANNA)
  const { publicKeyRequest } = body
  const issuer = await signed({ iss: `${development.publicUrl}/oidc` })
  const audience = await signed({ aud: 'another-service' })
  const expired = await signed({ iat: now - 600, exp: now - 60 })
  const ahead = await signed({ iat: now + 3600, exp: now + 7200 })
  const unpublished = await signToken(key, claims, '0'.repeat(64))
  const changed = withOtherClaims(sound, { ...claims, email: 'root@example.org' })
  return [
    token('identity token of a wrong issuer', 'account.token-issuer', 400, issuer),
    token('identity token for a wrong audience', 'account.token-audience', 400, audience),
    token('identity token, expired a minute ago', 'account.token-expired', 400, expired),
    token('identity token of an hour ahead', 'account.token-not-yet-valid', 400, ahead),
    token('identity token, unsigned (alg none)', 'account.token-unsigned', 400, unsignedToken(claims)),
    token('identity token, alg confusion (HMAC)', 'account.token-algorithm', 400, confusedToken(key, claims)),
    token('identity token, one claim changed', 'account.token-signature', 400, changed),
    token('identity token by an unpublished key', 'account.token-key-unknown', 400, unpublished),
    token('identity token that is no JWT', 'account.token-malformed', 400, 'not-a-token'),
    longToken('identity token of 1 MB', 'http.too-large', 413, 'a'.repeat(1_000_000)),
    request('no identity token', 'trust.token-missing', 401, { publicKeyRequest }),
    // The token proved who it is.
    byAnna(
      'proof of possession, wrong',
      'trust.possession-wrong',
      400,
      certificateRequest(sound, 'mallory@example.org'),
    ),
    request('certificate for a public key that is none', 'trust.request-form', 400, {
      ...body,
      publicKeyRequest: { ...publicKeyRequest, publicKey: { content: 'no key' } },
    }),
    request('certificate request, unknown field', 'http.invalid-body', 400, { ...body, comment: 'trust me' }),
    request('certificate request, one field twice', 'json.duplicate-key', 400, '{"credentials":{},"credentials":{}}'),
  ]
}
