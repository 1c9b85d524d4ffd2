import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { route } from '@countersign/protocol/api/route.ts'
import { CodedError, type ErrorTable, hasCode } from '@countersign/protocol/errors/codedError.ts'
import { jsonErrors } from '@countersign/protocol/json/errors.ts'
import { z } from 'zod'
import { createLogger } from '../telemetry/logger.ts'
import { createHttpServer, type HttpServer, type Refusal } from './server.ts'

const BASE = { summary: 'A test', tag: 'instance', listeners: ['https'] } as const

const echoRoute = route({
  ...BASE,
  id: 'echo',
  method: 'POST',
  path: '/echo/:name',
  params: z.strictObject({ name: z.string().max(200) }),
  query: z.strictObject({ times: z.coerce.number().int().min(1).max(3).default(1) }),
  body: z.strictObject({ text: z.string().max(1000) }),
  reply: z.strictObject({ text: z.string() }),
  status: 201,
  maxBodyBytes: 2048,
})
const bytesRoute = route({
  ...BASE,
  id: 'bytes',
  method: 'POST',
  path: '/bytes',
  body: { mediaTypes: ['application/timestamp-query'] },
  reply: { mediaTypes: ['application/octet-stream'] },
  status: 200,
  maxBodyBytes: 16,
})
const tileRoute = route({
  ...BASE,
  id: 'tile',
  method: 'GET',
  path: '/tile/*',
  params: z.strictObject({ '*': z.string().max(500) }),
  reply: { mediaTypes: ['text/html; charset=utf-8'] },
  status: 200,
  maxBodyBytes: 0,
})
const failRoute = route({
  ...BASE,
  id: 'fail',
  method: 'POST',
  path: '/fail/:how',
  params: z.strictObject({ how: z.string() }),
  reply: z.strictObject({}),
  status: 200,
  maxBodyBytes: 0,
})
const plainRoute = route({
  ...BASE,
  id: 'plain',
  method: 'POST',
  path: '/plain',
  reply: z.strictObject({}),
  status: 200,
  maxBodyBytes: 0,
})
const adminRoute = route({ ...plainRoute, id: 'admin', path: '/admin', listeners: ['admin'] })

const ERRORS = {
  ...jsonErrors,
  'test.refused': { kind: 'refused', status: 403, exit: 1, sentence: 'Not you.' },
  'test.busy': { kind: 'unavailable', status: 503, exit: 2, sentence: 'Later.' },
  'test.broken': { kind: 'broken', status: 500, exit: 70, sentence: 'Broken.' },
} as const satisfies ErrorTable

let folder: string
let server: HttpServer
let url: string
let lines: string[]
let refusals: Refusal[]
let broken: unknown[]

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-http-'))
})

after(() => rm(folder, { recursive: true }))

beforeEach(async () => {
  lines = []
  refusals = []
  broken = []
  server = testServer()
  await server.listen({ host: '127.0.0.1', port: 0 })
  const address = server.address()
  assert.ok(address && 'port' in address)
  url = `http://127.0.0.1:${address.port}`
})

afterEach(() => server.close())

function testServer(options: { requestTimeoutMs?: number } = {}): HttpServer {
  const made = createHttpServer({
    name: 'https',
    logger: createLogger({ level: 'debug', name: 'test', destination: { write: (line) => lines.push(line) } }),
    errors: ERRORS,
    checkReplies: true,
    onRefusal: async (refusal) => void refusals.push(refusal),
    onBroken: (error) => broken.push(error),
    ...options,
  })
  made.mount(echoRoute, async ({ params, query, body }) => {
    return { text: `${params.name}: ${body.text.repeat(query.times)}` }
  })
  made.mount(bytesRoute, async ({ body }) => ({ bytes: body.toReversed(), mediaType: 'application/octet-stream' }))
  made.mount(tileRoute, async ({ params }) => {
    const headers = { 'cache-control': 'public', 'content-security-policy': "default-src 'self'" }
    return { bytes: params['*'], mediaType: 'text/html; charset=utf-8', headers }
  })
  made.mount(failRoute, async ({ params }) => {
    if (params.how === 'wrong-reply') return { unexpected: true } as never
    if (params.how === 'uncoded') throw new Error('the password is swordfish')
    throw new CodedError(`test.${params.how}`, 'case words', { detail: { token: 'swordfish' } })
  })
  made.mount(adminRoute, async () => ({}))
  return made
}

