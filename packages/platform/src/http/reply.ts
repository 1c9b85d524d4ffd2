import type { z } from 'zod'

/** An answer that is not JSON: tiles, certificates, pages. */
export interface RawReply {
  readonly bytes: Uint8Array | string
  readonly mediaType: string
  /** Lower-case names. A page sets its own `content-security-policy`; without one nothing may be loaded or run. */
  readonly headers?: Readonly<Record<string, string>>
  /** Default: the route's. */
  readonly status?: number
}

/** An answer that is sent while it is made: artifacts, and news without end. */
export interface StreamReply {
  /**
   * Read no faster than the caller takes it, and left when the caller is gone. One that waits for news must also wait for
   * the request's `signal` and then end; an error in it breaks the connection.
   */
  readonly stream: AsyncIterable<Uint8Array | string>
  /** Of the whole stream. Without it the answer counts as endless: it is ended as soon as the server closes. */
  readonly sizeBytes?: number
  readonly mediaType: string
  readonly headers?: Readonly<Record<string, string>>
  /** Default: the route's. */
  readonly status?: number
}

/** What an operation answers: the value of the route's schema, or bytes or a stream where the route answers bytes. */
export type RouteReply<Reply extends z.ZodType> =
  unknown extends z.input<Reply> ? RawReply | StreamReply : z.input<Reply>

/** Headers of every answer. `none` as default source: an answer that a browser is made to show can load and run nothing. */
export const SAFE_HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
}

/** RFC 6797; a year. */
export const STRICT_TRANSPORT = 'max-age=31536000'
