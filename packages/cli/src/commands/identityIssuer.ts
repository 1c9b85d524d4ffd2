import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { type TlsTrust, tlsTrust, trustedRequest } from '@countersign/local/anchors/trustedRequest.ts'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import * as openid from 'openid-client'
import { outputError } from '../output/errors.ts'

/** The public client that every sigstore program is. */
const CLIENT_ID = 'sigstore'
const MAX_ANSWER_BYTES = 1024 * 1024
const TIMEOUT_MS = 15_000

/** An issuer that was found and speaks OpenID Connect, and how to speak to it. */
export type IdentityIssuer = openid.Configuration

/** What a token request brought. Secrets. */
export interface Tokens {
  readonly idToken: string
  readonly refreshToken?: string
  readonly email: string
}

/** Finds the issuer's endpoints (OpenID Connect Discovery). Throws `cli.issuer-unreachable`, `cli.sign-in-failed`. */
export async function findIssuer(issuer: string, anchors: Anchors, signal: AbortSignal): Promise<IdentityIssuer> {
  const options = { [openid.customFetch]: fetchBy(tlsTrust(anchors), signal) }
  return translate(() => openid.discovery(new URL(issuer), CLIENT_ID, undefined, openid.None(), options))
}

/** Begins the device flow (RFC 8628). `show` is called with the address and code to confirm; resolves once confirmed. */
export async function signInByDevice(
  issuer: IdentityIssuer,
  signal: AbortSignal,
  show: (address: { plain: string; complete?: string; code: string; expiresInSeconds: number }) => void,
): Promise<Tokens> {
  return translate(async () => {
    const started = await openid.initiateDeviceAuthorization(issuer, { scope: 'openid email offline_access' })
    show({
      plain: started.verification_uri,
      ...(started.verification_uri_complete && { complete: started.verification_uri_complete }),
      code: started.user_code,
      expiresInSeconds: started.expires_in,
    })
    return readTokens(await openid.pollDeviceAuthorizationGrant(issuer, started, undefined, { signal }))
  })
}

/** Uses a refresh token once; the answer holds the next one. Throws `cli.not-signed-in` where it is used up. */
export async function refresh(issuer: IdentityIssuer, refreshToken: string): Promise<Tokens> {
  return translate(async () => readTokens(await openid.refreshTokenGrant(issuer, refreshToken)), 'cli.not-signed-in')
}

/** Ends a sign-in at the issuer (RFC 7009). */
export async function revoke(issuer: IdentityIssuer, refreshToken: string): Promise<void> {
  await translate(() => openid.tokenRevocation(issuer, refreshToken, { token_type_hint: 'refresh_token' }))
}

function readTokens(answer: openid.TokenEndpointResponse & openid.TokenEndpointResponseHelpers): Tokens {
  const claims = answer.claims()
  const { id_token: idToken, refresh_token: refreshToken } = answer
  const email = claims?.email ?? claims?.sub
  if (idToken === undefined || typeof email !== 'string') {
    throw outputError('cli.sign-in-failed', 'the issuer gave no identity token')
  }
  return { idToken, email, ...(refreshToken !== undefined && { refreshToken }) }
}

/** Tokens go only over a connection that this function has verified, with the same limits as every other request. */
function fetchBy(trust: TlsTrust, signal: AbortSignal): openid.CustomFetch {
  return async (url, options) => {
    const reply = await trustedRequest(
      {
        url,
        method: options.method,
        headers: options.headers,
        ...(options.body != null && { body: Buffer.from(String(options.body)) }),
        maxBytes: MAX_ANSWER_BYTES,
        timeoutMs: TIMEOUT_MS,
        signal,
        fail: (_failure, message, cause) => outputError('cli.issuer-unreachable', message, { cause }),
      },
      trust,
    )
    return new Response(new Uint8Array(reply.bytes), { status: reply.status, headers: reply.headers })
  }
}

async function translate<T>(
  work: () => Promise<T>,
  refused: 'cli.sign-in-failed' | 'cli.not-signed-in' = 'cli.sign-in-failed',
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    for (let one: unknown = error; one instanceof Error; one = one.cause) if (one instanceof CodedError) throw one
    if (error instanceof openid.ResponseBodyError) {
      const said = error.error_description ?? error.error
      // RFC 6749, 5.2: anything else than a bad grant is a misunderstanding, not the end of the sign-in.
      throw outputError(error.error === 'invalid_grant' ? refused : 'cli.sign-in-failed', `the issuer said: ${said}`)
    }
    if (error instanceof openid.ClientError) throw outputError('cli.sign-in-failed', error.message)
    throw error
  }
}
