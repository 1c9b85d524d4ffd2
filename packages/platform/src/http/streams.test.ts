import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { route } from '@countersign/protocol/api/route.ts'
import { z } from 'zod'
import { createLogger } from '../telemetry/logger.ts'
import type { NewsStream } from './reply.ts'
import { createHttpServer, type HttpServer } from './server.ts'

const LIMIT = 1_000_000
const BYTES = 'application/octet-stream'
const base = { summary: 'test', tag: 'instance', listeners: ['https'], status: 200 } as const
const putThing = route({
  ...base,
  id: 'putThing',
  method: 'PUT',
  path: '/things/:name',
  params: z.strictObject({ name: z.string() }),
  body: { mediaTypes: [BYTES], stream: true },
  reply: z.strictObject({ sizeBytes: z.number(), pieces: z.number() }),
  maxBodyBytes: LIMIT,
})
const getThing = route({
  ...base,
  id: 'getThing',
  method: 'GET',
  path: '/things/:name',
  params: z.strictObject({ name: z.string() }),
  reply: { mediaTypes: [BYTES], stream: true },
  maxBodyBytes: 0,
})

let server: HttpServer
let port: number
let made = 0
let left = 0

before(async () => {
  ;({ server, port } = await start(1000))
})
after(() => server.close())

async function start(requestTimeoutMs: number) {
  const logger = createLogger({ level: 'silent', name: 'test' })
  const made = createHttpServer({ name: 'https', logger, errors: {}, requestTimeoutMs })
  made.mount(putThing, async ({ params, bodyStream }) => {
    if (params.name === 'known') return { sizeBytes: 0, pieces: 0 }
    let [sizeBytes, pieces] = [0, 0]
    for await (const piece of bodyStream) {
      sizeBytes += piece.length
      pieces++
    }
    return { sizeBytes, pieces }
  })
  made.mount(getThing, async ({ params, signal }) => {
    if (params.name === 'endless') return { stream: news(signal), mediaType: 'text/event-stream' }
    if (params.name === 'news') return { stream: newsTo(signal), mediaType: 'text/event-stream' }
    if (params.name === 'broken') return { stream: broken(), sizeBytes: 20, mediaType: BYTES }
    return { stream: pieces(), sizeBytes: 64 * 65_536, mediaType: BYTES }
  })
  await made.listen({ host: '127.0.0.1', port: 0 })
  return { server: made, port: (made.address() as { port: number }).port }
}

async function* news(signal: AbortSignal) {
  yield 'first\n'
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  left++
}

function newsTo(signal: AbortSignal): NewsStream {
  return {
    attach(line) {
      line.send(Buffer.from('first\n'))
      const leave = () => {
        left++
        line.end()
      }
      if (signal.aborted) leave()
      else signal.addEventListener('abort', leave, { once: true })
    },
    [Symbol.asyncIterator]: () => assert.fail('it is written, not read'),
  }
}

async function* pieces() {
  for (let i = 0; i < 64; i++) {
    made = i + 1
    yield new Uint8Array(65_536)
  }
}

async function* broken() {
  yield 'half'
  throw new TypeError('the disk')
}

function ask(path: string, options: RequestOptions = {}): ClientRequest {
  return request({ host: '127.0.0.1', port, path, agent: false, ...options })
}

function put(name: string, headers: Record<string, string> = {}): ClientRequest {
  return ask(`/things/${name}`, { method: 'PUT', headers: { 'content-type': BYTES, ...headers } })
}

async function answerOf(asking: ClientRequest): Promise<{ status: number | undefined; json: Record<string, unknown> }> {
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  const text = Buffer.concat(await Array.fromAsync(answer)).toString()
  return { status: answer.statusCode, json: JSON.parse(text) }
}

test('a streamed body arrives in pieces and may take longer than other requests', async () => {
  const sending = put('a')
  for (let i = 0; i < 5; i++) {
    sending.write(new Uint8Array(10_000))
    await sleep(500)
  }
  const answered = answerOf(sending)
  sending.end()
  const { status, json } = await answered
  assert.equal(status, 200)
  assert.equal(json.sizeBytes, 50_000)
  assert.ok(Number(json.pieces) >= 5)
})

