import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import {
  makeTestIssuer,
  makeTestKey,
  makeTestRoot,
  signTestCertificate,
  type TestAuthority,
} from '@countersign/protocol/x509/authorityFixture.ts'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
import { extendedKeyUsage, keyUsage, subjectAltName } from '@countersign/protocol/x509/extensions.ts'
import { trustedRequest } from './trustedRequest.ts'

let server: Server
let root: TestAuthority
let url: string

before(async () => {
  root = makeTestRoot('device root')
  const issuer = makeTestIssuer(root, 'serverAuth')
  const key = makeTestKey()
  const now = Date.now()
  const leaf = signTestCertificate(
    {
      spki: key.spki,
      notBefore: new Date(now - 3_600_000),
      notAfter: new Date(now + 3_600_000),
      extensions: [
        keyUsage(['digitalSignature']),
        extendedKeyUsage(['serverAuth']),
        subjectAltName([{ type: 'dns', value: 'localhost' }], true),
      ],
    },
    issuer,
  )
  server = createServer(
    {
      key: key.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      cert: toPem(leaf.raw) + toPem(issuer.certificate.raw),
    },
    (_request, reply) => reply.end('hello'),
  )
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  url = `https://localhost:${(server.address() as AddressInfo).port}/`
})
after(() => {
  server.closeAllConnections()
  server.close()
})

const get = (address: string, trusted: TestAuthority, anyServer = false) =>
  trustedRequest(
    {
      url: address,
      maxBytes: 100,
      timeoutMs: 5000,
      fail: (failure, message) => new CodedError(`test.${failure}`, message),
    },
    { deviceRoot: toPem(trusted.certificate.raw), anyServer },
  )

test('a server under the device root is trusted', async () => {
  const { status, bytes } = await get(url, root)
  assert.deepEqual([status, Buffer.from(bytes).toString()], [200, 'hello'])
})

test('untrusted: a server under another root, or of another name', async () => {
  await assert.rejects(get(url, makeTestRoot('other root')), { code: 'test.untrusted' })
  await assert.rejects(get(url.replace('localhost', '127.0.0.1'), root), { code: /test\.(?:untrusted|unreachable)/ })
})

test('any server is heard where the answer proves itself, and by no other request afterwards', async () => {
  const { status } = await get(url, makeTestRoot('other root'), true)
  assert.equal(status, 200)
  await assert.rejects(get(url, makeTestRoot('other root')), { code: 'test.untrusted' })
})
