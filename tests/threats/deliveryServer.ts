import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect, type DetailedPeerCertificate } from 'node:tls'
import type { Assignment } from '@countersign/protocol/api/devices.ts'
import { parseCertificate, toPem } from '@countersign/protocol/x509/certificate.ts'
import {
  authorityKeyIdentifier,
  extendedKeyUsage,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from '@countersign/protocol/x509/extensions.ts'
import { EMPTY_NAME } from '@countersign/protocol/x509/name.ts'
import { assembleCertificate, writeTbsCertificate } from '@countersign/protocol/x509/writeCertificate.ts'
import type { Scene } from './scene.ts'
import { stolenKeys } from './stolenKeys.ts'

/** The server that devices ask, in the hands of a thief: genuine TLS, and answers of the thief's choice. */
export interface StolenDelivery {
  /** What every device is told that it is assigned. */
  assignment: Assignment
  /** What is handed out, by SHA-256 in hex; everything else is withheld. */
  readonly files: Map<string, string | Uint8Array>
}

/** Takes the place of the delivery server for everybody who comes through the network. Other services go on behind it. */
export async function stealDelivery(scene: Scene, assignment: Assignment): Promise<StolenDelivery> {
  const stolen: StolenDelivery = { assignment, files: new Map() }
  const server = createServer(await stolenTls(scene), (asked, reply) => {
    const [, sha256] = /^\/api\/v1\/devices\/self\/files\/([0-9a-f]{64})$/.exec(asked.url ?? '') ?? []
    if (asked.url === '/api/v1/devices/self/check-ins') {
      const answer = { device: 'front', group: 'shop', state: 'admitted', assignment: stolen.assignment, nextMs: 1000 }
      reply.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    } else if (sha256 !== undefined) {
      const file = stolen.files.get(sha256)
      reply.writeHead(file === undefined ? 404 : 200, { 'content-type': 'application/octet-stream' }).end(file)
    } else {
      const { method, headers } = asked
      const sent = request(`${scene.network.innerUrl}${asked.url}`, { method, headers, ca: scene.ca }, (answer) => {
        reply.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(reply)
      })
      sent.on('error', () => reply.destroy())
      asked.pipe(sent)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  scene.defer(() => {
    server.close()
    server.closeAllConnections()
  })
  scene.network.divert((server.address() as AddressInfo).port)
  return stolen
}

/** A TLS certificate for the instance's host, by the authority whose key the thief has. */
async function stolenTls(scene: Scene): Promise<{ key: string; cert: string }> {
  const issuer = parseCertificate(new Uint8Array((await peerOf(scene)).issuerCertificate.raw))
  const issuerKey = await (await stolenKeys(scene)).open('servers-1')
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
  const notBefore = new Date(Date.now() - 1000)
  const tbs = writeTbsCertificate({
    ...{ serial: Uint8Array.of(0x40, ...randomBytes(19)), issuer: issuer.subject, subject: EMPTY_NAME, spki },
    ...{ notBefore, notAfter: new Date(notBefore.getTime() + 86_400_000) },
    extensions: [
      keyUsage(['digitalSignature']),
      extendedKeyUsage(['serverAuth']),
      subjectKeyIdentifier(spki),
      authorityKeyIdentifier(issuer.subjectKeyId ?? new Uint8Array()),
      subjectAltName([{ type: 'dns', value: 'localhost' }], true),
    ],
    signatureAlgorithm: issuerKey.signatureAlgorithm,
  })
  const leaf = assembleCertificate(tbs, issuerKey.signatureAlgorithm, await issuerKey.sign(tbs))
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  return { key, cert: toPem(leaf) + toPem(issuer.raw) }
}

async function peerOf({ network, ca }: Scene): Promise<DetailedPeerCertificate> {
  const { hostname: host, port } = new URL(network.innerUrl)
  const socket = connect({ host, port: Number(port), servername: host, ca })
  await once(socket, 'secureConnect')
  const peer = socket.getPeerCertificate(true)
  socket.destroy()
  return peer
}
