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

/** One caller's end of an answer without end. */
export interface NewsLine {
  /** Of what the caller has not taken yet. Whoever sends says how much is too much, and ends the line there. */
  readonly waitingBytes: number
  /** Sends `bytes` as soon as the connection takes them; on an ended line it does nothing. Many lines may share one array. */
  send(bytes: Uint8Array): void
  /** Ends the answer after what was sent. */
  end(): void
}

/** News for many callers at once: a stream without end that can also be written straight to a connection. */
export interface NewsStream extends AsyncIterable<Uint8Array> {
  /** Called at most once, instead of reading: everything goes to `line` from now on, and the line ends where the stream would. */
  attach(line: NewsLine): void
}

/** An answer that is sent while it is made: artifacts, and news without end. */
export interface StreamReply {
  /**
   * Read no faster than the caller takes it, and left when the caller is gone. One that waits for news must also wait for
   * the request's `signal` and then end; an error in it breaks the connection.
   */
  readonly stream: AsyncIterable<Uint8Array | string> | NewsStream
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
