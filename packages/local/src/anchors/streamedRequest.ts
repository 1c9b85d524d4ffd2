import type { ClientRequest, IncomingMessage } from 'node:http'
import { failure, headersOf, openRequest, target } from './boundedRequest.ts'
import type { StreamedBody, StreamedReply, StreamedRequest } from './httpExchange.ts'
import { substituteNetwork } from './network.ts'

/** A server that does not know of permission to send gets the body after this. */
const PERMISSION_MS = 3000

/**
 * Sends a request and resolves with the head of the answer. The body is not sent before the server asks for it
 * (`Expect: 100-continue`), so a refusal, or an answer that needs no body, costs no transfer. Throws what `fail` makes,
 * the signal's reason, and what reading the body throws.
 */
export async function streamedRequest(request: StreamedRequest): Promise<StreamedReply> {
  const network = substituteNetwork()
  if (network !== undefined) return network.stream(request)
  const stall = new StallTimer(request.stallMs)
  const signal = request.signal === undefined ? stall.signal : AbortSignal.any([stall.signal, request.signal])
  const explain = (error: unknown): unknown => {
    if (request.signal?.aborted) return request.signal.reason
    if (stall.signal.aborted) {
      return request.fail('timeout', `no bytes to or from ${target(request)} in ${request.stallMs} ms`, error)
    }
    return error instanceof SourceError ? error.cause : failure(request, error)
  }
  try {
    const reply = await exchange(request, signal, stall)
    return {
      status: reply.statusCode ?? 0,
      headers: headersOf(reply),
      body: readPieces(request, reply, stall, explain),
    }
  } catch (error) {
    stall.stop()
    throw explain(error)
  }
}

/** What the body's own source threw, told apart from what the connection threw. */
class SourceError extends Error {}

/** Aborts when it was not refreshed for `stallMs`. */
class StallTimer {
  readonly #stalled = new AbortController()
  readonly #timer: NodeJS.Timeout

  constructor(stallMs: number) {
    this.#timer = setTimeout(() => this.#stalled.abort(), stallMs)
  }

  get signal(): AbortSignal {
    return this.#stalled.signal
  }

  refresh(): void {
    this.#timer.refresh()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}

async function exchange(request: StreamedRequest, signal: AbortSignal, stall: StallTimer): Promise<IncomingMessage> {
  const { headers, body } = request
  const expecting = body && { 'content-length': String(body.sizeBytes), expect: '100-continue' }
  const sent = openRequest({ ...request, headers: { ...headers, ...expecting } }, signal)
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve)
    // Stays after the response: an error then is reported by reading it, and must not end the process here.
    sent.on('error', reject)
  })
  // Sending may fail first; its error is then the one to report.
  answered.catch(() => {})
  if (body === undefined) sent.end()
  else if (await mayBeSent(sent, answered)) await sendBody(sent, body, answered, stall)
  return answered
}

/** False where the server answered without wanting the body. */
function mayBeSent(sent: ClientRequest, answered: Promise<IncomingMessage>): Promise<boolean> {
  sent.flushHeaders()
  return new Promise((resolve, reject) => {
    const waited = setTimeout(() => resolve(true), PERMISSION_MS)
    sent.once('continue', () => resolve(true))
    answered.then(() => resolve(false), reject).finally(() => clearTimeout(waited))
  })
}

async function sendBody(
  sent: ClientRequest,
  body: StreamedBody,
  answered: Promise<IncomingMessage>,
  stall: StallTimer,
): Promise<void> {
  let isAnswered = false
  const ended = answered.then(
    () => {
      isAnswered = true
    },
    () => {
      isAnswered = true
    },
  )
  try {
    for await (const piece of body.open()) {
      // A server that has refused already reads no more.
      if (isAnswered) return
      stall.refresh()
      if (!sent.write(piece)) await Promise.race([new Promise((resolve) => sent.once('drain', resolve)), ended])
    }
  } catch (cause) {
    sent.destroy()
    throw new SourceError('the body could not be read', { cause })
  }
  sent.end()
}

async function* readPieces(
  request: StreamedRequest,
  reply: IncomingMessage,
  stall: StallTimer,
  explain: (error: unknown) => unknown,
): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0
  try {
    for await (const piece of reply) {
      stall.refresh()
      sizeBytes += piece.length
      if (sizeBytes > request.maxBytes) break
      yield piece
    }
  } catch (error) {
    throw explain(error)
  } finally {
    stall.stop()
  }
  if (sizeBytes <= request.maxBytes) return
  throw request.fail('too-large', `${target(request)} answered more than ${request.maxBytes} bytes`)
}
