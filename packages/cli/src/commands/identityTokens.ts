import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import { outputError } from '../output/errors.ts'
import { loadSession, saveSession, withSessionLock } from './sessionFile.ts'

/** An identity token and what a proof of possession is made over. */
export interface IdentityToken {
  readonly token: string
  /** The `email` claim, else `sub`. */
  readonly challenge: string
}

/** Identity tokens for as long as a command runs. */
export interface IdentityTokens {
  /** A token that is good for another minute at least. */
  current(): Promise<IdentityToken>
}

const MAX_TOKEN_BYTES = 16_384
const SPARE_MS = 60_000

interface ReadToken extends IdentityToken {
  readonly expiresMs: number
}

/** Tokens of the person who is signed in; each costs one use of the rotating refresh token. Throws `cli.not-signed-in`. */
export function sessionTokens(anchors: Anchors, signal: AbortSignal): IdentityTokens {
  let running: Promise<ReadToken> | undefined
  return {
    async current() {
      const known = await running
      if (known && known.expiresMs - SPARE_MS > systemClock.now().getTime()) return known
      running = refreshSession(anchors, signal)
      return running
    },
  }
}

/** The one token of a build job. Whether it still counts is the server's to say. Throws `cli.usage`, `files.*`. */
export async function fileToken(path: string): Promise<IdentityTokens> {
  const token = readToken(
    Buffer.from(await readBounded(path, MAX_TOKEN_BYTES))
      .toString()
      .trim(),
  )
  return { current: async () => token }
}

/** Keeps the next refresh token before the identity token is used: a crash in between must not end the sign-in. */
async function refreshSession(anchors: Anchors, signal: AbortSignal): Promise<ReadToken> {
  const { findIssuer, refresh } = await import('./identityIssuer.ts')
  return withSessionLock(signal, async () => {
    const session = await loadSession(anchors.rootSha256)
    const issuer = await findIssuer(session.issuer, anchors, signal)
    const tokens = await refresh(issuer, session.refreshToken)
    if (tokens.refreshToken !== undefined) {
      await saveSession(anchors.rootSha256, { ...session, refreshToken: tokens.refreshToken })
    }
    return readToken(tokens.idToken)
  })
}

/** Reads the claims that are needed here; the signature is the server's business. */
function readToken(token: string): ReadToken {
  const payload = token.split('.')[1]
  if (!/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token) || payload === undefined) {
    throw outputError('cli.usage', 'the file holds no identity token (a JWT)')
  }
  const claims = parseJson(Buffer.from(payload, 'base64url'), { maxBytes: MAX_TOKEN_BYTES })
  const { email, sub, exp } = claims as { email?: unknown; sub?: unknown; exp?: unknown }
  const challenge = email ?? sub
  if (typeof challenge !== 'string') throw outputError('cli.usage', 'the identity token names nobody')
  return { token, challenge, expiresMs: typeof exp === 'number' ? exp * 1000 : 0 }
}
