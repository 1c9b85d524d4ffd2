import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { callInstance } from '../support/callInstance.ts'

/** A copy of a log with one byte changed. */
export interface FlippedLog {
  readonly url: string
  /** The file in which the byte was changed, once somebody has read it. */
  changed(): string | undefined
  close(): void
}

/** In a tile its first hash, in an entry bundle the first entry, in a data tile what its first leaf hash covers (it does not cover all). */
const changedByte = 20

/**
 * Serves a log as it is, but changes one byte of the first file whose path fits `pattern`.
 * Only the loopback address is asked, and only this log.
 */
export async function serveFlipped(logUrl: string, pattern: RegExp, ca: string): Promise<FlippedLog> {
  let changed: string | undefined
  const server = createServer((request, response) => {
    const name = request.url ?? '/'
    callInstance(`${logUrl}${name}`, { ca }).then(
      ({ status, bytes }) => {
        if (status === 200 && pattern.test(name) && (changed === undefined || changed === name)) {
          changed = name
          bytes[changedByte] = (bytes[changedByte] ?? 0) ^ 1
        }
        response.writeHead(status).end(bytes)
      },
      () => response.writeHead(502).end(),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    changed: () => changed,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
