import type { HttpServer } from '@countersign/platform/http/server.ts'
import { estCaCertificatesRoute, estEnrolRoute, estRenewRoute } from '@countersign/protocol/api/devices.ts'
import type { Certificate } from '@countersign/protocol/x509/certificate.ts'
import { writeCertsOnly } from '@countersign/protocol/x509/certsOnly.ts'
import { enrol, renew } from './enrol.ts'
import type { FleetDeps } from './fleetDeps.ts'

const AUTHORITIES_TYPE = 'application/pkcs7-mime'
const ISSUED_TYPE = 'application/pkcs7-mime; smime-type=certs-only'

/** Mounts enrolment over secure transport (RFC 7030); the server takes the routes that name its listener. */
export function mountEst(server: HttpServer, deps: FleetDeps): void {
  const authorities = deps.issuers.filter(({ name }) => name === 'device-root' || name === 'devices')
  const cacerts = answer(
    authorities.map(({ certificate }) => certificate),
    AUTHORITIES_TYPE,
  )
  server.mount(estCaCertificatesRoute, async () => cacerts)
  server.mount(estEnrolRoute, async ({ headers, body }) => {
    return answer([await enrol(deps, headers.authorization, body)], ISSUED_TYPE)
  })
  server.mount(estRenewRoute, async ({ clientCertificate, body }) => {
    return answer([await renew(deps, { clientCertificate }, body)], ISSUED_TYPE)
  })
}

/** Base64 without line breaks (RFC 8951, 3.1, which corrects RFC 7030): strongSwan reads no other. */
function answer(certificates: readonly Certificate[], mediaType: string) {
  const text = writeCertsOnly(certificates.map(({ raw }) => raw)).toBase64()
  const headers = { 'content-transfer-encoding': 'base64', 'cache-control': 'no-store' }
  return { bytes: text, mediaType, headers }
}
