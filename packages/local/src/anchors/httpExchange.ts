/** Why no whole answer came. `untrusted`: TLS was refused. */
export type RequestFailure = 'unreachable' | 'timeout' | 'too-large' | 'untrusted'

/** A client certificate (leaf first) and its private key, both PEM. */
export interface ClientCredentials {
  readonly certificatePem: string
  readonly privateKeyPem: string
}

/** One HTTP request with its limits. Redirects are answers like any other; nothing is followed. */
export interface BoundedRequest {
  /** http: or https:; the path to ask for where `socketPath` is given. */
  readonly url: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** Of the body of the answer. */
  readonly maxBytes: number
  /** From the first byte sent to the last received. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /** PEM certificates that TLS trusts, in place of the system's. */
  readonly ca?: readonly string[]
  /** TLS takes whoever answers. Only for questions whose answer proves itself; see `TlsTrust`. */
  readonly anyServer?: boolean
  /** Who the caller is, for servers that ask. */
  readonly client?: ClientCredentials
  /** A Unix socket in place of the URL's host. */
  readonly socketPath?: string
  /** Makes the caller's own error of a failure. */
  readonly fail: (failure: RequestFailure, message: string, cause?: unknown) => Error
}

/** The whole answer. */
export interface BoundedReply {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Uint8Array
}

/** A body that is sent while it is read. */
export interface StreamedBody {
  readonly sizeBytes: number
  /** Starts from the beginning; called again where the request is repeated. */
  open(): AsyncIterable<Uint8Array>
}

/** One HTTP request whose body or answer is too large to be held. It may take as long as bytes keep coming. */
export interface StreamedRequest extends Omit<BoundedRequest, 'body' | 'timeoutMs'> {
  readonly body?: StreamedBody
  /** Longest wait for the next bytes, sent or received. */
  readonly stallMs: number
}

/** The head of the answer, and its body as it comes. */
export interface StreamedReply {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** To be read once, to its end or not: leaving it ends the connection. Throws what `fail` makes, and the signal's reason. */
  readonly body: AsyncIterable<Uint8Array>
}
