import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createHttpServer, type HttpServer } from '@countersign/platform/http/server.ts'
import { createLogger } from '@countersign/platform/telemetry/logger.ts'
import type { ListenerName } from '@countersign/protocol/api/route.ts'
import type { ErrorTable } from '@countersign/protocol/errors/codedError.ts'
import {
  type ArtifactsFixture,
  anna,
  certify,
  certifyText,
  cleanVerdict,
  giveNumber,
  hexSha256,
  openArtifactsFixture,
  submitText,
} from './artifactsFixture.ts'
import { artifactsErrors } from './errors.ts'
import { mountArtifacts } from './routes.ts'
import { submit } from './submit.ts'
import { readValidatorStatus } from './validatorStatus.ts'

const OCTETS = { 'content-type': 'application/octet-stream' }
const status = {
  version: '0.1.0',
  advisories: cleanVerdict.advisories,
  ecosystems: [{ name: 'npm', records: 5, asOf: '2026-11-20T06:00:00Z' }],
  protections: [],
  attention: [],
}

let fixture: ArtifactsFixture
const servers: HttpServer[] = []
const addresses: Partial<Record<ListenerName, string>> = {}
/** Which validator the listener takes every caller for. */
let validator = 'embedded'

before(async () => {
  fixture = await openArtifactsFixture()
  const errors: ErrorTable = artifactsErrors
  const logger = createLogger({ level: 'silent', name: 'test' })
  for (const name of ['https', 'http'] as const) {
    servers.push(createHttpServer({ name, logger, errors, checkReplies: true }))
  }
  mountArtifacts(servers, {
    ...fixture.deps,
    devicesOf: async () => [],
    validatorOf: async () => ({ name: validator, sameOperator: true }),
  })
  for (const [at, name] of (['https', 'http'] as const).entries()) {
    const server = servers[at] as HttpServer
    await server.listen({ host: '127.0.0.1', port: 0 })
    const address = server.address()
    assert.ok(address && 'port' in address)
    addresses[name] = `http://127.0.0.1:${address.port}`
  }
})
after(async () => {
  for (const server of servers) await server.close()
  await fixture.close()
})

async function ask(path: string, init: RequestInit & { as?: string; listener?: ListenerName } = {}) {
  const { as, listener = 'https', ...rest } = init
  const headers = { ...rest.headers, ...(as !== undefined && { authorization: `Bearer ${as}` }) }
  const response = await fetch(`${addresses[listener]}${path}`, { ...rest, headers })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json')
  return { status: response.status, body: isJson ? JSON.parse(text) : text }
}

/** Sends JSON. */
function send(method: string, path: string, body: unknown, as?: string) {
  const headers = { 'content-type': 'application/json' }
  return ask(path, { method, headers, body: JSON.stringify(body), ...(as !== undefined && { as }) })
}

const codeOf = ({ status: got, body }: { status: number; body: { code?: string } }) => [got, body.code]

test('a person stores, submits and reads; everybody else has no such submission', async () => {
  const { artifact, signature, sha256 } = await submitText(fixture, 'over the wire', { validator: 'lab' })
  const stored = await ask(`/api/v1/artifacts/${sha256}`, {
    method: 'PUT',
    body: artifact,
    headers: OCTETS,
    as: 'anna',
  })
  assert.deepEqual(stored, { status: 200, body: { sha256, sizeBytes: 13 } })
  const body = { sha256, name: 'files', signature, validators: ['embedded'] }
  const submitted = await send('POST', '/api/v1/submissions', body, 'anna')
  assert.equal(submitted.status, 201)
  const { id, submittedBy } = submitted.body.submissions[0]
  assert.equal(submittedBy.subject, 'anna', 'as certificates and policies name the person, not the `sub` of the token')
  assert.equal((await ask(`/api/v1/submissions/${id}`, { as: 'anna' })).body.state, 'waiting')
  assert.deepEqual(codeOf(await ask(`/api/v1/submissions/${id}`, { as: 'bert' })), [
    404,
    'artifacts.submission-unknown',
  ])
})

