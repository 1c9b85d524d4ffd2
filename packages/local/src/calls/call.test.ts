import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { route } from '@countersign/protocol/api/route.ts'
import { z } from 'zod'
import { type CallTarget, call } from './call.ts'

const greet = route({
  id: 'greet',
  method: 'POST',
  path: '/greet/:name/*',
  summary: 'test',
  tag: 'instance',
  listeners: ['https'],
  params: z.strictObject({ name: z.string(), '*': z.string() }),
  query: z.strictObject({ loud: z.string() }),
  body: z.strictObject({ words: z.array(z.string()) }),
  reply: z.strictObject({ text: z.string() }),
  status: 201,
  maxBodyBytes: 1000,
})
const bytesRoute = route({
  id: 'bytes',
  method: 'POST',
  path: '/bytes',
  summary: 'test',
  tag: 'instance',
  listeners: ['https'],
  body: { mediaTypes: ['application/octet-stream'] },
  reply: { mediaTypes: ['application/octet-stream'] },
  status: 200,
  maxBodyBytes: 1000,
})

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
})

async function serve(listener: RequestListener, path?: string): Promise<CallTarget> {
  const started = createServer(listener)
  server = started
  await new Promise<void>((resolve) => (path ? started.listen(path, resolve) : started.listen(0, '127.0.0.1', resolve)))
  if (path) return { socketPath: path }
  return { url: `http://127.0.0.1:${(started.address() as AddressInfo).port}`, trust: { deviceRoot: '' } }
}

const answer =
  (status: number, body: unknown): RequestListener =>
  (_request, reply) => {
    reply.writeHead(status)
    reply.end(typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body))
  }
const input = { params: { name: 'an/na', '*': 'a/b' }, query: { loud: 'yes' }, body: { words: ['hello'] } }

test('path, query, body, token and reply go as the route defines them', async () => {
  const target = await serve(async (request, reply) => {
    const body = Buffer.concat(await Array.fromAsync(request)).toString()
    reply
      .writeHead(201)
      .end(JSON.stringify({ text: `${request.method} ${request.url} ${body} ${request.headers.authorization}` }))
  })
  const { text } = await call(target, greet, { ...input, token: 't' })
  assert.equal(text, 'POST /greet/an%2Fna/a/b?loud=yes {"words":["hello"]} Bearer t')
})

test('bytes go and come as bytes, also over a Unix socket', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-calls-'))
  const target = await serve(
    async (request, reply) => {
      assert.equal(request.headers['content-type'], 'application/octet-stream')
      reply.end(Buffer.concat(await Array.fromAsync(request)))
    },
    join(folder, 'socket'),
  )
  const sent = new Uint8Array([0, 1, 255])
  assert.deepEqual(await call(target, bytesRoute, { body: sent, mediaType: 'application/octet-stream' }), sent)
  rmSync(folder, { recursive: true })
})

test('a refusal keeps the code and message of the server', async () => {
  const target = await serve(
    answer(400, { code: 'account.token-expired', message: 'the token\u001b[2J expired', status: 400 }),
  )
  await assert.rejects(call(target, greet, input), {
    code: 'account.token-expired',
    message: 'the token [2J expired',
    detail: { status: 400 },
  })
})

const failures: readonly (readonly [string, RequestListener, string])[] = [
  ['a refusal without a code', answer(403, 'no'), 'calls.refused'],
  ['a code that is none of ours', answer(400, { code: 'DROP TABLE', message: 'x' }), 'calls.refused'],
  ['a failure without a code', answer(502, '<html>'), 'calls.bad-answer'],
  ['success of another kind', answer(200, { text: 'x' }), 'calls.bad-answer'],
  ['no JSON', answer(201, 'hello'), 'calls.bad-answer'],
  ['other fields', answer(201, { text: 'x', more: 1 }), 'calls.bad-answer'],
  ['too many bytes', answer(201, 'x'.repeat(2000)), 'calls.bad-answer'],
  ['no answer in time', () => {}, 'calls.timeout'],
  ['an answer that does not end', (_request, reply) => void reply.writeHead(201).write('{'), 'calls.timeout'],
  ['a broken connection', (request) => request.socket.destroy(), 'calls.unreachable'],
]
for (const [what, listener, code] of failures) {
  test(`${code}: ${what}`, async () => {
    const target = await serve(listener)
    await assert.rejects(call(target, greet, { ...input, timeoutMs: 200, maxBytes: 1000 }), { code })
  })
}

test('calls.unreachable: nobody listens', async () => {
  const target = { url: 'http://127.0.0.1:1', trust: { deviceRoot: '' } }
  await assert.rejects(call(target, greet, input), { code: 'calls.unreachable' })
})

test('a caller’s own abort is told as such', async () => {
  const target = await serve(() => {})
  const stop = new AbortController()
  const running = call(target, greet, { ...input, signal: stop.signal })
  stop.abort(new Error('enough'))
  await assert.rejects(running, { message: 'enough' })
})
