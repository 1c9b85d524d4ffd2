import type { IncomingMessage, RequestOptions } from 'node:http'
import { httpModule } from '../anchors/httpModule.ts'
import { type Network, substituteNetwork } from '../anchors/network.ts'
import type { TlsTrust } from '../anchors/trustedRequest.ts'
import type { Clock } from '../clock/clock.ts'
import { feedError } from './errors.ts'

/** One server-sent event (HTML standard, 9.2). Everything in it is unverified. */
export interface PushedEvent {
  readonly id: string
  readonly event: string
  readonly data: string
  /** When its first byte came, by the monotonic clock. */
  readonly receivedAtMs: number
}

/** How a stream of events is read. */
export interface EventStreamDeps {
  readonly trust: TlsTrust
  readonly clock: Clock
  /** From the first byte sent to the head of the answer. */
  readonly timeoutMs: number
  /** A stream that says nothing for longer, not even a comment, is taken for dead. */
  readonly idleMs: number
  readonly signal: AbortSignal
  /** Sent as `Last-Event-ID`, so that the server goes on from there. */
  readonly lastEventId: string
}

/** Largest event: a checkpoint, and entries up to 4 KB in base64. */
const MAX_EVENT_CHARACTERS = 64 * 1024

/**
 * Reads the server-sent events of `url` until the stream ends. Comments only keep it alive. Throws `feed.unreachable` where
 * there is no such stream or it falls silent, `feed.push-wrong` for an event that does not end, and the signal's reason.
 */
export async function* eventStream(url: string, deps: EventStreamDeps): AsyncGenerator<PushedEvent> {
  using silence = silenceTimer(deps)
  const network = substituteNetwork()
  const pieces = network ? substituted(network, url, deps, silence.signal) : received(url, deps, silence.signal)
  const parser = eventParser()
  try {
    for await (const piece of pieces) {
      silence.restart()
      yield* parser.push(piece, deps.clock.monotonicMs())
    }
  } catch (cause) {
    throw failure(cause, url, deps.signal)
  }
}

/** The text of the stream as it comes; leaving it closes the connection. */
async function* received(url: string, deps: EventStreamDeps, signal: AbortSignal): AsyncGenerator<string> {
  const reply = await connect(url, deps, signal)
  try {
    for await (const chunk of reply.setEncoding('utf8')) yield String(chunk)
  } finally {
    reply.destroy()
  }
}

async function* substituted(
  network: Network,
  url: string,
  { timeoutMs: stallMs, lastEventId }: EventStreamDeps,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const headers = { accept: 'text/event-stream', 'last-event-id': lastEventId }
  const fail = (_failure: string, message: string, cause?: unknown) => feedError('feed.unreachable', message, { cause })
  const { body } = await network.stream({ url, headers, maxBytes: Number.POSITIVE_INFINITY, stallMs, signal, fail })
  const decoder = new TextDecoder()
  for await (const piece of body) yield decoder.decode(piece, { stream: true })
}

async function connect(url: string, deps: EventStreamDeps, signal: AbortSignal): Promise<IncomingMessage> {
  const reply = await trustedGet(url, deps, signal).catch((cause) => {
    throw failure(cause, url, deps.signal)
  })
  if (reply.statusCode === 200 && reply.headers['content-type']?.startsWith('text/event-stream')) return reply
  reply.destroy()
  throw feedError('feed.unreachable', `${url} answered ${reply.statusCode} and no stream of events`)
}

/** As `trustedRequest` does: the instance's device root first, the system's roots where the operator brought a certificate. */
async function trustedGet(url: string, deps: EventStreamDeps, signal: AbortSignal): Promise<IncomingMessage> {
  if (new URL(url).protocol !== 'https:') return get(url, deps, { signal })
  try {
    return await get(url, deps, { signal, ca: deps.trust.deviceRoot })
  } catch (error) {
    if (!isTlsFailure(error)) throw error
    return get(url, deps, { signal })
  }
}

async function get(
  url: string,
  { timeoutMs, lastEventId }: EventStreamDeps,
  more: { signal: AbortSignal; ca?: string },
): Promise<IncomingMessage> {
  const headers = { accept: 'text/event-stream', 'last-event-id': lastEventId }
  // A connection of its own: a stream without end must not take one that other requests wait for.
  const options: RequestOptions = { ...more, headers, agent: false }
  return new Promise((resolve, reject) => {
    const sent = httpModule(new URL(url)).request(url, options)
    const timer = setTimeout(() => sent.destroy(new Error('no answer in time')), timeoutMs)
    sent.once('response', (reply) => {
      clearTimeout(timer)
      resolve(reply)
    })
    sent.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    sent.end()
  })
}

/** Aborts once `restart` was not called for `idleMs`, or when the caller's signal does. */
function silenceTimer({ clock, idleMs, signal }: EventStreamDeps) {
  const stop = new AbortController()
  let timer = new AbortController()
  const wait = () => {
    timer = new AbortController()
    clock.sleep(idleMs, timer.signal).then(
      () => stop.abort(new Error('silent for too long')),
      () => undefined,
    )
  }
  wait()
  return {
    signal: AbortSignal.any([stop.signal, signal]),
    restart() {
      timer.abort()
      wait()
    },
    [Symbol.dispose]: () => timer.abort(),
  }
}

/** Cuts text into events as it comes. */
function eventParser() {
  let rest = ''
  let sinceMs = 0
  return {
    *push(text: string, nowMs: number): Generator<PushedEvent> {
      if (rest === '') sinceMs = nowMs
      rest = (rest + text).replaceAll('\r\n', '\n')
      for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
        const event = parseEvent(rest.slice(0, end))
        rest = rest.slice(end + 2)
        if (event !== undefined) yield { ...event, receivedAtMs: sinceMs }
        sinceMs = nowMs
      }
      if (rest.length > MAX_EVENT_CHARACTERS) {
        throw feedError('feed.push-wrong', `an event is longer than ${MAX_EVENT_CHARACTERS} characters`)
      }
    },
  }
}

/** Undefined for what is only comments. */
function parseEvent(block: string): Omit<PushedEvent, 'receivedAtMs'> | undefined {
  const fields = { id: '', event: 'message', data: [] as string[] }
  for (const line of block.split('\n')) {
    const [, name, value = ''] = /^(id|event|data)(?:: ?(.*))?$/.exec(line) ?? []
    if (name === 'data') fields.data.push(value)
    else if (name === 'id' || name === 'event') fields[name] = value
  }
  return fields.data.length === 0 ? undefined : { ...fields, data: fields.data.join('\n') }
}

function isTlsFailure(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /^(?:ERR_TLS|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_SSL)/.test(code)
}

function failure(cause: unknown, url: string, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  if (cause instanceof Error && cause.name === 'CodedError') return cause
  const why = cause instanceof Error ? cause.message : 'no answer'
  return feedError('feed.unreachable', `${url}: ${why}`, { cause })
}
