import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:https'
import { createConnection as connectPlain } from 'node:net'
import { after, before, test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { makeTestKey, makeTestRoot, signTestCertificate } from '@countersign/protocol/x509/authorityFixture.ts'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
import { extendedKeyUsage, keyUsage } from '@countersign/protocol/x509/extensions.ts'
import { writeName } from '@countersign/protocol/x509/name.ts'
import { createLogger } from '../telemetry/logger.ts'
import type { TlsCredentials } from './nodeServer.ts'
import { createHttpServer, type HttpServer } from './server.ts'

const first = makeCredentials('first')
const second = makeCredentials('second')
let server: HttpServer
let port: number

before(async () => {
  const logger = createLogger({ level: 'silent', name: 'test' })
  server = createHttpServer({ name: 'https', logger, errors: {}, tls: first })
  await server.listen({ host: '127.0.0.1', port: 0 })
  port = (server.address() as { port: number }).port
})

after(() => server.close())

function makeCredentials(commonName: string): TlsCredentials {
  const key = makeTestKey()
  const extensions = [keyUsage(['digitalSignature']), extendedKeyUsage(['serverAuth'])]
  const subject = writeName({ commonName })
  const certificate = toPem(signTestCertificate({ subject, spki: key.spki, extensions }, makeTestRoot('root')).raw)
  return { key: key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), certificate }
}

async function certificateName(): Promise<string> {
  const socket: TLSSocket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { CN } = socket.getPeerCertificate().subject
  socket.destroy()
  return String(CN)
}

test('a renewed certificate serves new connections without a restart', async () => {
  assert.equal(await certificateName(), 'first')
  server.setTls(second)
  assert.equal(await certificateName(), 'second')
})

test('answers over TLS tell browsers to stay with TLS', async () => {
  const asking = request({ port, host: '127.0.0.1', rejectUnauthorized: false, path: '/nowhere' }).end()
  const [answer] = await once(asking, 'response')
  answer.resume()
  assert.equal(answer.statusCode, 404)
  assert.match(answer.headers['strict-transport-security'], /^max-age=\d+$/)
})

test('older versions than TLS 1.2 are refused', async () => {
  const options = { port, host: '127.0.0.1', rejectUnauthorized: false, ciphers: 'DEFAULT@SECLEVEL=0' } as const
  const old = connect({ ...options, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' })
  await assert.rejects(once(old, 'secureConnect'), { code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' })
})

test('whoever speaks plain HTTP to it is hung up on, and the others are still served', async () => {
  const plain = connectPlain(port, '127.0.0.1')
  plain.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  plain.resume()
  await once(plain, 'close')
  assert.equal(await certificateName(), 'second')
})
