import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'

/** What to send, and for how long. */
export interface PostLoad {
  readonly port: number
  readonly path: string
  readonly mediaType: string
  /** Sent in turn, base64. */
  readonly bodies: readonly string[]
  /** Each has one request under way at a time. */
  readonly connections: number
  readonly warmUpMs: number
  readonly measureMs: number
}

/** What came back while measuring. */
export interface PostLoadResult {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Answers with another status than 200. */
  readonly refused: number
}

/**
 * Posts from a child process over plain keep-alive sockets, so that the load does not run on the thread it measures.
 * Nothing is parsed but status and length, which leaves the other core to the server's own work.
 */
export async function postLoad(load: PostLoad): Promise<PostLoadResult> {
  const child: ChildProcess = fork(import.meta.filename, ['post-load'], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  child.send(load)
  const [result] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the load generator ended with ${code}`))),
  ])) as [PostLoadResult]
  child.disconnect()
  return result
}

interface Tally {
  readonly latenciesMs: number[]
  refused: number
  measuring: boolean
  stopping: boolean
}

async function generate(load: PostLoad): Promise<PostLoadResult> {
  const requests = load.bodies.map((body) => requestBytes(load, Buffer.from(body, 'base64')))
  const tally: Tally = { latenciesMs: [], refused: 0, measuring: false, stopping: false }
  const connections = Array.from({ length: load.connections }, (_, at) => keepPosting(load.port, requests, at, tally))
  await sleep(load.warmUpMs)
  tally.measuring = true
  const startMs = performance.now()
  await sleep(load.measureMs)
  const elapsedMs = performance.now() - startMs
  tally.measuring = false
  tally.stopping = true
  await Promise.all(connections)
  return summary(tally, elapsedMs)
}

function requestBytes({ path, mediaType }: PostLoad, body: Buffer): Buffer {
  const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: ${mediaType}\r\ncontent-length: ${body.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

function keepPosting(port: number, requests: readonly Buffer[], first: number, tally: Tally): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let next = first
    let sentMs = 0
    let received = Buffer.alloc(0)
    const send = () => {
      sentMs = performance.now()
      socket.write(requests[next++ % requests.length] as Buffer)
    }
    socket.on('connect', send)
    socket.on('error', reject)
    socket.on('close', () => resolve())
    socket.on('data', (chunk: Buffer<ArrayBuffer>) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
      if (!isWhole(received)) return
      if (tally.measuring) tally.latenciesMs.push(performance.now() - sentMs)
      if (!received.subarray(9, 12).equals(OK)) tally.refused++
      received = Buffer.alloc(0)
      if (tally.stopping) socket.end()
      else send()
    })
  })
}

const OK = Buffer.from('200')

function isWhole(received: Buffer): boolean {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) return false
  const length = /\r\ncontent-length: *([0-9]+)/i.exec(received.toString('latin1', 0, end))?.[1]
  return length !== undefined && received.length >= end + 4 + Number(length)
}

function summary({ latenciesMs, refused }: Tally, elapsedMs: number): PostLoadResult {
  const sorted = latenciesMs.sort((a, b) => a - b)
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
  return {
    perSecond: (sorted.length / elapsedMs) * 1000,
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    maxMs: at(1),
    refused,
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

if (process.argv[2] === 'post-load' && process.send !== undefined) {
  process.once('message', async (load: PostLoad) => {
    process.send?.(await generate(load))
  })
}
