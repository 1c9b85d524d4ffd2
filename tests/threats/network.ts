import { once } from 'node:events'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http'
import { type AddressInfo, connect, createServer, type Server as NetServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
import { certificateOfSize } from '../journeys/bad-input/forgedCertificate.ts'
import { freePort } from '../support/freePort.ts'

/** What somebody on the way answers to a path of the plain listener: other bytes, nothing, or undefined for the truth. */
export type Answer = (path: string) => Uint8Array | 'missing' | undefined

/** Everything between an instance and the world. It passes all on as it is, until its owner does something else. */
export interface Network {
  readonly publicPort: number
  readonly publicHttpPort: number
  /** Arguments of `serve` by which the instance listens behind this network. */
  readonly arguments: readonly string[]
  /** Where the instance really listens. */
  readonly innerUrl: string
  /** From now on plain requests are answered so; without `answer`, honestly. */
  lie(answer?: Answer): void
  /** Says this to everyone who listens for pushes, as it is. */
  push(text: string): void
  /** How many listen for pushes. */
  listeners(): number
  /** From now on nothing new comes through: plain files are those of before, pushes are silent, TLS goes nowhere. */
  freeze(): void
  /** Answers TLS itself, with a certificate that nobody vouches for. */
  impersonate(): void
  /** Hands TLS connections to another server, on this port. */
  divert(port: number): void
  /** Honest again. */
  mend(): void
  close(): void
}

type Mode = 'honest' | 'frozen'

/** Opens a network on free ports of the loopback address. */
export async function openNetwork(): Promise<Network> {
  const [publicPort, publicHttpPort, port, httpPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ] as const
  const mirror = new Mirror(httpPort)
  const wire = await openWire(port)
  await Promise.all([listen(mirror.server, publicHttpPort), listen(wire.server, publicPort)])
  return {
    ...{ publicPort, publicHttpPort, innerUrl: `https://localhost:${port}` },
    arguments: ['--listen', `127.0.0.1:${port}`, '--listen-http', `127.0.0.1:${httpPort}`],
    lie: (answer) => mirror.lie(answer),
    push: (text) => mirror.push(text),
    listeners: () => mirror.streams.size,
    freeze() {
      mirror.mode = 'frozen'
      wire.lead(undefined)
    },
    impersonate: () => wire.lead(wire.impostorPort),
    divert: (to) => wire.lead(to),
    mend() {
      mirror.lie(undefined)
      mirror.mode = 'honest'
      wire.lead(port)
    },
    close() {
      wire.close()
      mirror.server.close()
      mirror.server.closeAllConnections()
    },
  }
}

/** In front of the plain listener. Remembers what it passed on. */
class Mirror {
  mode: Mode = 'honest'
  readonly server: Server
  readonly streams = new Set<ServerResponse>()
  readonly #port: number
  readonly #passed = new Map<string, Buffer>()
  #answer: Answer | undefined

  constructor(port: number) {
    this.#port = port
    this.server = createHttpServer((asked, reply) => this.#serve(asked, reply))
  }

  lie(answer: Answer | undefined): void {
    this.#answer = answer
  }

  push(text: string): void {
    for (const stream of this.streams) stream.write(text)
  }

  #serve(asked: IncomingMessage, reply: ServerResponse): void {
    const path = asked.url ?? '/'
    const isStream = path.endsWith('/events')
    const own = this.#answer?.(path) ?? (this.mode === 'frozen' ? (this.#passed.get(path) ?? 'missing') : undefined)
    if (isStream && (own !== undefined || this.mode === 'frozen')) this.#keep(reply)
    else if (own === undefined) this.#pass(asked, reply, isStream)
    else if (own === 'missing') reply.writeHead(404).end()
    else reply.writeHead(200, { date: new Date().toUTCString() }).end(own)
  }

  #pass(asked: IncomingMessage, reply: ServerResponse, isStream: boolean): void {
    const { url: path = '/' } = asked
    const sent = request({ port: this.#port, host: '127.0.0.1', path, method: asked.method, headers: asked.headers })
    sent.on('error', () => reply.destroy())
    sent.on('response', (response) => {
      reply.writeHead(response.statusCode ?? 502, response.headers)
      if (isStream) return this.#follow(response, reply)
      const parts: Buffer[] = []
      response
        .on('data', (part: Buffer) => parts.push(part))
        .on('end', () => {
          const bytes = Buffer.concat(parts)
          if (response.statusCode === 200) this.#passed.set(path, bytes)
          reply.end(bytes)
        })
    })
    asked.pipe(sent)
  }

  #keep(reply: ServerResponse): void {
    reply.writeHead(200, { 'content-type': 'text/event-stream' }).write(': \n\n')
    this.streams.add(reply)
    reply.once('close', () => this.streams.delete(reply))
  }

  /** Passes events on unless nothing is to come through. */
  #follow(response: IncomingMessage, reply: ServerResponse): void {
    this.streams.add(reply)
    response.on('data', (part: Buffer) => {
      if (this.mode === 'honest' && this.#answer === undefined) reply.write(part)
    })
    response.once('close', () => reply.destroy())
    reply.once('close', () => {
      this.streams.delete(reply)
      response.destroy()
    })
  }
}

/** In front of the TLS listener: connections are led somewhere, or nowhere. */
async function openWire(port: number) {
  const { privateKey, certificate } = certificateOfSize(600)
  const key = privateKey.export({ format: 'pem', type: 'pkcs8' })
  const impostor = createTlsServer({ key, cert: toPem(certificate) }, (socket) => socket.destroy())
  impostor.on('tlsClientError', () => {}).listen(0, '127.0.0.1')
  await once(impostor, 'listening')
  const open = new Set<Socket>()
  let goal: number | undefined = port
  const server = createServer((socket) => {
    socket.on('error', () => {})
    if (goal === undefined) return void socket.destroy()
    const onward = connect(goal, '127.0.0.1')
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      open.add(one)
      one.on('error', () => other.destroy())
      one.once('close', () => {
        open.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  return {
    server,
    impostorPort: (impostor.address() as AddressInfo).port,
    lead(to: number | undefined) {
      goal = to
      for (const socket of open) socket.destroy()
    },
    close() {
      for (const socket of open) socket.destroy()
      server.close()
      impostor.close()
    },
  }
}

async function listen(server: NetServer, port: number): Promise<void> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
}
