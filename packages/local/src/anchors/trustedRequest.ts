import { Buffer } from 'node:buffer'
import { boundedRequest } from './boundedRequest.ts'
import type { BoundedReply, BoundedRequest, ClientCredentials, StreamedReply, StreamedRequest } from './httpExchange.ts'
import { streamedRequest } from './streamedRequest.ts'

/** The device root (PEM) that an instance's own TLS certificate chains to, and who the caller is. */
export interface TlsTrust {
  readonly deviceRoot: string
  /** The caller's client certificate, where it has one. Shown only to a server that was verified. */
  readonly client?: ClientCredentials
  /**
   * Whoever answers is heard, and is shown no client certificate: for a question whose answer proves itself, such as for the
   * time, by which TLS judges certificates. Everything else that is asked over such a connection is worth nothing.
   */
  readonly anyServer?: boolean
}

/** Hosts whose operator brought a certificate of a public authority, as seen by this process. */
const withPublicCertificate = new Set<string>()

/** The trust of one verified anchor. */
export function tlsTrust(anchors: { target(name: 'device_root.pem'): Uint8Array }): TlsTrust {
  return { deviceRoot: Buffer.from(anchors.target('device_root.pem')).toString() }
}

/**
 * `boundedRequest` that trusts the instance's device root, and the system's roots where the operator brought a certificate
 * with `--tls-cert`. The device root is tried alone first, so an instance with its own certificate is not open to every
 * public authority's mistakes unless its host is taken over as well. Plain http passes through.
 */
export function trustedRequest(request: BoundedRequest, trust: TlsTrust): Promise<BoundedReply> {
  return withTrust(request, trust, boundedRequest)
}

/** `streamedRequest` with the same trust. Where the device root does not do, the body is opened a second time. */
export function trustedStream(request: StreamedRequest, trust: TlsTrust): Promise<StreamedReply> {
  return withTrust(request, trust, streamedRequest)
}

async function withTrust<Request extends Pick<BoundedRequest, 'url' | 'fail' | 'ca' | 'anyServer' | 'client'>, Reply>(
  asked: Request,
  { deviceRoot, client, anyServer }: TlsTrust,
  send: (request: Request) => Promise<Reply>,
): Promise<Reply> {
  const { protocol, host } = new URL(asked.url)
  if (protocol !== 'https:') return send(asked)
  if (anyServer) return send({ ...asked, anyServer })
  const request = client === undefined ? asked : { ...asked, client }
  if (withPublicCertificate.has(host)) return send(request)
  let isUntrusted = false
  const fail: BoundedRequest['fail'] = (failure, message, cause) => {
    isUntrusted = failure === 'untrusted'
    return request.fail(failure, message, cause)
  }
  try {
    return await send({ ...request, fail, ca: [deviceRoot] })
  } catch (error) {
    if (!isUntrusted) throw error
    const reply = await send(request)
    withPublicCertificate.add(host)
    return reply
  }
}
