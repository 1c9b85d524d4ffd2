import type { BadInput } from './badInput.ts'
import { postJson } from './commands.ts'
import { openStolenKeys } from './forgedCertificate.ts'
import { claimsOf, confusedToken, signToken, unsignedToken } from './identityToken.ts'
import { ANNA, type Setting } from './setting.ts'
import { certificateRequest } from './signing.ts'

const LIMITS = 'the limit on the request answers before anything is read; the caller does the same: send less'

/** A request for a certificate that is refused for its identity token. */
interface WrongToken {
  readonly input: string
  readonly expectedCode: string
  readonly token: string
}

/** What the authority must not give a certificate for. */
export async function tokenRows(setting: Setting): Promise<BadInput[]> {
  const { production } = setting
  const url = `${production.publicUrl}/api/v2/signingCert`
  const row = (input: string, expectedCode: string, expectedExit: number, body: unknown): BadInput => ({
    ...{ input, expectedCode, expectedExit, recorded: 'counted' },
    run: () => postJson(url, production.ca, body),
  })
  const request = certificateRequest(production.token, ANNA)
  const tokens = await wrongTokens(setting)
  return [
    ...tokens.map(({ input, expectedCode, token }) => row(input, expectedCode, 400, certificateRequest(token, ANNA))),
    row('no identity token', 'trust.token-missing', 401, { publicKeyRequest: request.publicKeyRequest }),
    {
      ...row('identity token of 1 MB', 'http.too-large', 413, certificateRequest('a'.repeat(1_000_000), ANNA)),
      sharesCodeBecause: LIMITS,
    },
    {
      ...row('proof of possession by another name', 'trust.possession-wrong', 400, {
        ...certificateRequest(production.token, 'mallory@example.org'),
      }),
      // The token proved who it is.
      recorded: 'entry',
    },
    row('public key that is none', 'trust.request-form', 400, {
      ...request,
      publicKeyRequest: { ...request.publicKeyRequest, publicKey: { content: 'no key' } },
    }),
    row('request with a field that nobody knows', 'http.invalid-body', 400, { ...request, comment: 'trust me' }),
    row('request with the same field twice', 'json.duplicate-key', 400, '{"credentials":{},"credentials":{}}'),
  ]
}

async function wrongTokens({ production, development }: Setting): Promise<WrongToken[]> {
  const keys = await openStolenKeys(production.folder, production.keyFile)
  const key = await keys.open('oidc-tokens')
  const sound = claimsOf(production.token)
  const now = Math.floor(Date.now() / 1000)
  return [
    {
      input: 'identity token of a wrong issuer',
      expectedCode: 'account.token-issuer',
      token: await signToken(key, { ...sound, iss: `${development.publicUrl}/oidc` }),
    },
    {
      input: 'identity token for a wrong audience',
      expectedCode: 'account.token-audience',
      token: await signToken(key, { ...sound, aud: 'another-service' }),
    },
    {
      input: 'identity token that expired a minute ago',
      expectedCode: 'account.token-expired',
      token: await signToken(key, { ...sound, iat: now - 600, exp: now - 60 }),
    },
    {
      input: 'identity token of an hour ahead',
      expectedCode: 'account.token-not-yet-valid',
      token: await signToken(key, { ...sound, iat: now + 3600, exp: now + 7200 }),
    },
    {
      input: 'identity token without a signature (alg none)',
      expectedCode: 'account.token-unsigned',
      token: unsignedToken(sound),
    },
    {
      input: 'identity token with an HMAC under the public key (alg confusion)',
      expectedCode: 'account.token-algorithm',
      token: confusedToken(key, sound),
    },
    {
      input: 'identity token, one claim changed',
      expectedCode: 'account.token-signature',
      token: withOtherClaims(production.token, { ...sound, email: 'root@example.org' }),
    },
    {
      input: 'identity token by a key that the issuer does not publish',
      expectedCode: 'account.token-key-unknown',
      token: await signToken(key, sound, '0'.repeat(64)),
    },
    {
      input: 'identity token that is no JWT',
      expectedCode: 'account.token-malformed',
      token: 'not-a-token',
    },
  ]
}

function withOtherClaims(token: string, claims: object): string {
  const [header, , signature] = token.split('.')
  return `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`
}
