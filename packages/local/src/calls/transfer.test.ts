import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, test } from 'node:test'
import { route } from '@countersign/protocol/api/route.ts'
import { z } from 'zod'
import { download, upload } from './transfer.ts'

const BYTES = 'application/octet-stream'
const base = { summary: 'test', tag: 'instance', listeners: ['https'], status: 200, maxBodyBytes: 10_000_000 } as const
const putRoute = route({
  ...base,
  id: 'put',
  method: 'PUT',
  path: '/thing',
  body: { mediaTypes: [BYTES], stream: true },
  reply: z.strictObject({ sizeBytes: z.number() }),
})
const getRoute = route({
  ...base,
  id: 'get',
  method: 'GET',
  path: '/thing',
  reply: { mediaTypes: [BYTES], stream: true },
})

const folder = mkdtempSync(join(tmpdir(), 'countersign-transfer-'))
const path = join(folder, 'file')
const content = Buffer.alloc(3_000_000, 'x')
const sha256 = new Uint8Array(createHash('sha256').update(content).digest())
const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})
after(() => rmSync(folder, { recursive: true }))

async function serve(listener: RequestListener, event: 'request' | 'checkContinue' = 'request') {
  const started = createServer().on(event, listener)
  servers.push(started)
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(started.address() as AddressInfo).port}`, trust: { deviceRoot: '' } }
}

test('a file goes out whole, with its length and the token', async () => {
  writeFileSync(path, content)
  const target = await serve(async (request, reply) => {
    assert.equal(request.headers['content-length'], String(content.length))
    assert.equal(request.headers.authorization, 'Bearer t')
    const sent = Buffer.concat(await Array.fromAsync(request))
    reply.end(JSON.stringify({ sizeBytes: sent.length }))
  })
  assert.deepEqual(await upload(target, putRoute, { token: 't' }, path), { sizeBytes: content.length })
})

test('a server that needs nothing, or refuses, is sent nothing', async () => {
  writeFileSync(path, content)
  let received = 0
  const answer =
    (status: number, body: object): RequestListener =>
    (request, reply) => {
      request.on('data', (piece) => {
        received += piece.length
      })
      reply.writeHead(status).end(JSON.stringify(body))
    }
  const known = await serve(answer(200, { sizeBytes: 5 }), 'checkContinue')
  assert.deepEqual(await upload(known, putRoute, {}, path), { sizeBytes: 5 })
  const refusing = await serve(answer(401, { code: 'account.token-expired', message: 'it expired' }), 'checkContinue')
  await assert.rejects(upload(refusing, putRoute, {}, path), { code: 'account.token-expired' })
  assert.equal(received, 0)
})

test('files.not-found: nothing to send', async () => {
  const target = await serve((_request, reply) => void reply.end())
  await assert.rejects(upload(target, putRoute, {}, join(folder, 'none')), { code: 'files.not-found' })
})

test('a download appears whole, with the digest that was asked for', async () => {
  const target = await serve((_request, reply) => void reply.end(content))
  assert.equal(await download(target, getRoute, {}, { path, sha256, maxBytes: 4_000_000 }, 'test.get'), content.length)
  assert.deepEqual(readFileSync(path), content)
})

const failures: readonly (readonly [what: string, listener: RequestListener, code: string])[] = [
  ['other bytes', (_request, reply) => void reply.end('other'), 'files.digest-wrong'],
  ['too many bytes', (_request, reply) => void reply.end(Buffer.alloc(9_000_000)), 'calls.bad-answer'],
  ['a refusal', (_request, reply) => void reply.writeHead(403).end('{"code":"fleet.removed"}'), 'fleet.removed'],
  ['silence', (_request, reply) => void reply.writeHead(200).write('x'), 'calls.timeout'],
  ['a broken connection', (request) => request.socket.destroy(), 'calls.unreachable'],
]
for (const [what, listener, code] of failures) {
  test(`${code}: ${what} leaves no file`, async () => {
    const goal = join(folder, 'wanted')
    const target = await serve(listener)
    const asked = download(
      target,
      getRoute,
      { timeoutMs: 300 },
      { path: goal, sha256, maxBytes: 4_000_000 },
      'test.get',
    )
    await assert.rejects(asked, { code })
    assert.equal(existsSync(goal), false)
  })
}
