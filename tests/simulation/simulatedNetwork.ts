import type { BoundedRequest, StreamedRequest } from '@countersign/local/anchors/httpExchange.ts'
import type { Network } from '@countersign/local/anchors/network.ts'
import { parsePemCertificates } from '@countersign/protocol/x509/certificate.ts'
import type { SeededRandom } from './seededRandom.ts'
import type { SimulatedReply, SimulatedRequest } from './simulatedServer.ts'
import type { Life, SimulatedTime } from './simulatedTime.ts'

/** The way between one machine and the instance. */
export interface Link {
  isUp: boolean
  /** Of requests, and again of answers. */
  lossChance: number
  /** Of pushes: lost, sent twice, overtaken by later ones. */
  pushMischance: number
  /** No push arrives, though everything else does: somebody on the way holds them back. */
  isMuted: boolean
  /** When a request or an answer was last lost on this way, in true time. */
  lastTroubleMs: number
  /** The same of a push. */
  lastPushTroubleMs: number
}

/** What is at the other end; undefined while it is down. */
export type Answering = ((request: SimulatedRequest) => Promise<SimulatedReply>) | undefined

/** What a machine's network stands on. */
export interface NetworkDeps {
  readonly time: SimulatedTime
  readonly random: SeededRandom
  readonly link: Link
  /** Of the process that asks: nothing reaches one that is gone. */
  readonly life: Life
  readonly instance: () => Answering
}

type Asked = BoundedRequest | StreamedRequest

const LATE_PUSH_MS = 90_000

/** A link that loses nothing. */
export function goodLink(): Link {
  const never = Number.NEGATIVE_INFINITY
  return { isUp: true, lossChance: 0, pushMischance: 0, isMuted: false, lastTroubleMs: never, lastPushTroubleMs: never }
}

/** The network as one process sees it: late, lossy or cut, as its link is at that moment. */
export function simulatedNetwork(deps: NetworkDeps): Network {
  return {
    async request(request) {
      const { status, bytes = new Uint8Array() } = await exchange(deps, request, request.timeoutMs)
      if (bytes.length > request.maxBytes) throw request.fail('too-large', `${request.url} answered too much`)
      const date = deps.time.date.toUTCString()
      return { status, headers: { date }, bytes }
    },
    async stream(request) {
      const { status, bytes, stream } = await exchange(deps, request, request.stallMs)
      const body = stream === undefined ? once(bytes ?? new Uint8Array()) : delivered(deps, stream, request.signal)
      return { status, headers: {}, body }
    },
  }
}

async function exchange(deps: NetworkDeps, request: Asked, timeoutMs: number): Promise<SimulatedReply> {
  const { time, life, link } = deps
  const random = chanceOf(request, deps)
  const gone = new AbortController()
  const aborted = whenAborted(request.signal)
  const passed = (async () => {
    await pass(deps, random)
    const answer = deps.instance()
    if (answer === undefined) throw request.fail('unreachable', `${request.url} is down`)
    const reply = await answer({ ...readRequest(request), signal: request.signal ?? gone.signal })
    await pass(deps, random)
    return reply
  })()
  const late = time.wait(timeoutMs).then(() => {
    throw request.fail('timeout', `no answer from ${request.url}`)
  })
  for (const one of [passed, late, aborted]) one.catch(() => {})
  if (!link.isUp && random.chance(0.5)) {
    await time.wait(5)
    if (!life.isAlive) return forever()
    request.signal?.throwIfAborted()
    throw request.fail('unreachable', `no way to ${request.url}`)
  }
  try {
    const reply = await Promise.race([passed, late, aborted])
    return life.isAlive ? reply : forever()
  } catch (error) {
    if (!life.isAlive) return forever()
    throw error
  }
}

/**
 * What is in store for a request follows from what it asks and when: those that begin in the same moment do so in any order,
 * as the disk has it. Long hex in an address is as random as the keys are.
 */
function chanceOf({ url, method = 'GET' }: Asked, { time, random }: NetworkDeps): SeededRandom {
  return random.fork(`${method} ${url.replaceAll(/[0-9a-f]{16,}/g, '#')} ${time.nowMs}`)
}

/** One way through the link. What is lost never arrives, and the one who waits for it has to give up by himself. */
async function pass({ time, link }: NetworkDeps, random: SeededRandom): Promise<void> {
  await time.wait(random.between(2, 120))
  if (link.isUp && !random.chance(link.lossChance)) return
  link.lastTroubleMs = time.nowMs
  await forever()
}

function readRequest(request: Asked): Omit<SimulatedRequest, 'signal'> {
  const [leaf] = request.client === undefined ? [] : parsePemCertificates(request.client.certificatePem)
  return {
    method: request.method ?? 'GET',
    url: new URL(request.url),
    headers: request.headers ?? {},
    body: request.body instanceof Uint8Array ? request.body : new Uint8Array(),
    ...(leaf && { clientCertificate: leaf.raw }),
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** News as it arrives: late, twice, out of order or not at all. Ends with the server's stream; a cut link only falls silent. */
async function* delivered(
  deps: NetworkDeps,
  stream: AsyncIterable<Uint8Array | string>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const arrived: Uint8Array[] = []
  let isOver = false
  let wake = () => {}
  const arrive = (piece: Uint8Array) => {
    arrived.push(piece)
    wake()
  }
  const pump = async () => {
    let pieces = 0
    for await (const piece of stream) {
      const random = deps.random.fork(`piece ${pieces++} ${deps.time.nowMs}`)
      send({ ...deps, random }, Buffer.from(piece), arrive)
    }
    isOver = true
    wake()
  }
  const aborted = whenAborted(signal)
  pump().catch(() => {})
  aborted.catch(() => {})
  for (;;) {
    for (let piece = arrived.shift(); piece !== undefined; piece = arrived.shift()) yield piece
    if (isOver) return
    const news = new Promise<void>((resolve) => {
      wake = resolve
    })
    await Promise.race([news, aborted])
    if (!deps.life.isAlive) await forever()
  }
}

function send({ time, random, link }: NetworkDeps, piece: Uint8Array, arrive: (piece: Uint8Array) => void): void {
  const isNews = Buffer.from(piece).includes('data:')
  const mischance =
    isNews && random.chance(link.pushMischance) ? random.pick(['lost', 'twice', 'late'] as const) : 'none'
  if (mischance !== 'none' || (isNews && link.isMuted)) link.lastPushTroubleMs = time.nowMs
  if (!link.isUp) link.lastTroubleMs = time.nowMs
  if (!link.isUp || mischance === 'lost' || (isNews && link.isMuted)) return
  const deliver = (afterMs: number) => time.at(time.nowMs + afterMs, () => arrive(piece))
  deliver(mischance === 'late' ? random.between(120, LATE_PUSH_MS) : random.between(2, 120))
  if (mischance === 'twice') deliver(random.between(120, LATE_PUSH_MS))
}

/** A promise of its own each time: one that all wait for would remember all of them. */
function forever(): Promise<never> {
  return new Promise(() => {})
}

function whenAborted(signal: AbortSignal | undefined): Promise<never> {
  if (signal === undefined) return forever()
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