test('artifacts.token-missing: whoever stores, submits or asks says who it is', async () => {
  const { sha256, signature, submission } = await submitText(fixture, 'nobody', { validator: 'lab' })
  const refused = [401, 'artifacts.token-missing']
  const put = await ask(`/api/v1/artifacts/${sha256}`, { method: 'PUT', body: 'nobody', headers: OCTETS })
  assert.deepEqual(codeOf(put), refused)
  assert.deepEqual(codeOf(await send('POST', '/api/v1/submissions', { sha256, name: 'x', signature })), refused)
  assert.deepEqual(codeOf(await ask(`/api/v1/submissions/${submission.id}`)), refused)
  assert.deepEqual(codeOf(await ask('/api/v1/affected/GHSA-1')), refused)
})

test('artifacts.unknown-artifact: a validator reads what was submitted to it, and nothing else', async () => {
  const { sha256 } = await submitText(fixture, 'for the lab', { validator: 'lab' })
  validator = 'lab'
  assert.deepEqual(await ask(`/api/v1/artifacts/${sha256}`), { status: 200, body: 'for the lab' })
  validator = 'embedded'
  assert.deepEqual(codeOf(await ask(`/api/v1/artifacts/${sha256}`)), [404, 'artifacts.unknown-artifact'])
  validator = 'lab'
  assert.deepEqual(codeOf(await ask(`/api/v1/artifacts/${'5a'.repeat(32)}`)), [404, 'artifacts.unknown-artifact'])
  validator = 'embedded'
})

test('a validator that waits for work gets it when it comes, with the signature, oldest first', async () => {
  validator = 'waiting'
  const { policy } = fixture
  const [named] = policy.validators.of
  assert.ok(named)
  const subject = named.subject.replace('embedded', 'waiting')
  fixture.policy = { ...policy, validators: { required: 1, of: [{ ...named, name: 'waiting', subject }] } }
  assert.deepEqual((await ask('/api/v1/validators/self/submissions')).body, { submissions: [] })
  const polls = Promise.all([1, 2, 3].map(() => ask('/api/v1/validators/self/submissions?waitMs=20000')))
  const { submission, signature } = await submitText(fixture, 'long awaited', { validator: 'waiting' })
  for (const { body } of await polls) assert.deepEqual(body, { submissions: [{ ...submission, signature }] })
  await submitText(fixture, 'second', { validator: 'waiting' })
  const { body } = await ask('/api/v1/validators/self/submissions')
  assert.deepEqual(
    body.submissions.map((one: { sha256: string }) => one.sha256),
    [submission.sha256, hexSha256('second')],
  )
  const failure = { code: 'inspector.unprotected', message: 'nothing confines it' }
  await send('POST', `/api/v1/submissions/${submission.id}/reports`, { state: 'failed', failure })
  assert.equal((await ask('/api/v1/validators/self/submissions')).body.submissions.length, 1)
  fixture.policy = policy
  validator = 'embedded'
})

test('many wait for one submission at once, and all get its next revision; a wait without news ends in time', async () => {
  const { submission } = await submitText(fixture, 'many wait')
  const path = `/api/v1/submissions/${submission.id}`
  const polls = Array.from({ length: 20 }, () => ask(`${path}?after=0&waitMs=20000`, { as: 'anna' }))
  await send('POST', `${path}/reports`, { state: 'inspecting' })
  const told = await Promise.all(polls)
  assert.deepEqual(new Set(told.map(({ body }) => `${body.state} ${body.revision}`)), new Set(['inspecting 1']))
  const begin = performance.now()
  assert.equal((await ask(`${path}?after=1&waitMs=50`, { as: 'anna' })).body.revision, 1)
  assert.ok(performance.now() - begin < 10_000)
  const parallel = ask(`${path}?after=1&waitMs=20000`, { as: 'bert' })
  assert.equal((await parallel).status, 404)
})