for (const [what, headers] of [
  ['that says so', { 'content-length': String(LIMIT + 1) }],
  ['that does not say so', { 'transfer-encoding': 'chunked' }],
] as const) {
  test(`http.too-large: a streamed body ${what}`, async () => {
    const sending = put('a', headers)
    sending.on('error', () => {})
    const answered = answerOf(sending)
    sending.end(new Uint8Array(LIMIT + 1))
    const { status, json } = await answered
    assert.equal(status, 413)
    assert.equal(json.code, 'http.too-large')
  })
}

test('http.unsupported-media-type: a stream of another kind is not read', async () => {
  const { status } = await answerOf(put('a', { 'content-type': 'text/plain' }).end('x'))
  assert.equal(status, 415)
})

test('a body of an exact limit is taken, an empty one too', async () => {
  assert.equal((await answerOf(put('a').end(new Uint8Array(LIMIT)))).json.sizeBytes, LIMIT)
  assert.equal((await answerOf(put('a').end())).json.sizeBytes, 0)
})

test('who waits for permission to send gets it when the operation reads, and not where it needs nothing', async () => {
  const asked = put('a', { expect: '100-continue', 'content-length': '3' })
  asked.flushHeaders()
  await once(asked, 'continue')
  assert.equal((await answerOf(asked.end('abc'))).json.sizeBytes, 3)
  const needless = put('known', { expect: '100-continue', 'content-length': '3' })
  let permitted = false
  needless.on('continue', () => {
    permitted = true
  })
  needless.flushHeaders()
  assert.equal((await answerOf(needless)).status, 200)
  assert.equal(permitted, false)
  needless.destroy()
})

test('a streamed answer comes whole, and is made no faster than it is taken', async () => {
  made = 0
  const [answer] = (await once(ask('/things/large').end(), 'response')) as [IncomingMessage]
  await sleep(200)
  assert.ok(made < 64, `${made} pieces were made before one was read`)
  let sizeBytes = 0
  for await (const piece of answer) sizeBytes += piece.length
  assert.equal(sizeBytes, 64 * 65_536)
})

test('an answer that fails in its middle breaks the connection, so that nobody takes it for whole', async () => {
  const [answer] = (await once(ask('/things/broken').end(), 'response')) as [IncomingMessage]
  await assert.rejects(Array.fromAsync(answer), { code: 'ECONNRESET' })
})

test('HEAD of a stream gives the head and ends', async () => {
  const [answer] = (await once(ask('/things/endless', { method: 'HEAD' }).end(), 'response')) as [IncomingMessage]
  assert.equal(answer.headers['content-type'], 'text/event-stream')
  assert.deepEqual(await Array.fromAsync(answer), [])
})

for (const name of ['endless', 'news']) {
  test(`the operation behind an endless answer ends when its caller leaves: ${name}`, async () => {
    const before = left
    const [answer] = (await once(ask(`/things/${name}`).end(), 'response')) as [IncomingMessage]
    await once(answer, 'data')
    answer.destroy()
    for (let i = 0; i < 100 && left === before; i++) await sleep(20)
    assert.equal(left, before + 1)
  })

  test(`an endless answer outlives the time limit of requests, and ends properly when the server closes: ${name}`, async () => {
    const other = await start(300)
    const asking = request({ host: '127.0.0.1', port: other.port, path: `/things/${name}`, agent: false }).end()
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    const whole = Array.fromAsync(answer)
    await sleep(2500)
    assert.equal(answer.closed, false)
    const began = performance.now()
    await other.server.close()
    assert.equal(Buffer.concat(await whole).toString(), 'first\n')
    assert.ok(performance.now() - began < 2000)
  })
}

test('news comes without chunks, so that one piece serves every connection', async () => {
  const [answer] = (await once(ask('/things/news').end(), 'response')) as [IncomingMessage]
  assert.equal(answer.headers['transfer-encoding'], undefined)
  assert.equal(answer.headers.connection, 'close')
  answer.destroy()
})