function post(path: string, body: string | Uint8Array<ArrayBuffer>, mediaType = 'application/json'): Promise<Response> {
  return fetch(url + path, { method: 'POST', body, headers: { 'content-type': mediaType } })
}

function call(path: string): Promise<Response> {
  return fetch(url + path, { method: 'POST' })
}

async function assertProblem(response: Response, status: number, code: string): Promise<{ detail: string }> {
  const text = await response.text()
  assert.equal(response.status, status, text)
  assert.equal(response.headers.get('content-type'), 'application/problem+json')
  const problem = JSON.parse(text)
  assert.equal(problem.code, code)
  assert.equal(problem.status, status)
  assert.equal(problem.message, problem.detail)
  assert.deepEqual(Object.keys(problem), ['type', 'title', 'status', 'detail', 'code', 'message'])
  return problem
}

test('a request is validated, run and answered with the status of its route', async () => {
  const response = await post('/echo/anna%20b?times=2', '{"text":"hi"}', 'Application/JSON; charset=utf-8')
  assert.equal(response.status, 201)
  assert.deepEqual(await response.json(), { text: 'anna b: hihi' })
})

test('every answer has the safe headers; HSTS only over TLS', async () => {
  for (const response of [await post('/echo/a', '{"text":"hi"}'), await fetch(`${url}/nowhere`)]) {
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
    assert.equal(response.headers.get('referrer-policy'), 'no-referrer')
    assert.match(response.headers.get('content-security-policy') ?? '', /^default-src 'none'/)
    assert.equal(response.headers.get('cache-control'), 'no-store')
    assert.equal(response.headers.get('strict-transport-security'), null)
  }
})

test('a page sets its own content security policy and caching', async () => {
  const response = await fetch(`${url}/tile/0/x001/067.p/5`)
  assert.equal(response.headers.get('content-security-policy'), "default-src 'self'")
  assert.equal(response.headers.get('cache-control'), 'public')
  assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8')
  assert.equal(await response.text(), '0/x001/067.p/5')
})

test('bytes go in and out as they are', async () => {
  const response = await post('/bytes', new Uint8Array([1, 2, 3]), 'application/timestamp-query')
  assert.deepEqual(new Uint8Array(await response.arrayBuffer()), new Uint8Array([3, 2, 1]))
})

test('HEAD answers as GET does, without the body', async () => {
  const response = await fetch(`${url}/tile/abc`, { method: 'HEAD' })
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-length'), '3')
  assert.equal(await response.text(), '')
})

test('what is not described is refused: fields, types, values, parameters', async () => {
  const problem = await assertProblem(await post('/echo/a', '{"text":"x","extra":1}'), 400, 'http.invalid-body')
  assert.match(problem.detail, /extra/)
  await assertProblem(await post('/echo/a', '{"text":7}'), 400, 'http.invalid-body')
  await assertProblem(await post('/echo/a', '{}'), 400, 'http.invalid-body')
  await assertProblem(await post('/echo/a?times=9', '{"text":"x"}'), 400, 'http.invalid-parameter')
  await assertProblem(await post('/echo/a?other=9', '{"text":"x"}'), 400, 'http.invalid-parameter')
  await assertProblem(await post(`/echo/${'a'.repeat(201)}`, '{"text":"x"}'), 400, 'http.invalid-parameter')
  await assertProblem(await post('/fail/refused', 'x', 'text/plain'), 400, 'http.invalid-body')
})

test('the values that were sent are not repeated in the refusal', async () => {
  const response = await post('/echo/a', JSON.stringify({ text: { secret: 'swordfish' } }))
  assert.doesNotMatch(await response.text(), /swordfish/)
})

test('JSON is read strictly', async () => {
  await assertProblem(await post('/echo/a', '{"text":"x","text":"y"}'), 400, 'json.duplicate-key')
  await assertProblem(await post('/echo/a', '{"text":'), 400, 'json.syntax')
  await assertProblem(await post('/echo/a', ''), 400, 'json.syntax')
  await assertProblem(await post('/echo/a', '['.repeat(20) + ']'.repeat(20)), 400, 'json.too-deep')
  const response = await post('/echo/a', '{"__proto__":{"text":"x"}}')
  await assertProblem(response, 400, 'http.invalid-body')
})

