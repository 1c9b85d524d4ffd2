import type { RequestListener, Server, ServerOptions } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import { httpError, httpErrors } from './errors.ts'
import { PROBLEM_MEDIA_TYPE, problemOf } from './problem.ts'
import { isStreamingBody } from './requestStream.ts'

// Imported, node:http would load a WebSocket client, only because it exports one: 50 ms of every start.
const { createServer } = process.getBuiltinModule('node:http')

/** A certificate chain (leaf first) and its private key, both PEM. */
export interface TlsCredentials {
  readonly certificate: string
  readonly key: string
}

/** What holds before any route is known. */
export interface ConnectionLimits {
  /** From the first byte of a request to its last, streamed bodies excepted. Default: 30,000. */
  readonly requestTimeoutMs?: number
  /** Of all headers together. Default: 16,384. */
  readonly maxHeaderBytes?: number
}

const REQUEST_TIMEOUT_MS = 30_000
const MAX_HEADER_BYTES = 16_384
const MAX_HEADERS = 100
/** Longer than common load balancers keep an idle connection, so they close first and no request meets a closing one. */
const KEEP_ALIVE_MS = 75_000
/** How often timed-out requests are looked for; the default of half a minute would double short timeouts. */
const CHECK_INTERVAL_MS = 1000

/** A connection whose other end is silently gone is noticed after this and the system's probes. */
const PROBE_AFTER_MS = 60_000

/**
 * The socket server itself, plain or TLS 1.2 and newer, with its limits; it does not listen yet. With `clientAuthorities`
 * (PEM) it asks for client certificates; a caller without one is served all the same.
 */
export function createNodeServer(
  listener: RequestListener,
  limits: ConnectionLimits,
  tls?: TlsCredentials,
  clientAuthorities?: string,
): Server {
  const timeoutMs = limits.requestTimeoutMs ?? REQUEST_TIMEOUT_MS
  const options: ServerOptions = {
    requestTimeout: timeoutMs,
    headersTimeout: timeoutMs,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    maxHeaderSize: limits.maxHeaderBytes ?? MAX_HEADER_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: PROBE_AFTER_MS,
  }
  const clients = {
    requestCert: clientAuthorities !== undefined,
    rejectUnauthorized: false,
    handshakeTimeout: timeoutMs,
  }
  const server = tls
    ? createTlsServer({ ...options, ...clients, ...secureContext(tls, clientAuthorities) }, listener)
    : createServer(options, listener)
  server.maxHeadersCount = MAX_HEADERS
  server.on('clientError', answerBrokenRequest)
  return server
}

/** Serves new connections under another certificate; open ones keep theirs. */
export function replaceTls(server: Server, tls: TlsCredentials, clientAuthorities?: string): void {
  ;(server as TlsServer).setSecureContext(secureContext(tls, clientAuthorities))
}

function secureContext(tls: TlsCredentials, clientAuthorities: string | undefined): SecureContextOptions {
  const clients = clientAuthorities === undefined ? {} : { ca: clientAuthorities }
  return { cert: tls.certificate, key: tls.key, minVersion: 'TLSv1.2', ...clients }
}

const BROKEN_REQUESTS: Readonly<Record<string, keyof typeof httpErrors>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'http.too-slow',
  HPE_HEADER_OVERFLOW: 'http.headers-too-large',
}

/** Answers what could not even be read as a request, then hangs up: nothing after it can be trusted to be one. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && isStreamingBody(socket)) return
  // Failed handshakes arrive here as well; there is nobody to read an answer.
  if (!socket.writable || !/^(?:HPE_|ERR_HTTP_)/.test(error.code ?? '')) return void socket.destroy()
  const code = BROKEN_REQUESTS[error.code ?? ''] ?? 'http.bad-request'
  const { problem } = problemOf(httpError(code, httpErrors[code].sentence), httpErrors)
  const body = JSON.stringify(problem)
  const head = [
    `HTTP/1.1 ${problem.status} Refused`,
    `content-type: ${PROBLEM_MEDIA_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  socket.destroySoon()
}
