import { createPublicKey, type KeyObject } from 'node:crypto'
import { estCaCertificatesRoute, estEnrolRoute, estRenewRoute } from '@countersign/protocol/api/devices.ts'
import type { Route } from '@countersign/protocol/api/route.ts'
import { equalBytes } from '@countersign/protocol/json/base64.ts'
import { type Certificate, parsePemCertificates, toPem } from '@countersign/protocol/x509/certificate.ts'
import { readCertsOnly } from '@countersign/protocol/x509/certsOnly.ts'
import { signCertificateRequest } from '@countersign/protocol/x509/csr.ts'
import { verifyChain } from '@countersign/protocol/x509/verifyChain.ts'
import type { BoundedReply } from '../anchors/httpExchange.ts'
import { type TlsTrust, trustedRequest } from '../anchors/trustedRequest.ts'
import { type Clock, systemClock } from '../clock/clock.ts'
import { addressOf, callFailure, refusal } from './call.ts'
import { callsError } from './errors.ts'

/** What both operations need. */
export interface EstRequest {
  /** The instance's public URL. */
  readonly url: string
  readonly deviceRootPem: string
  /** The device's or validator's name, as in its ticket. */
  readonly name: string
  /** The key that is to be certified: P-256. It stays where it is. */
  readonly privateKey: KeyObject
  /** By which the answer must be valid; the system's where not given. */
  readonly clock?: Clock
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** A client certificate of the device root. */
export interface ClientCertificate {
  /** The leaf, then the issuing authority. */
  readonly certificatePem: string
  readonly notAfter: Date
}

const MAX_BYTES = 512 * 1024
const TIMEOUT_MS = 30_000

/**
 * Gets a first client certificate for a ticket's one-time secret (RFC 7030, 4.2.1). The secret is sent only after TLS has
 * verified the server. With the same key it may be repeated until the answer arrived: it is the same certificate.
 * Throws `calls.*`, `x509.*`, and the server's own refusals (`fleet.*`).
 */
export function enrol(request: EstRequest & { readonly secret: string }): Promise<ClientCertificate> {
  const basic = Buffer.from(`${request.name}:${request.secret}`).toString('base64')
  return obtain(request, estEnrolRoute, { deviceRoot: request.deviceRootPem }, { authorization: `Basic ${basic}` })
}

/**
 * Gets the next client certificate, for the same or a new key, under mutual TLS with the `current` one, which counts for
 * a while longer (RFC 7030, 4.2.2). May be repeated. Throws what `enrol` throws.
 */
export function renew(
  request: EstRequest & { readonly current: { readonly certificatePem: string; readonly privateKeyPem: string } },
): Promise<ClientCertificate> {
  return obtain(request, estRenewRoute, { deviceRoot: request.deviceRootPem, client: request.current }, {})
}

async function obtain(
  request: EstRequest,
  route: typeof estEnrolRoute | typeof estRenewRoute,
  trust: TlsTrust,
  headers: Readonly<Record<string, string>>,
): Promise<ClientCertificate> {
  const authorities = await ask(request, estCaCertificatesRoute, trust, {})
  const wanted = signCertificateRequest(request.privateKey)
  const [leaf] = await ask(request, route, trust, headers, wanted)
  return checkAnswer(request, leaf as Certificate, authorities)
}

/** The certificate must be for our key and name, and lead to the device root. The server is trusted for nothing here. */
function checkAnswer(request: EstRequest, leaf: Certificate, authorities: readonly Certificate[]): ClientCertificate {
  const spki = createPublicKey(request.privateKey).export({ type: 'spki', format: 'der' })
  if (!equalBytes(leaf.spki, spki)) throw callsError('calls.bad-answer', 'the certificate is for another key')
  const names = leaf.subjectAltNames.map(({ value }) => String(value))
  if (names.length !== 1 || !names[0]?.endsWith(`/${request.name}`)) {
    throw callsError('calls.bad-answer', 'the certificate is for another name')
  }
  const [, issuing] = verifyChain({
    leaf,
    intermediates: authorities,
    anchors: parsePemCertificates(request.deviceRootPem),
    at: (request.clock ?? systemClock).now(),
    purpose: 'clientAuth',
  })
  const above = issuing === undefined ? '' : toPem(issuing.raw)
  return { certificatePem: toPem(leaf.raw) + above, notAfter: leaf.notAfter }
}

async function ask(
  request: EstRequest,
  route: Route,
  trust: TlsTrust,
  headers: Readonly<Record<string, string>>,
  pkcs10?: Uint8Array,
): Promise<Certificate[]> {
  const { url, timeoutMs = TIMEOUT_MS, signal } = request
  // RFC 7030 carries everything as base64 and says so in a header (RFC 8951 takes the header as read).
  const body = pkcs10 && new Uint8Array(Buffer.from(pkcs10.toBase64()))
  const sending = body && { 'content-type': 'application/pkcs10', 'content-transfer-encoding': 'base64' }
  const reply = await trustedRequest(
    {
      url: addressOf({ url, trust }, route, {}),
      method: route.method,
      headers: { ...headers, ...sending },
      ...(body && { body }),
      ...(signal && { signal }),
      maxBytes: MAX_BYTES,
      timeoutMs,
      fail: callFailure,
    },
    trust,
  )
  if (reply.status !== route.status) throw refusal(route, reply)
  return readCertsOnly(decode(route, reply))
}

function decode(route: Route, { bytes }: BoundedReply): Uint8Array {
  try {
    // Skips white space, as the line breaks of RFC 2045 need.
    return Uint8Array.fromBase64(Buffer.from(bytes).toString('latin1'))
  } catch (cause) {
    throw callsError('calls.bad-answer', `${route.id} did not answer base64`, { cause })
  }
}