test('another media type is refused', async () => {
  const code = 'http.unsupported-media-type'
  await assertProblem(await post('/bytes', '{}', 'application/json'), 415, code)
  await assertProblem(await post('/echo/a', '{"text":"x"}', 'text/plain'), 415, code)
  await assertProblem(await post('/echo/a', '{"text":"x"}', 'nonsense'), 415, code)
  const untyped = await fetch(`${url}/bytes`, { method: 'POST', body: new Uint8Array([1]) })
  await assertProblem(untyped, 415, code)
})

test('a body over the limit is refused by its announced length and by its real one', async () => {
  await assertProblem(await post('/bytes', new Uint8Array(17), 'application/timestamp-query'), 413, 'http.too-large')
  await assertProblem(await post('/fail/refused', '{"a":1}'), 413, 'http.too-large')
  const head = 'POST /bytes HTTP/1.1\r\nhost: a\r\ncontent-type: application/timestamp-query\r\n'
  const chunked = `${head}transfer-encoding: chunked\r\n\r\n${'8\r\naaaaaaaa\r\n'.repeat(3)}`
  const { port } = server.address() as { port: number }
  assert.match(await rawExchange(port, chunked), /^HTTP\/1\.1 413 .*connection: close.*"code":"http\.too-large"/s)
})

test('unknown addresses, other methods and routes of other listeners are not found', async () => {
  await assertProblem(await fetch(`${url}/nowhere`), 404, 'http.not-found')
  await assertProblem(await fetch(`${url}/echo/a`), 404, 'http.not-found')
  await assertProblem(await fetch(`${url}/admin`, { method: 'POST' }), 404, 'http.not-found')
})

test('a wrongly encoded address is refused', async () => {
  await assertProblem(await fetch(`${url}/tile/%zz`), 400, 'http.invalid-parameter')
})

test('a refusal carries its words; what is not the caller’s doing only the public sentence', async () => {
  const refused = await assertProblem(await call('/fail/refused'), 403, 'test.refused')
  assert.equal(refused.detail, 'case words')
  const response = await call('/fail/busy')
  assert.equal(response.headers.get('retry-after'), '1')
  assert.equal((await assertProblem(response, 503, 'test.busy')).detail, 'Later.')
  assert.equal((await assertProblem(await call('/fail/broken'), 500, 'test.broken')).detail, 'Broken.')
})

test('an error without a known code shows nothing of itself and is logged', async () => {
  for (const how of ['uncoded', 'unknown-code', 'wrong-reply']) {
    const response = await call(`/fail/${how}`)
    const text = await response.clone().text()
    assert.doesNotMatch(text, /swordfish|case words|server\.test/)
    await assertProblem(response, 500, how === 'wrong-reply' ? 'http.reply-wrong' : 'http.internal')
  }
  assert.equal(lines.filter((line) => line.includes('"level":"error"')).length, 3)
  assert.equal(lines.filter((line) => line.includes('"token":"swordfish"')).length, 0)
})

test('a failed invariant is reported, a mistake that a stranger may have found is not', async () => {
  await call('/fail/uncoded')
  await call('/fail/busy')
  assert.deepEqual(broken, [])
  await call('/fail/broken')
  assert.ok(hasCode(broken[0], 'test.broken'))
})

test('refusals of operations are put on record before they are answered', async () => {
  await call('/fail/refused')
  await call('/fail/busy')
  await fetch(`${url}/nowhere`)
  await post('/echo/a', 'x'.repeat(100_000))
  assert.deepEqual(refusals, [
    { routeId: 'fail', code: 'test.refused', remoteAddress: '127.0.0.1' },
    { routeId: 'none', code: 'http.too-large', remoteAddress: '127.0.0.1' },
  ])
})

test('the access log has the path and no query, header or body', async () => {
  await fetch(`${url}/echo/a?times=2&code=swordfish`, {
    method: 'POST',
    body: '{"text":"swordfish"}',
    headers: { 'content-type': 'application/json', authorization: 'Bearer swordfish' },
  })
  await new Promise((resolve) => setTimeout(resolve, 20))
  const line = lines.find((found) => found.includes('answered'))
  assert.equal(JSON.parse(line ?? '{}').path, '/echo/a')
  assert.doesNotMatch(lines.join(''), /swordfish/)
})