test('a submission is certified over the wire, and the world reads its certification without saying who it is', async () => {
  const { submission, ...signed } = await submitText(fixture, 'certified over the wire')
  const bundles = certify(fixture, signed, { number: 60n })
  await giveNumber(fixture, signed, bundles)
  const path = `/api/v1/submissions/${submission.id}/reports`
  const early = await send('POST', path, { state: 'refused' })
  assert.deepEqual(codeOf(early), [409, 'artifacts.state-passed'])
  const decision = { answer: 'certify', reasons: [] }
  await send('POST', path, { state: 'decided', verdict: cleanVerdict, decision })
  const { certification, sbom, findings } = bundles
  const wrong = await send('POST', path, { state: 'certified', certification, sbom, findings: sbom })
  assert.deepEqual(codeOf(wrong), [422, 'artifacts.certification-wrong'])
  const told = await send('POST', path, { state: 'certified', certification, sbom, findings })
  assert.equal(told.body.certificationNumber, '60')
  for (const listener of ['https', 'http'] as const) {
    const { body } = await ask(`/api/v1/artifacts/${signed.sha256}/certifications`, { listener })
    assert.deepEqual([body.certifications[0].number, body.signatures], ['60', [signed.signature]])
  }
})

test('findings are told by a validator and read by people; nothing else is served without TLS', async () => {
  const { sha256 } = await certifyText(fixture, 'affected', { number: 61n })
  const finding = { advisory: 'GHSA-1', aliases: [], component: 'pkg:npm/a@1', path: [], severity: 'low', fixed: [] }
  const report = { advisory: 'GHSA-1', aliases: ['CVE-1'], reached: [{ number: '61', finding }] }
  assert.deepEqual((await send('POST', '/api/v1/validators/self/findings', report)).body, { reached: 1 })
  const { body } = await ask('/api/v1/affected/CVE-1', { as: 'anna' })
  assert.deepEqual([body.affected[0].number, body.affected[0].sha256], ['61', sha256])
  assert.deepEqual(codeOf(await ask('/api/v1/affected/CVE-9', { as: 'anna' })), [404, 'artifacts.advisory-unknown'])
  assert.equal((await ask('/api/v1/affected/CVE-1', { as: 'anna', listener: 'http' })).status, 404)
})

test('what a validator says of itself is kept, the newest only', async () => {
  assert.deepEqual((await send('PUT', '/api/v1/validators/self/status', status)).body, { name: 'embedded' })
  fixture.clock.advance(60_000)
  await send('PUT', '/api/v1/validators/self/status', { ...status, version: '0.2.0' })
  validator = 'lab'
  await send('PUT', '/api/v1/validators/self/status', status)
  validator = 'embedded'
  const told = await readValidatorStatus(fixture.deps.database)
  assert.deepEqual(told.map((one) => [one.validator, one.status.version, one.toldAt.getTime()]).toSorted(), [
    ['embedded', '0.2.0', fixture.clock.now().getTime()],
    ['lab', '0.1.0', fixture.clock.now().getTime()],
  ])
})

test('sizes: a report, a name, a list and a wait beyond their limits are refused before anything is read', async () => {
  const { sha256, signature, submission } = await submitText(fixture, 'limits')
  const path = `/api/v1/submissions/${submission.id}`
  const long = 'x'.repeat(256)
  const refused = [
    send('POST', '/api/v1/submissions', { sha256, name: long, signature }, 'anna'),
    send('POST', '/api/v1/submissions', { sha256, name: 'x', signature: 'x'.repeat(2 * 1024 * 1024 + 1) }, 'anna'),
    send('POST', '/api/v1/submissions', { sha256, name: 'x', signature, validators: [] }, 'anna'),
    send('POST', '/api/v1/submissions', { sha256, name: 'x', signature, product: '../x' }, 'anna'),
    send('POST', `${path}/reports`, { state: 'failed', failure: { code: 'x', message: 'x'.repeat(1025) } }),
    send('POST', `${path}/reports`, { state: 'failed', failure: { code: 'x', message: 'x' }, more: 1 }),
    ask(`${path}?waitMs=25001`, { as: 'anna' }),
    ask('/api/v1/validators/self/submissions?waitMs=25001'),
  ]
  for (const { status: got } of await Promise.all(refused)) assert.equal(got, 400)
  const pieces = { sha256, name: 'x', signature: 'x'.repeat(3 * 1024 * 1024) }
  assert.equal((await send('POST', '/api/v1/submissions', pieces, 'anna')).status, 413)
  const [unchanged] = await submit(fixture.deps, anna, { sha256, name: 'x', signature, validators: ['embedded'] })
  assert.deepEqual([unchanged?.id, unchanged?.revision], [submission.id, 0])
})
