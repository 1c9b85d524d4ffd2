import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/** One copy a connection: asking TLS makes a new one each time. */
const known = new WeakMap<Socket, Uint8Array>()

/**
 * DER of the certificate that the other end proved to hold, where TLS verified its chain, purpose and time. A resumed
 * session carries both from the handshake that it resumes, so whether the certificate still counts is for the caller to ask.
 */
export function clientCertificateOf(socket: Socket): Uint8Array | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined
  const found = known.get(socket)
  if (found !== undefined) return found
  // Without a certificate TLS 1.3 calls a resumed session verified as well.
  const presented = socket.getPeerX509Certificate()?.raw
  if (presented === undefined) return undefined
  const der = new Uint8Array(presented)
  known.set(socket, der)
  return der
}