test('a raw handler gets everything below its prefix, unread, and its failures stay inside', async () => {
  const seen: (string | undefined)[] = []
  server.mountRaw('/oidc', (request, response) => {
    seen.push(request.url)
    if (request.url === '/oidc/fails') throw new Error('swordfish')
    request.pipe(response)
  })
  assert.equal(await (await post('/oidc/token?x=1', 'a=b', 'application/x-www-form-urlencoded')).text(), 'a=b')
  const response = await fetch(`${url}/oidc/fails`)
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
  await assertProblem(response, 500, 'http.internal')
  await assertProblem(await fetch(`${url}/oidcx`), 404, 'http.not-found')
  assert.deepEqual(seen, ['/oidc/token?x=1', '/oidc/fails'])
})

async function rawExchange(port: number, text: string): Promise<string> {
  const socket = createConnection(port, '127.0.0.1')
  socket.write(text)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

test('what is not HTTP, has endless headers or never arrives is answered in problem form and hung up on', async () => {
  await server.close()
  server = testServer({ requestTimeoutMs: 200 })
  await server.listen({ host: '127.0.0.1', port: 0 })
  const { port } = server.address() as { port: number }
  assert.match(await rawExchange(port, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 .*"code":"http\.bad-request"/s)
  const long = `GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`
  assert.match(await rawExchange(port, long), /^HTTP\/1\.1 431 .*"code":"http\.headers-too-large"/s)
  const slow = 'POST /bytes HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf'
  assert.match(await rawExchange(port, slow), /^HTTP\/1\.1 408 .*"code":"http\.too-slow"/s)
})

test('the signal of a request aborts when the caller goes away', async () => {
  await server.close()
  server = testServer()
  const gone = Promise.withResolvers<void>()
  server.mount(plainRoute, async ({ signal }) => {
    signal.addEventListener('abort', () => gone.resolve())
    await gone.promise
    return {}
  })
  await server.listen({ host: '127.0.0.1', port: 0 })
  const { port } = server.address() as { port: number }
  const socket = createConnection(port, '127.0.0.1')
  socket.write('POST /plain HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n')
  setTimeout(() => socket.destroy(), 50)
  await gone.promise
})

test('closing lets an answer under way finish', async () => {
  await server.close()
  server = testServer()
  const started = Promise.withResolvers<void>()
  server.mount(plainRoute, async () => {
    started.resolve()
    await new Promise((resolve) => setTimeout(resolve, 50))
    return {}
  })
  await server.listen({ host: '127.0.0.1', port: 0 })
  const { port } = server.address() as { port: number }
  const answering = fetch(`http://127.0.0.1:${port}/plain`, { method: 'POST' })
  await started.promise
  await server.close()
  assert.equal((await answering).status, 200)
  await assert.rejects(fetch(`http://127.0.0.1:${port}/plain`, { method: 'POST' }))
})

test('an address in use is refused', async () => {
  const { port } = server.address() as { port: number }
  const second = testServer()
  await assert.rejects(second.listen({ host: '127.0.0.1', port }), { code: 'http.address-in-use' })
  await assert.rejects(testServer().listen({ host: '192.0.2.1', port: 0 }), { code: 'http.cannot-listen' })
})

test('a local socket is its user’s only, replaces a dead one, and not a living one', {
  skip: process.platform === 'win32',
}, async () => {
  const path = join(folder, 'admin.sock')
  const first = testServer()
  await first.listen({ path })
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.deepEqual(first.address(), { path })
  const response = httpRequest({ socketPath: path, path: '/tile/x' }).end()
  const [answer] = await once(response, 'response')
  assert.equal(answer.statusCode, 200)
  answer.resume()
  await assert.rejects(testServer().listen({ path }), { code: 'http.address-in-use' })
  await first.close()
  await leaveDeadSocket(path)
  const next = testServer()
  await next.listen({ path })
  await next.close()
})

/** As a killed process does: the file stays, and nobody listens. */
async function leaveDeadSocket(path: string): Promise<void> {
  const { execFileSync } = await import('node:child_process')
  const program = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
  assert.throws(() => execFileSync(process.execPath, ['-e', program, path], { stdio: 'ignore' }))
  assert.ok((await stat(path)).isSocket())
  await assert.rejects(once(createServer().listen(path), 'listening'), { code: 'EADDRINUSE' })
}
