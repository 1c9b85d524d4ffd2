import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import {
  makeTestIssuer,
  makeTestKey,
  makeTestRoot,
  signTestCertificate,
} from '@countersign/protocol/x509/authorityFixture.ts'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
import { extendedKeyUsage, keyUsage, subjectAltName } from '@countersign/protocol/x509/extensions.ts'
import { writeName } from '@countersign/protocol/x509/name.ts'
import { monotonicMs } from './streamLoad.ts'

/** A server that does nothing but write the same bytes to every mutual-TLS connection. */
export interface BareBroadcast {
  readonly port: number
  /** PEM of what its certificate chains to. */
  readonly ca: string
  /** Writes `bytes` (base64) to every connection; resolves with the time at which it began. */
  send(bytes: string): Promise<number>
  close(): void
}

const DAY_MS = 86_400_000

/** Starts it in a process of its own. `clientAuthorities` (PEM) is what client certificates are verified against. */
export async function startBareBroadcast(clientAuthorities: string): Promise<BareBroadcast> {
  const child: ChildProcess = fork(import.meta.filename, ['bare-broadcast'], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  child.send({ clientAuthorities })
  const [{ port, ca }] = (await once(child, 'message')) as [{ port: number; ca: string }]
  return {
    port,
    ca,
    async send(bytes) {
      const began = once(child, 'message') as Promise<[{ atMs: number }]>
      child.send({ bytes })
      return (await began)[0].atMs
    },
    close: () => child.disconnect(),
  }
}

function serverCredentials() {
  const root = makeTestRoot('bench')
  const issuer = makeTestIssuer(root, 'serverAuth')
  const { spki, privateKey } = makeTestKey()
  const { raw } = signTestCertificate(
    {
      subject: writeName({ commonName: 'localhost' }),
      spki,
      extensions: [
        keyUsage(['digitalSignature']),
        extendedKeyUsage(['serverAuth']),
        subjectAltName([{ type: 'dns', value: 'localhost' }], false),
      ],
      notBefore: new Date(Date.now() - DAY_MS),
      notAfter: new Date(Date.now() + DAY_MS),
    },
    issuer,
  )
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { key, cert: toPem(raw) + toPem(issuer.certificate.raw), root: toPem(root.certificate.raw) }
}

async function broadcast(): Promise<void> {
  const [{ clientAuthorities }] = (await once(process, 'message')) as [{ clientAuthorities: string }]
  const { key, cert, root } = serverCredentials()
  const sockets: TLSSocket[] = []
  const server = createServer({ key, cert, ca: clientAuthorities, requestCert: true, rejectUnauthorized: false })
  server.on('secureConnection', (socket) => {
    sockets.push(socket.setNoDelay(true))
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.send?.({ port: (server.address() as AddressInfo).port, ca: root })
  process.on('message', ({ bytes }: { bytes: string }) => {
    const event = Buffer.from(bytes, 'base64')
    const atMs = monotonicMs()
    for (const socket of sockets) socket.write(event)
    process.send?.({ atMs })
  })
  process.once('disconnect', () => process.exit(0))
}

if (process.argv[2] === 'bare-broadcast' && process.send !== undefined) await broadcast()
