import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'

/** Why no whole answer came. `untrusted`: TLS was refused. */
export type RequestFailure = 'unreachable' | 'timeout' | 'too-large' | 'untrusted'

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

/**
 * Sends a request and reads the whole answer, at most `maxBytes` in at most `timeoutMs`. The answer is unverified bytes.
 * Connections are kept for the next request to the same host. Throws what `fail` makes, and the signal's reason.
 */
export async function boundedRequest(request: BoundedRequest): Promise<BoundedReply> {
  const timeout = AbortSignal.timeout(request.timeoutMs)
  const signal = request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal])
  let reply: BoundedReply | undefined
  try {
    reply = await readReply(await send(request, signal), request.maxBytes)
  } catch (error) {
    if (request.signal?.aborted) throw request.signal.reason
    if (timeout.aborted)
      throw request.fail('timeout', `no answer from ${target(request)} in ${request.timeoutMs} ms`, error)
    throw failure(request, error)
  }
  if (reply !== undefined) return reply
  throw request.fail('too-large', `${target(request)} answered more than ${request.maxBytes} bytes`)
}

async function send(request: BoundedRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const url = new URL(request.url)
  const options: RequestOptions & { ca?: string[] } = { method: request.method ?? 'GET', signal }
  options.headers = { ...request.headers, ...(request.body && { 'content-length': String(request.body.length) }) }
  if (request.ca !== undefined) options.ca = [...request.ca]
  if (request.socketPath !== undefined) options.socketPath = request.socketPath
  // Loaded only here, so that offline commands start without the network stack.
  const { request: open } = await (url.protocol === 'https:' ? import('node:https') : import('node:http'))
  return new Promise((resolve, reject) => {
    const sent: ClientRequest = open(url, options)
    sent.once('response', resolve)
    // Stays after the response: an error then is reported by reading it, and must not end the process here.
    sent.on('error', reject)
    sent.end(request.body)
  })
}

/** Undefined where the body is larger than `maxBytes`. */
async function readReply(reply: IncomingMessage, maxBytes: number): Promise<BoundedReply | undefined> {
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of reply) {
    sizeBytes += chunk.length
    if (sizeBytes > maxBytes) return undefined
    chunks.push(chunk)
  }
  const headers = Object.fromEntries(
    Object.entries(reply.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  )
  return { status: reply.statusCode ?? 0, headers, bytes: new Uint8Array(Buffer.concat(chunks)) }
}

function failure(request: BoundedRequest, error: unknown): Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no answer'
  const isTls = /^(?:ERR_TLS|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_SSL)/.test(code)
  return request.fail(isTls ? 'untrusted' : 'unreachable', `${target(request)}: ${code}`, error)
}

/** Host and path for messages; a query may hold what does not belong into a log. */
function target({ url, socketPath }: BoundedRequest): string {
  const { origin, pathname } = new URL(url)
  return `${socketPath ?? origin}${pathname}`
}
