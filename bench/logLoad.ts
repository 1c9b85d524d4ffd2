import { type ChildProcess, fork } from 'node:child_process'
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { addLogEntryRoute } from '@countersign/protocol/api/logs.ts'
import { writeName } from '@countersign/protocol/x509/name.ts'
import { assembleCertificate, writeTbsCertificate } from '@countersign/protocol/x509/writeCertificate.ts'

/** One phase of load on the artifact log. Every request logs another signature. */
export interface LogLoad {
  readonly port: number
  /** Each has one request under way at a time. */
  readonly connections: number
  /** Requests that are signed beforehand; the phase ends early when they are used up. */
  readonly entries: number
  /** Requests started a second over all connections; 0 for as many as the server takes. */
  readonly pacePerSecond: number
  readonly measureMs: number
}

/** What came back. */
export interface LogLoadResult {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Answers with another status than 201. */
  readonly refused: number
  readonly bodyBytes: number
}

/** Signs with this many keys, each with its own certificate, as many people and build jobs would. */
const SIGNERS = 64

/** Runs one phase in a child process, so that signing and sending do not run on the thread that is measured. */
export async function logLoad(load: LogLoad): Promise<LogLoadResult> {
  const child: ChildProcess = fork(import.meta.filename, ['log-load'], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const ended = once(child, 'exit')
  child.send(load)
  const failed = ended.then(([code]) => Promise.reject(new Error(`the load generator ended with ${code}`)))
  const [result] = (await Promise.race([once(child, 'message'), failed])) as [LogLoadResult]
  failed.catch(() => {})
  child.disconnect()
  await ended
  return result
}

interface Phase {
  readonly load: LogLoad
  readonly requests: Buffer[]
  readonly latenciesMs: number[]
  readonly startMs: number
  started: number
  refused: number
}

async function generate(load: LogLoad): Promise<LogLoadResult> {
  const requests = signedRequests(load.entries)
  const phase: Phase = { load, requests, latenciesMs: [], startMs: performance.now(), started: 0, refused: 0 }
  await Promise.all(Array.from({ length: load.connections }, () => keepPosting(phase)))
  const elapsedMs = performance.now() - phase.startMs
  const sorted = phase.latenciesMs.sort((a, b) => a - b)
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
  return {
    perSecond: (sorted.length / elapsedMs) * 1000,
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    maxMs: at(1),
    refused: phase.refused,
    bodyBytes: requests[0]?.length ?? 0,
  }
}

function keepPosting(phase: Phase): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: phase.load.port, host: '127.0.0.1', noDelay: true })
    socket.on('connect', () => sendNext(phase, socket))
    socket.on('error', reject)
    socket.on('close', () => resolve())
  })
}

/** Latency counts from when the request was due, so that a server that stalls is not spared the requests it held up. */
function sendNext(phase: Phase, socket: Socket): void {
  const { load, requests } = phase
  const number = phase.started++
  const dueMs = load.pacePerSecond === 0 ? performance.now() : phase.startMs + (number / load.pacePerSecond) * 1000
  const request = requests[number]
  const isOver = Math.max(dueMs, performance.now()) - phase.startMs > load.measureMs
  if (request === undefined || isOver) return void socket.end()
  const send = () => {
    socket.write(request)
    receive(socket, (status) => {
      phase.latenciesMs.push(performance.now() - dueMs)
      if (status !== '201') phase.refused++
      sendNext(phase, socket)
    })
  }
  const waitMs = dueMs - performance.now()
  if (waitMs > 0) setTimeout(send, waitMs)
  else send()
}

function receive(socket: Socket, done: (status: string) => void): void {
  const parts: Buffer[] = []
  let missing = -1
  const take = (chunk: Buffer) => {
    parts.push(chunk)
    if (missing < 0) missing = bytesMissing(Buffer.concat(parts))
    else missing -= chunk.length
    if (missing !== 0) return
    socket.off('data', take)
    done((parts[0] as Buffer).toString('latin1', 9, 12))
  }
  socket.on('data', take)
}

/** Bytes that the answer still lacks, or -1 while its headers are not all there. */
function bytesMissing(received: Buffer): number {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) return -1
  const length = /\r\ncontent-length: *([0-9]+)/i.exec(received.toString('latin1', 0, end))?.[1]
  return end + 4 + Number(length) - received.length
}

function signedRequests(count: number): Buffer[] {
  const signers = Array.from({ length: SIGNERS }, newSigner)
  return Array.from({ length: count }, (_, number) => {
    const { privateKey, certificate } = signers[number % SIGNERS] as Signer
    const message = randomBytes(32)
    const digest = createHash('sha256').update(message).digest('base64')
    const content = sign('sha256', message, privateKey).toString('base64')
    const verifier = { x509Certificate: { rawBytes: certificate }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' }
    return httpRequest(JSON.stringify({ hashedRekordRequestV002: { digest, signature: { content, verifier } } }))
  })
}

interface Signer {
  readonly privateKey: KeyObject
  /** Base64 of DER. */
  readonly certificate: string
}

function newSigner(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = writeName({ commonName: 'bench' })
  const tbs = writeTbsCertificate({
    serial: randomBytes(16),
    issuer: name,
    subject: name,
    notBefore: new Date('2026-01-01T00:00:00Z'),
    notAfter: new Date('2027-01-01T00:00:00Z'),
    spki: publicKey.export({ type: 'spki', format: 'der' }),
    // About as long as what an identity certificate says.
    extensions: [{ oid: '1.3.6.1.4.1.57264.1.8', critical: false, value: randomBytes(400) }],
    signatureAlgorithm: 'ecdsa-sha256',
  })
  const certificate = assembleCertificate(tbs, 'ecdsa-sha256', sign('sha256', tbs, privateKey))
  return { privateKey, certificate: Buffer.from(certificate).toString('base64') }
}

function httpRequest(body: string): Buffer {
  const head = [
    `POST ${addLogEntryRoute.path} HTTP/1.1`,
    'host: 127.0.0.1',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
}

if (process.argv[2] === 'log-load' && process.send !== undefined) {
  process.once('message', async (load: LogLoad) => {
    process.send?.(await generate(load))
  })
}
