import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request } from 'node:https'
import { after, before, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { route } from '@countersign/protocol/api/route.ts'
import {
  makeTestIssuer,
  makeTestKey,
  makeTestRoot,
  signTestCertificate,
  type TestAuthority,
} from '@countersign/protocol/x509/authorityFixture.ts'
import { parseCertificate, toPem } from '@countersign/protocol/x509/certificate.ts'
import { extendedKeyUsage, keyUsage } from '@countersign/protocol/x509/extensions.ts'
import { writeName } from '@countersign/protocol/x509/name.ts'
import type { Purpose } from '@countersign/protocol/x509/oids.ts'
import { z } from 'zod'
import { createLogger } from '../telemetry/logger.ts'
import { createHttpServer, type HttpServer } from './server.ts'

const DAY_MS = 86_400_000
const root = makeTestRoot('device root')
const devices = makeTestIssuer(root, 'clientAuth')
const base = { summary: 'test', tag: 'instance', listeners: ['https'], status: 200, maxBodyBytes: 0 } as const
const reply = z.strictObject({ name: z.string(), resumed: z.boolean() })
const whoRoute = route({ ...base, id: 'who', method: 'GET', path: '/who', reply })
const deviceRoute = route({ ...base, id: 'device', method: 'GET', path: '/device', caller: 'device', reply })

let server: HttpServer
let port: number
const refusals: string[] = []

before(async () => {
  server = createHttpServer({
    name: 'https',
    logger: createLogger({ level: 'silent', name: 'test' }),
    errors: {},
    tls: serverCredentials(),
    clientAuthorities: toPem(root.certificate.raw),
    onRefusal: async ({ routeId, code }) => void refusals.push(`${routeId} ${code}`),
  })
  const answer = (clientCertificate: Uint8Array | undefined) => {
    const subject = clientCertificate && parseCertificate(clientCertificate).subject
    return {
      name: subject
        ? Buffer.from(subject)
            .toString('latin1')
            .replace(/^[^a-z]*/, '')
            .slice(-5)
        : '',
    }
  }
  server.mount(whoRoute, async ({ clientCertificate }) => ({ ...answer(clientCertificate), resumed: false }))
  server.mount(deviceRoute, async ({ clientCertificate }) => ({ ...answer(clientCertificate), resumed: false }))
  await server.listen({ host: '127.0.0.1', port: 0 })
  port = (server.address() as { port: number }).port
})
after(() => server.close())

function serverCredentials() {
  return leaf(makeTestIssuer(root, 'serverAuth'), 'serverAuth')
}

function leaf(issuer: TestAuthority, purpose: Purpose, times = { notBefore: -DAY_MS, notAfter: DAY_MS }) {
  const key = makeTestKey()
  const certificate = signTestCertificate(
    {
      subject: writeName({ commonName: 'front' }),
      spki: key.spki,
      extensions: [keyUsage(['digitalSignature']), extendedKeyUsage([purpose])],
      notBefore: new Date(Date.now() + times.notBefore),
      notAfter: new Date(Date.now() + times.notAfter),
    },
    issuer,
  )
  return {
    key: key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificate: toPem(certificate.raw) + toPem(issuer.certificate.raw),
  }
}

interface Asked {
  readonly status: number
  readonly name: string
  readonly resumed: boolean
}

async function ask(path: string, client?: { key: string; certificate: string }, agent?: Agent): Promise<Asked> {
  const identity = client && { key: client.key, cert: client.certificate }
  const asking = request({
    port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    path,
    agent: agent ?? false,
    ...identity,
  })
  asking.end()
  const [answer] = await once(asking, 'response')
  const resumed = (answer.socket as TLSSocket).isSessionReused()
  const { name = '' } = JSON.parse(Buffer.concat(await Array.fromAsync(answer as AsyncIterable<Buffer>)).toString())
  return { status: answer.statusCode, name, resumed }
}

test('a certificate of the device root names the caller, without one the caller is nobody', async () => {
  assert.equal((await ask('/who', leaf(devices, 'clientAuth'))).name, 'front')
  assert.equal((await ask('/who')).name, '')
  assert.equal((await ask('/device', leaf(devices, 'clientAuth'))).status, 200)
})

for (const [what, make] of [
  ['no certificate', () => undefined],
  ['one of another root', () => leaf(makeTestIssuer(makeTestRoot('other'), 'clientAuth'), 'clientAuth')],
  ['one for servers', () => leaf(makeTestIssuer(root, 'serverAuth'), 'serverAuth')],
  ['an expired one', () => leaf(devices, 'clientAuth', { notBefore: -2 * DAY_MS, notAfter: -DAY_MS })],
] as const) {
  test(`http.certificate-missing: ${what}`, async () => {
    const client = make()
    assert.equal((await ask('/who', client)).name, '')
    assert.equal((await ask('/device', client)).status, 401)
    assert.equal(refusals.at(-1), 'device http.certificate-missing')
  })
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a resumed ${maxVersion} session still has the certificate`, async () => {
    const agent = new Agent({ maxVersion, maxCachedSessions: 10 })
    const client = leaf(devices, 'clientAuth')
    assert.deepEqual(await ask('/device', client, agent), { status: 200, name: 'front', resumed: false })
    assert.deepEqual(await ask('/device', client, agent), { status: 200, name: 'front', resumed: true })
    agent.destroy()
  })
}

test('a resumed session without a certificate stays without one', async () => {
  const agent = new Agent({ maxCachedSessions: 10 })
  await ask('/who', undefined, agent)
  assert.deepEqual(await ask('/who', undefined, agent), { status: 200, name: '', resumed: true })
  assert.equal((await ask('/device', undefined, agent)).status, 401)
  agent.destroy()
})

test('a renewed server certificate does not end client certificates', async () => {
  server.setTls(serverCredentials())
  assert.equal((await ask('/device', leaf(devices, 'clientAuth'))).name, 'front')
})
