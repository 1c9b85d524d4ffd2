import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, test } from 'node:test'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { createHttpServer, type HttpServer } from '@countersign/platform/http/server.ts'
import { createLogger } from '@countersign/platform/telemetry/logger.ts'
import type { ImportReport } from '../advisories/openAdvisories.ts'
import { watchErrors } from './errors.ts'
import { FollowedChanges } from './followedChanges.ts'
import { mountWebhook, requireSignature, splitRecords, WEBHOOK_SIGNATURE_HEADER } from './webhook.ts'

const secret = Buffer.from('correct horse battery staple')
const record = { id: 'GHSA-1', modified: '2026-11-20T12:00:00Z' }
const received: unknown[][] = []
const followed = new FollowedChanges()
let server: HttpServer
let url: string

beforeEach(async () => {
  received.length = 0
  const logger = createLogger({ level: 'silent', name: 'test' })
  server = createHttpServer({ name: 'http', logger, errors: watchErrors })
  const receive = async (records: readonly Uint8Array[]): Promise<ImportReport> => {
    received.push(records.map((one) => JSON.parse(Buffer.from(one).toString())))
    return { state: 4, records: records.length, changed: 1, refused: [], sample: false }
  }
  mountWebhook(server, { secret, advisories: { receive }, followed, clock: systemClock })
  await server.listen({ host: '127.0.0.1', port: 0 })
  const bound = server.address()
  url = `http://127.0.0.1:${bound !== undefined && 'port' in bound ? bound.port : 0}/advisories`
})

afterEach(() => server.close())

function signed(body: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
}

async function push(body: string, signature: string | undefined) {
  const headers = { 'content-type': 'application/json', ...(signature && { [WEBHOOK_SIGNATURE_HEADER]: signature }) }
  const reply = await fetch(url, { method: 'POST', headers, body })
  return { status: reply.status, body: (await reply.json()) as { code?: string; changed?: number; state?: number } }
}

test('one record or several are taken, and answered when they are durable', async () => {
  const one = JSON.stringify(record)
  assert.deepEqual(await push(one, signed(one)), { status: 200, body: { state: 4, changed: 1 } })
  const two = JSON.stringify([record, { ...record, id: 'GHSA-2' }])
  assert.equal((await push(two, signed(two))).status, 200)
  assert.deepEqual(received, [[record], [record, { ...record, id: 'GHSA-2' }]])
})

test('watch.signature-wrong: no signature, another body’s, half of one, another form', async () => {
  const body = JSON.stringify(record)
  for (const signature of [undefined, signed(`${body} `), signed(body).slice(0, -2), signed(body).toUpperCase()]) {
    const answer = await push(body, signature)
    assert.equal(answer.status, 401)
    assert.equal(answer.body.code, 'watch.signature-wrong')
  }
  assert.throws(() => requireSignature(secret, Buffer.from(body), ['sha256=']), { code: 'watch.signature-wrong' })
  assert.deepEqual(received, [])
})

test('watch.advisories-malformed: nothing, no objects, too many, no JSON', () => {
  const many = JSON.stringify(Array.from({ length: 1001 }, () => record))
  for (const body of ['[]', '1', '[1]', 'null', '[[]]', '{', many]) {
    assert.throws(() => splitRecords(Buffer.from(body)), { code: 'watch.advisories-malformed' })
  }
})
