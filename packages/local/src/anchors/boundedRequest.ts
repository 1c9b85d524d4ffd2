import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import type { Agent } from 'node:https'
import type { SecureContextOptions } from 'node:tls'
import type { BoundedReply, BoundedRequest } from './httpExchange.ts'
import { httpModule } from './httpModule.ts'
import { substituteNetwork } from './network.ts'

/**
 * Sends a request and reads the whole answer, at most `maxBytes` in at most `timeoutMs`. The answer is unverified bytes.
 * Connections are kept for the next request to the same host. Throws what `fail` makes, and the signal's reason.
 */
export async function boundedRequest(request: BoundedRequest): Promise<BoundedReply> {
  const network = substituteNetwork()
  if (network !== undefined) return network.request(request)
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
  const { headers, body } = request
  const length = body && { 'content-length': String(body.length) }
  const sent = openRequest({ ...request, headers: { ...headers, ...length } }, signal)
  return new Promise((resolve, reject) => {
    sent.once('response', resolve)
    // Stays after the response: an error then is reported by reading it, and must not end the process here.
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Opens a request whose body is still to be written. The socket may not be connected yet. For `streamedRequest`. */
export function openRequest(
  request: Omit<BoundedRequest, 'body' | 'timeoutMs' | 'maxBytes' | 'fail'>,
  signal: AbortSignal,
): ClientRequest {
  const url = new URL(request.url)
  const { method = 'GET', headers = {}, ca, anyServer, client, socketPath } = request
  const options: RequestOptions & SecureContextOptions = { method, signal, headers }
  if (ca !== undefined) options.ca = [...ca]
  if (anyServer) Object.assign(options, { rejectUnauthorized: false })
  if (client !== undefined) {
    Object.assign(options, { cert: client.certificatePem, key: client.privateKeyPem, agent: keptConnections() })
  }
  if (socketPath !== undefined) options.socketPath = socketPath
  return httpModule(url).request(url, options)
}

let kept: Agent | undefined

/**
 * Connections over mutual TLS, which take a handshake with two certificates: idle ones are kept for as long as the server
 * says, and not only for Node's five seconds, so that a recall after an hour of silence finds one open. They keep no
 * process alive.
 */
function keptConnections(): Agent {
  kept ??= new (process.getBuiltinModule('node:https').Agent)({ keepAlive: true, maxFreeSockets: 4 })
  return kept
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
  return { status: reply.statusCode ?? 0, headers: headersOf(reply), bytes: new Uint8Array(Buffer.concat(chunks)) }
}

/** The headers of an answer, repeated ones joined. */
export function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const joined = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(', ') : (value ?? ''),
  ])
  return Object.fromEntries(joined)
}

/** The caller's own error of a connection that failed. */
export function failure(request: Pick<BoundedRequest, 'url' | 'socketPath' | 'fail'>, error: unknown): Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no answer'
  const isTls = /^(?:ERR_TLS|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_SSL)/.test(code)
  return request.fail(isTls ? 'untrusted' : 'unreachable', `${target(request)}: ${code}`, error)
}

/** Host and path for messages; a query may hold what does not belong into a log. */
export function target({ url, socketPath }: Pick<BoundedRequest, 'url' | 'socketPath'>): string {
  const { origin, pathname } = new URL(url)
  return `${socketPath ?? origin}${pathname}`
}
