import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request } from 'node:https'
import { createConnection as connectPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { createLogger } from '../telemetry/logger.ts'
import type { TlsCredentials } from './nodeServer.ts'
import { createHttpServer, type HttpServer } from './server.ts'

let folder: string
let first: TlsCredentials
let second: TlsCredentials
let server: HttpServer
let port: number

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-tls-'))
  first = await makeCredentials('first')
  second = await makeCredentials('second')
  const logger = createLogger({ level: 'silent', name: 'test' })
  server = createHttpServer({ name: 'https', logger, errors: {}, tls: first })
  await server.listen({ host: '127.0.0.1', port: 0 })
  port = (server.address() as { port: number }).port
})

after(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

async function makeCredentials(name: string): Promise<TlsCredentials> {
  const [key, certificate] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const files = ['-keyout', key, '-out', certificate, '-subj', `/CN=${name}`, '-days', '2']
  execFileSync('openssl', ['req', '-x509', ...curve, ...files], { stdio: 'ignore' })
  return { key: await readFile(key, 'utf8'), certificate: await readFile(certificate, 'utf8') }
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
