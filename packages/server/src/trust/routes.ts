import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import type { RawReply } from '@countersign/platform/http/reply.ts'
import type { HttpServer } from '@countersign/platform/http/server.ts'
import { tufFileRoute } from '@countersign/protocol/api/anchors.ts'
import {
  authorityConfigurationRoute,
  issuerCertificateRoute,
  revocationListRoute,
  signingCertificateRoute,
  type TokenIssuer,
  trustBundleRoute,
} from '@countersign/protocol/api/authority.ts'
import { issueCertificationRoute } from '@countersign/protocol/api/certifications.ts'
import { timestampChainRoute, timestampRoute } from '@countersign/protocol/api/timestamps.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
import { TUF_FOLDER } from './anchors/readRepository.ts'
import type { CertifyingValidator } from './authority/certificationProfile.ts'
import { type CertificationAuthority, issueCertification } from './authority/issueCertification.ts'
import { type IdentityAuthority, issueIdentityCertificate } from './authority/issueIdentityCertificate.ts'
import type { IssuerCertificate } from './authority/issuers.ts'
import { trustError } from './errors.ts'
import { crlBlobKey } from './revocation/publishCrls.ts'
import { readTimestampRequest, stamp, type TimestampAuthority, timestampChainPem } from './timestamping/stamp.ts'

/**
 * Which validator called: proved by its client certificate, and still one of this instance's. Throws where none is. It
 * comes from `fleet`, which knows the devices and validators and is later in the order of imports.
 */
export type ValidatorOf = (request: {
  readonly clientCertificate: Uint8Array | undefined
}) => Promise<CertifyingValidator>

/** What the routes of this folder serve. */
export interface TrustRoutesDeps {
  readonly authority: IdentityAuthority
  readonly certifications: CertificationAuthority
  readonly validatorOf: ValidatorOf
  readonly timestamps: TimestampAuthority
  readonly blobs: Blobs
  /** Every issuer certificate; roots and retired generations too. */
  readonly issuers: readonly IssuerCertificate[]
  /** The accepted issuers of identity tokens, as `GET /api/v2/configuration` names them. */
  tokenIssuers(): readonly TokenIssuer[]
}

/** How long caches may keep what is replaced at the same address. */
const SHORT_CACHE = { 'cache-control': 'public, max-age=60' }
/** What has its content's hash or version in its name never changes. */
const LONG_CACHE = { 'cache-control': 'public, max-age=31536000, immutable' }

/** Mounts everything of this folder; each server takes the routes that name its listener. */
export function mountTrust(servers: readonly HttpServer[], deps: TrustRoutesDeps): void {
  for (const server of servers) {
    mountAuthority(server, deps)
    mountTimestamps(server, deps)
    mountFiles(server, deps)
  }
}

function mountAuthority(server: HttpServer, deps: TrustRoutesDeps): void {
  const { authority, certifications, validatorOf, issuers, tokenIssuers } = deps
  server.mount(issueCertificationRoute, async (request) => {
    const { number, ...issued } = await issueCertification(certifications, await validatorOf(request), request.body)
    return { ...issued, number: number.toString() }
  })
  server.mount(signingCertificateRoute, async ({ body, headers }) => {
    const certificates = await issueIdentityCertificate(authority, { body, authorization: headers.authorization })
    return { signedCertificateEmbeddedSct: { chain: { certificates } } }
  })
  server.mount(trustBundleRoute, async () => {
    const identities = issuers.filter(({ name }) => name === 'identities')
    return { chains: identities.map(({ chain }) => ({ certificates: chain.map(({ raw }) => toPem(raw)) })) }
  })
  server.mount(authorityConfigurationRoute, async () => ({ issuers: [...tokenIssuers()] }))
}

function mountTimestamps(server: HttpServer, { timestamps }: TrustRoutesDeps): void {
  server.mount(timestampRoute, async ({ body, mediaType }) => {
    const request = readTimestampRequest(body, mediaType)
    return { bytes: await stamp(timestamps, request), mediaType: 'application/timestamp-reply' }
  })
  const chain = timestampChainPem(timestamps)
  server.mount(timestampChainRoute, async () => ({ bytes: chain, mediaType: 'application/pem-certificate-chain' }))
}

function mountFiles(server: HttpServer, { blobs, issuers }: TrustRoutesDeps): void {
  const certificates = new Map(issuers.map(({ keyId, certificate }) => [`${keyId}.cer`, certificate.raw]))
  server.mount(issuerCertificateRoute, async ({ params }) => {
    const bytes = certificates.get(params.file)
    if (bytes === undefined) throw trustError('trust.not-found', 'this instance has no such issuer')
    return { bytes, mediaType: 'application/pkix-cert', headers: SHORT_CACHE }
  })
  server.mount(revocationListRoute, async ({ params }) => {
    const shard = /^(0|[1-9][0-9]{0,4})\.crl$/.exec(params.file)?.[1]
    const known = /^[0-9a-f]{64}$/.test(params.keyId) && shard !== undefined
    return serve(blobs, known ? crlBlobKey(params.keyId, shard) : undefined, 'application/pkix-crl', SHORT_CACHE)
  })
  server.mount(tufFileRoute, async ({ params }) => {
    const path = params['*']
    const mediaType = path.startsWith('targets/') ? 'application/octet-stream' : 'application/json'
    return serve(blobs, TUF_FOLDER + path, mediaType, path === 'timestamp.json' ? SHORT_CACHE : LONG_CACHE)
  })
}

async function serve(
  blobs: Blobs,
  key: string | undefined,
  mediaType: string,
  headers: Readonly<Record<string, string>>,
): Promise<RawReply> {
  const bytes = key === undefined ? undefined : await getUnlessMalformed(blobs, key)
  if (bytes === undefined) throw trustError('trust.not-found', 'there is no such file')
  return { bytes, mediaType, headers }
}

async function getUnlessMalformed(blobs: Blobs, key: string): Promise<Uint8Array | undefined> {
  try {
    return await blobs.get(key)
  } catch (error) {
    if (hasCode(error, 'blobs.bad-key')) return undefined
    throw error
  }
}
