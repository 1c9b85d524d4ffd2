import { Buffer } from 'node:buffer'
import { type BoundedReply, type BoundedRequest, boundedRequest } from './boundedRequest.ts'

/** The device root (PEM) that an instance's own TLS certificate chains to. */
export interface TlsTrust {
  readonly deviceRoot: string
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
export async function trustedRequest(request: BoundedRequest, trust: TlsTrust): Promise<BoundedReply> {
  const { protocol, host } = new URL(request.url)
  if (protocol !== 'https:' || withPublicCertificate.has(host)) return boundedRequest(request)
  let isUntrusted = false
  const fail: BoundedRequest['fail'] = (failure, message, cause) => {
    isUntrusted = failure === 'untrusted'
    return request.fail(failure, message, cause)
  }
  try {
    return await boundedRequest({ ...request, fail, ca: [trust.deviceRoot] })
  } catch (error) {
    if (!isUntrusted) throw error
    const reply = await boundedRequest(request)
    withPublicCertificate.add(host)
    return reply
  }
}
