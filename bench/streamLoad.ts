import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { connect, createSecureContext, type SecureContext } from 'node:tls'

/** Connections that listen. */
export interface ListenerSpec {
  readonly count: number
  readonly host: string
  readonly port: number
  /** What each sends once it is connected; empty: nothing. */
  readonly request: string
  /** Absent: plain TCP. */
  readonly tls?: { readonly ca: string; readonly clients: readonly { cert: string; key: string }[] }
}

/** What was heard of one event. */
export interface Heard {
  /** Of each connection, in milliseconds of the system's monotonic clock, ascending. */
  readonly atMs: readonly number[]
  /** The event with everything around it, as the first connection got it, base64. */
  readonly bytes: string
}

/** Many connections that listen, in a process of their own. */
export interface Listeners {
  /** From the first connection begun until all have heard something. */
  readonly connectMs: number
  /** Listens for the next data that hold `marker`, on every connection. Resolves when all listen. */
  expect(marker: string): Promise<void>
  /** What was expected. Rejects where it did not come everywhere within a minute. */
  heard(): Promise<Heard>
  close(): void
}

type Order = { readonly open: ListenerSpec } | { readonly expect: string }
type Report = { readonly opened: number } | { readonly expecting: string } | { readonly heard: Heard }

const AT_ONCE = 64
const PATIENCE_MS = 60_000
/** Longest marker, which may come in two pieces. */
const MARKER_BYTES = 64

/** The monotonic clock that all processes of this machine share, in milliseconds. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** Opens connections from a child process, so that the load does not run on the thread that is measured. */
export async function openListeners(spec: ListenerSpec): Promise<Listeners> {
  const child = fork(import.meta.filename, ['stream-load'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const ask = async <Answer extends Report>(order: Order): Promise<Answer> => {
    const answer = nextReport<Answer>(child)
    child.send(order)
    return answer
  }
  const { opened } = await ask<{ opened: number }>({ open: spec })
  let heard: Promise<{ heard: Heard }> | undefined
  return {
    connectMs: opened,
    async expect(marker) {
      await ask({ expect: marker })
      heard = nextReport(child)
    },
    heard: async () => (await (heard as Promise<{ heard: Heard }>)).heard,
    close: () => child.disconnect(),
  }
}

async function nextReport<Answer extends Report>(child: ChildProcess): Promise<Answer> {
  const over = new AbortController()
  const { signal } = over
  const ended = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`the listeners ended with ${code}`)
  })
  try {
    const [report] = (await Promise.race([once(child, 'message', { signal }), ended])) as [Answer]
    return report
  } finally {
    ended.catch(() => {})
    over.abort()
  }
}

interface Line {
  tail: Buffer
  expects: boolean
}

async function listen(): Promise<void> {
  const lines: Line[] = []
  let marker = Buffer.alloc(0)
  let found: number[] = []
  let bytes = ''
  let patience: NodeJS.Timeout | undefined
  const onData = (line: Line, chunk: Buffer) => {
    if (!line.expects) return
    const seen = Buffer.concat([line.tail, chunk])
    line.tail = seen.subarray(-MARKER_BYTES)
    if (!seen.includes(marker)) return
    found.push(monotonicMs())
    line.expects = false
    if (bytes === '') bytes = chunk.toString('base64')
    if (found.length < lines.length) return
    clearTimeout(patience)
    process.send?.({ heard: { atMs: found, bytes } })
  }
  process.on('message', async (order: Order) => {
    if ('open' in order) {
      process.send?.({ opened: await openAll(order.open, lines, onData) })
      return
    }
    marker = Buffer.from(order.expect)
    found = []
    bytes = ''
    for (const line of lines) Object.assign(line, { tail: Buffer.alloc(0), expects: true })
    patience = setTimeout(() => {
      console.error(`only ${found.length} of ${lines.length} connections heard ${order.expect.trim()}`)
      process.exit(1)
    }, PATIENCE_MS)
    process.send?.({ expecting: order.expect })
  })
  process.once('disconnect', () => process.exit(0))
}

async function openAll(spec: ListenerSpec, lines: Line[], onData: (line: Line, chunk: Buffer) => void) {
  const startMs = monotonicMs()
  const contexts = spec.tls?.clients.map(({ cert, key }) => createSecureContext({ cert, key, ca: spec.tls?.ca })) ?? []
  let next = 0
  const openSome = async () => {
    while (next < spec.count) {
      const context = contexts[next++ % contexts.length]
      const line: Line = { tail: Buffer.alloc(0), expects: false }
      lines.push(line)
      await openOne(spec, context, (chunk) => onData(line, chunk))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, openSome))
  return monotonicMs() - startMs
}

/** Resolves with the first piece of the answer, or once connected where nothing is asked. */
async function openOne(
  { host, port, request }: ListenerSpec,
  secureContext: SecureContext | undefined,
  onData: (chunk: Buffer) => void,
): Promise<void> {
  const socket: Socket = secureContext
    ? connect({ host: '127.0.0.1', port, servername: host, secureContext })
    : createConnection({ host: '127.0.0.1', port })
  socket.on('error', (error) => {
    console.error(`a connection failed: ${error.message}`)
    process.exit(1)
  })
  await once(socket, secureContext ? 'secureConnect' : 'connect')
  const first = request === '' ? Promise.resolve() : once(socket, 'data')
  socket.on('data', onData)
  if (request !== '') socket.write(request)
  await first
}

if (process.argv[2] === 'stream-load' && process.send !== undefined) await listen()
