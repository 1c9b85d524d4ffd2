import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** The way out for npm, as companies have it. */
export interface NpmProxy {
  readonly port: number
  /** Every host that was asked for. */
  readonly hosts: ReadonlySet<string>
  close(): void
}

/** The proxy that this machine itself has to use, if any. */
const upstream = process.env.HTTPS_PROXY ?? process.env.https_proxy

/**
 * Starts a proxy (RFC 9110, 9.3.6) on every address of this machine, with which the machines of the test reach npm's registry
 * and nothing else by themselves.
 */
export async function startNpmProxy(): Promise<NpmProxy> {
  const hosts = new Set<string>()
  const open = new Set<Duplex>()
  const server = createServer((asked, answer) => {
    const url = new URL(asked.url ?? '')
    hosts.add(url.host)
    const { method, headers } = asked
    const sent = request(url, { method: method ?? 'GET', headers }, (got) => {
      answer.writeHead(got.statusCode ?? 502, got.headers)
      got.pipe(answer)
    })
    sent.on('error', () => answer.destroy())
    asked.pipe(sent)
  })
  server.on('connect', (asked: IncomingMessage, client: Duplex, head: Buffer) => {
    const target = asked.url ?? ''
    hosts.add(target)
    const outward = openTunnel(target, () => client.write('HTTP/1.1 200 Connection established\r\n\r\n'))
    outward.write(head)
    for (const [from, to] of [
      [client, outward],
      [outward, client],
    ] as const) {
      open.add(from)
      from.on('error', () => to.destroy()).on('close', () => open.delete(from))
      from.pipe(to)
    }
  })
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    hosts,
    close() {
      server.close()
      for (const one of open) one.destroy()
    },
  }
}

/** A connection to `host:port`; through the upstream proxy its answer reaches the client as it is. */
function openTunnel(target: string, onOpen: () => void): Socket {
  if (upstream !== undefined) {
    const { hostname, port } = new URL(upstream)
    const socket = connect(Number(port || 80), hostname)
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
    return socket
  }
  const { hostname, port } = new URL(`tcp://${target}`)
  return connect(Number(port), hostname, onOpen)
}
