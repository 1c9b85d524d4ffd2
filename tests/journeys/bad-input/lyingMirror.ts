import { once } from 'node:events'
import { createServer } from 'node:http'
import { callInstance } from '../../support/callInstance.ts'

/** Changes what is served; undefined: withholds it. */
export type Lie = (bytes: Buffer) => Uint8Array | undefined

/** A server in front of a plain listener, under its address. It passes everything on as it is, until it is told to lie. */
export interface LyingMirror {
  /** Lies about every path that fits `about` while `work` runs. Rejects where nobody asked for one. */
  whileLying<Result>(about: RegExp, lie: Lie, work: () => Promise<Result>): Promise<Result>
  close(): void
}

/** Opens the mirror at `port` of the loopback address, in front of `upstreamPort`. */
export async function openLyingMirror(port: number, upstreamPort: number): Promise<LyingMirror> {
  let current: { readonly about: RegExp; readonly lie: Lie; told: number } | undefined
  const server = createServer((request, response) => {
    const name = request.url ?? '/'
    callInstance(`http://127.0.0.1:${upstreamPort}${name}`).then(
      ({ status, headers, bytes }) => {
        const lies = status === 200 && current?.about.test(name)
        if (lies && current) current.told += 1
        const { date, 'content-type': type = 'application/octet-stream' } = headers
        const served = lies && current ? current.lie(bytes) : bytes
        response.writeHead(served ? status : 404, { 'content-type': type, ...(date && { date }) })
        response.end(served)
      },
      () => response.writeHead(502).end(),
    )
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    async whileLying(about, lie, work) {
      const told = { about, lie, told: 0 }
      current = told
      try {
        const result = await work()
        if (told.told === 0) throw new Error(`nobody asked the mirror for ${about}`)
        return result
      } finally {
        current = undefined
      }
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** One bit of one byte changed, in the middle where nothing else is said. */
export function changeByte(bytes: Uint8Array, at = Math.floor(bytes.length / 2)): Uint8Array {
  return Uint8Array.from(bytes, (byte, index) => (index === at ? byte ^ 1 : byte))
}
