import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { after, before, test } from 'node:test'
import { createHttpServer, type HttpServer } from '@countersign/platform/http/server.ts'
import { createLogger } from '@countersign/platform/telemetry/logger.ts'
import { transparencyLogEntryReply } from '@countersign/protocol/api/logs.ts'
import type { ErrorTable } from '@countersign/protocol/errors/codedError.ts'
import { jsonErrors } from '@countersign/protocol/json/errors.ts'
import { openCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import { logErrors } from '@countersign/protocol/log/errors.ts'
import { canonicalEntry, parseAddEntryRequest } from '@countersign/protocol/log/hashedRekord.ts'
import { leafHash, verifyInclusion } from '@countersign/protocol/log/merkle.ts'
import { pae } from '@countersign/protocol/log/pae.ts'
import { parseTransparencyLogEntry } from '@countersign/protocol/log/transparencyLogEntry.ts'
import { logKeepingErrors } from './errors.ts'
import { mountLogRoutes } from './routes.ts'
import { type TestStore, testEntry, testStore } from './testLog.ts'
import type { TransparencyLog } from './transparencyLog.ts'

const errors: ErrorTable = { ...jsonErrors, ...logErrors, ...logKeepingErrors }
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const verifier = {
  publicKey: { rawBytes: publicKey.export({ type: 'spki', format: 'der' }).toString('base64') },
  keyDetails: 'PKIX_ECDSA_P256_SHA_256',
}
const issuer = new Uint8Array([48, 0])

let stores: TestStore[]
let log: TransparencyLog
let certificates: TransparencyLog
const servers: HttpServer[] = []
const addresses: Record<'https' | 'http', string> = { https: '', http: '' }

before(async () => {
  stores = [await testStore(), await testStore('data')]
  log = await (stores[0] as TestStore).open()
  certificates = await (stores[1] as TestStore).open({ issuers: [issuer] })
  const logs = { artifacts: log, certificates, revocations: log, audit: log }
  for (const name of ['https', 'http'] as const) {
    const logger = createLogger({ level: 'silent', name: 'test' })
    const server = createHttpServer({ name, logger, errors, checkReplies: true })
    mountLogRoutes(server, { logs, environment: 'development', roots: [issuer] })
    await server.listen({ host: '127.0.0.1', port: 0 })
    const address = server.address()
    assert.ok(address && 'port' in address)
    addresses[name] = `http://127.0.0.1:${address.port}`
    servers.push(server)
  }
})

after(async () => {
  for (const server of servers) await server.close()
  await log.close()
  await certificates.close()
  for (const store of stores) await store.remove()
})

function add(body: unknown): Promise<Response> {
  return fetch(`${addresses.https}/api/v2/log/entries`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

async function jsonOf(answer: Response): Promise<Record<string, unknown>> {
  return (await answer.json()) as Record<string, unknown>
}

function hashedRekord(message: string) {
  const digest = createHash('sha256').update(message).digest('base64')
  const content = sign('sha256', Buffer.from(message), privateKey).toString('base64')
  return { hashedRekordRequestV002: { digest, signature: { content, verifier } } }
}

function get(path: string, listener: 'https' | 'http' = 'https'): Promise<Response> {
  return fetch(`${addresses[listener]}${path}`)
}

test('an entry is answered with 201 and a proof that leads to a checkpoint of the log', async () => {
  const body = hashedRekord('a file')
  const answer = await add(body)
  assert.equal(answer.status, 201)
  const json = transparencyLogEntryReply.parse(await answer.json())
  assert.equal(json.integratedTime, '0')
  assert.equal(json.inclusionPromise, null)
  const { inclusionProof: proof, canonicalizedBody, logIndex } = parseTransparencyLogEntry(json)
  assert.ok(proof)
  const [key] = log.noteKeys
  assert.ok(key)
  const { size, root } = openCheckpoint(proof.checkpoint, key)
  verifyInclusion({ leaf: leafHash(canonicalizedBody), index: logIndex, size, proof: proof.hashes, root })
  assert.deepEqual(Buffer.from(canonicalizedBody), Buffer.from(canonicalEntry(parseAddEntryRequest(body))))
})

test('the same entry again: 201 and the same index', async () => {
  const body = hashedRekord('twice')
  const [first, second] = [await add(body), await add(body)]
  assert.equal(second.status, 201)
  assert.equal((await jsonOf(second)).logIndex, (await jsonOf(first)).logIndex)
})

test('an envelope with one signature is logged as the signature over its encoding', async () => {
  const payload = Buffer.from('{}')
  const payloadType = 'application/vnd.in-toto+json'
  const signed = pae(payloadType, payload)
  const sig = sign('sha256', signed, privateKey).toString('base64')
  const envelope = { payload: payload.toString('base64'), payloadType, signatures: [{ sig, keyid: '' }] }
  const answer = await add({ dsseRequestV002: { envelope, verifiers: [verifier] } })
  assert.equal(answer.status, 201)
  const { kindVersion, canonicalizedBody } = transparencyLogEntryReply.parse(await answer.json())
  assert.deepEqual(kindVersion, { kind: 'hashedrekord', version: '0.0.2' })
  const { spec } = JSON.parse(Buffer.from(canonicalizedBody, 'base64').toString())
  assert.equal(spec.hashedRekordV002.data.digest, createHash('sha256').update(signed).digest('base64'))
  const two = { ...envelope, signatures: [...envelope.signatures, ...envelope.signatures] }
  assert.equal((await add({ dsseRequestV002: { envelope: two, verifiers: [verifier] } })).status, 400)
})

test('what is wrong is refused with a code, and nothing is logged', async () => {
  const { size } = log.head()
  const good = hashedRekord('good').hashedRekordRequestV002
  const other = hashedRekord('other').hashedRekordRequestV002
  const rows: readonly (readonly [unknown, string])[] = [
    [{ hashedRekordRequestV002: { ...good, digest: other.digest } }, 'log.signature-wrong'],
    [{ hashedRekordRequestV002: { ...good, digest: 'AAAA' } }, 'log.digest-wrong'],
    [{ hashedRekordRequestV002: good, extra: 1 }, 'log.request-malformed'],
    [{}, 'log.request-malformed'],
  ]
  for (const [body, code] of rows) {
    const answer = await add(body)
    assert.equal(answer.status, 400)
    const problem = await jsonOf(answer)
    assert.equal(problem.code, code)
    assert.equal(typeof problem.message, 'string')
  }
  assert.equal(log.head().size, size)
})

test('checkpoints and tiles are served on both listeners, as files that may be cached', async () => {
  await add(hashedRekord('served'))
  for (const listener of ['https', 'http'] as const) {
    const checkpoint = await get('/api/v2/checkpoint', listener)
    assert.equal(checkpoint.headers.get('content-type'), 'text/plain; charset=utf-8')
    assert.equal(checkpoint.headers.get('cache-control'), 'public, max-age=1')
    assert.equal(await checkpoint.text(), log.head().note)
    const { size } = log.head()
    for (const kind of ['0', 'entries']) {
      const tile = await get(`/api/v2/tile/${kind}/000.p/${size}`, listener)
      assert.equal(tile.status, 200)
      assert.equal(tile.headers.get('content-type'), 'application/octet-stream')
      assert.match(tile.headers.get('cache-control') ?? '', /immutable/)
    }
  }
})

test('each log has its own address; the environment is part of two of them', async () => {
  for (const path of ['/ct/checkpoint', '/development/revocations/checkpoint', '/development/audit/checkpoint']) {
    assert.equal((await get(path, 'http')).status, 200, path)
  }
  assert.equal((await get('/production/audit/checkpoint')).status, 404)
  assert.equal((await get(`/development/audit/tile/0/000.p/${log.head().size}`)).status, 200)
})

test('what is not there, or no address of a tile, is 404 and not cached', async () => {
  const { size } = log.head()
  const absent = ['0/000', '0/000.p/255', '0/001', `data/000.p/${size}`, '0/000.p/0', '0/0', '64/000', 'x', '0/../../x']
  for (const path of absent) {
    const answer = await get(`/api/v2/tile/${path}`)
    assert.equal(answer.status, 404, path)
    assert.equal(answer.headers.get('cache-control'), 'no-store', path)
  }
})

test('a partial tile that was collected is 404, the full one is there', async () => {
  await Promise.all(Array.from({ length: 300 }, (_, number) => log.append(testEntry(number))))
  const { size } = log.head()
  await log.collectPartials()
  assert.equal((await get('/api/v2/tile/0/000.p/1')).status, 404)
  assert.equal((await (await get('/api/v2/tile/0/000')).arrayBuffer()).byteLength, 8192)
  assert.equal((await get(`/api/v2/tile/0/001.p/${size - 256n}`)).status, 200)
})

test('the certificate log names its issuers and its roots', async () => {
  const fingerprint = createHash('sha256').update(issuer).digest('hex')
  const answer = await get(`/ct/issuer/${fingerprint}`, 'http')
  assert.equal(answer.headers.get('content-type'), 'application/pkix-cert')
  assert.deepEqual(new Uint8Array(await answer.arrayBuffer()), issuer)
  assert.equal((await get(`/ct/issuer/${'0'.repeat(64)}`)).status, 404)
  assert.deepEqual(await (await get('/ct/ct/v1/get-roots')).json(), { certificates: ['MAA='] })
})
