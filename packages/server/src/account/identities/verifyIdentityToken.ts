import type { KeyObject } from 'node:crypto'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { refusedCaller } from '@countersign/protocol/errors/codedError.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import { accountError } from '../errors.ts'
import type { Identity, IssuerKind } from './identity.ts'
import { readIdentity, type TokenClaims } from './readIdentity.ts'
import { hasTokenSignature, TOKEN_ALGORITHMS, type TokenAlgorithm } from './tokenSignature.ts'

/** Longest token that is looked at. GitHub's are about 2 KB. */
export const MAX_TOKEN_BYTES = 16 * 1024

/** How far the clocks of issuer and server may differ. */
export const CLOCK_SKEW_SECONDS = 30

/** The public keys of one issuer, imported once and kept. */
export interface TokenKeys {
  /** The key with this id that can verify this algorithm; without an id, the only such key. Throws `account.issuer-unavailable`. */
  find(kid: string | undefined, algorithm: TokenAlgorithm): Promise<KeyObject | undefined>
}

/** An issuer on the closed list. */
export interface TokenIssuer {
  /** Exactly the `iss` of its tokens. */
  readonly url: string
  readonly kind: IssuerKind
  readonly audience: string
  readonly keys: TokenKeys
  /** For the embedded issuer: whether the person behind `sub` is still there. */
  isCurrent?(sub: string): boolean
}

/** What verification stands on. */
export interface TokenDeps {
  readonly clock: Clock
  readonly issuers: { find(url: string): TokenIssuer | undefined }
}

interface UnverifiedToken {
  readonly algorithm: TokenAlgorithm
  readonly kid: string | undefined
  readonly claims: TokenClaims
}

const JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/

/**
 * Proves who a token speaks for: form and size, algorithm, issuer from the closed list, signature, audience, times, and the claims
 * that its kind of issuer must make. Trusts the listed issuers for what they say, nobody else for anything.
 * Does not remember tokens: within its lifetime a token can be shown again. Each refusal has its own `account.token-*` code;
 * `account.issuer-unavailable` where an outside issuer's keys cannot be fetched.
 */
export async function verifyIdentityToken(deps: TokenDeps, jwt: string): Promise<Identity> {
  const token = parseToken(jwt)
  const issuer = listedIssuer(deps, token.claims)
  await verifySignature(jwt, token, issuer)
  checkAudience(token.claims, issuer.audience)
  checkTimes(token.claims, Math.floor(deps.clock.now().getTime() / 1000))
  const identity = readIdentity(issuer.kind, issuer.url, token.claims)
  if (issuer.isCurrent?.(identity.subject) === false) {
    const error = accountError('account.token-person-removed', 'the person of this token has been removed here')
    throw refusedCaller(error, { issuer: identity.issuer, subject: identity.san.value })
  }
  return identity
}

function parseToken(jwt: string): UnverifiedToken {
  // Before anything is split or decoded: the cost of a refusal must not grow with what a stranger sends (GHSA-f83f-xpx7-ffpw).
  if (jwt.length > MAX_TOKEN_BYTES) {
    throw accountError(
      'account.token-too-large',
      `the token has ${jwt.length} characters; ${MAX_TOKEN_BYTES} are taken`,
    )
  }
  if (jwt.length === 0) throw accountError('account.token-missing', 'no identity token was given')
  if (!JWT.test(jwt))
    throw accountError('account.token-malformed', 'the token is not three base64url parts with dots between them')
  const [header = '', payload = '', signature] = jwt.split('.')
  const { alg, kid, crit } = decodePart(header, 'header')
  if (signature === '' || (typeof alg === 'string' && alg.toLowerCase() === 'none')) {
    throw accountError('account.token-unsigned', 'the token carries no signature')
  }
  const algorithm = TOKEN_ALGORITHMS.find((name) => name === alg)
  if (!algorithm) {
    throw accountError(
      'account.token-algorithm',
      `the token names another algorithm than ${TOKEN_ALGORITHMS.join(', ')}`,
    )
  }
  // RFC 7515, 4.1.11: extensions that are not understood must not be ignored, and none are.
  if (crit !== undefined) throw accountError('account.token-malformed', 'the token demands extensions (`crit`)')
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > 256)) {
    throw accountError('account.token-malformed', 'the key id of the token is not a short text')
  }
  return { algorithm, kid, claims: decodePart(payload, 'payload') }
}

function decodePart(part: string, what: string): TokenClaims {
  let value: JsonValue
  try {
    value = parseJson(Uint8Array.fromBase64(part, { alphabet: 'base64url' }), {
      maxBytes: MAX_TOKEN_BYTES,
      maxDepth: 8,
    })
  } catch (cause) {
    throw accountError('account.token-malformed', `the ${what} of the token is not JSON`, { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw accountError('account.token-malformed', `the ${what} of the token is not a JSON object`)
  }
  return value as TokenClaims
}

function listedIssuer(deps: TokenDeps, claims: TokenClaims): TokenIssuer {
  const issuer = typeof claims.iss === 'string' ? deps.issuers.find(claims.iss) : undefined
  if (!issuer)
    throw accountError('account.token-issuer', 'the issuer that the token names (`iss`) is not accepted here')
  return issuer
}

async function verifySignature(jwt: string, token: UnverifiedToken, issuer: TokenIssuer): Promise<void> {
  const key = await issuer.keys.find(token.kid, token.algorithm)
  if (!key) {
    throw accountError(
      'account.token-key-unknown',
      `${issuer.url} publishes no ${token.algorithm} key with the id in the token`,
    )
  }
  if (!hasTokenSignature(jwt, token.algorithm, key)) {
    throw accountError(
      'account.token-signature',
      'the signature of the token does not verify with the key of its issuer',
    )
  }
}

function checkAudience(claims: TokenClaims, audience: string): void {
  const named = Array.isArray(claims.aud) ? claims.aud : [claims.aud]
  if (!named.includes(audience)) {
    throw accountError('account.token-audience', `the token is not for the audience "${audience}"`)
  }
}

function checkTimes(claims: TokenClaims, now: number): void {
  const issued = seconds(claims, 'iat')
  const expires = seconds(claims, 'exp')
  const begins = claims.nbf === undefined ? issued : seconds(claims, 'nbf')
  const ahead = Math.max(issued, begins) - now
  if (ahead > CLOCK_SKEW_SECONDS) {
    throw accountError(
      'account.token-not-yet-valid',
      `the token is dated ${ahead} seconds after this server’s clock (${isoTime(now)}): one of the clocks is wrong`,
      { detail: { now: isoTime(now), begins: isoTime(now + ahead) } },
    )
  }
  if (expires + CLOCK_SKEW_SECONDS <= now) {
    throw accountError(
      'account.token-expired',
      `the token expired ${now - expires} seconds before this server’s clock (${isoTime(now)}); get a new one. If it is new, compare the clocks`,
      { detail: { now: isoTime(now), expired: isoTime(expires) } },
    )
  }
}

function seconds(claims: TokenClaims, name: string): number {
  const value = claims[name]
  // Beyond year 9999 a number cannot be written as a date, so nobody means it.
  if (typeof value !== 'number' || value < 0 || value > 253_402_300_799) {
    throw accountError('account.token-malformed', `the token has no usable time in \`${name}\``)
  }
  return Math.floor(value)
}

function isoTime(atSeconds: number): string {
  return new Date(atSeconds * 1000).toISOString()
}
