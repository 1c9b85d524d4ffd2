import { z } from 'zod'
import { route } from './route.ts'

/** PEM certificates of one chain: the subject first, every issuer after what it issued, the root last. */
const certificateChain = z.strictObject({ certificates: z.array(z.string()) })

/**
 * The body of `POST /api/v2/signingCert` as Fulcio v2 defines it (proto-JSON, camelCase).
 * The token comes either in `credentials` or as `Authorization: Bearer`; the key either as `publicKeyRequest`
 * or inside `certificateSigningRequest`, which is base64 of a PEM PKCS#10. `algorithm` is ignored, as upstream.
 */
export const signingCertificateBody = z.strictObject({
  credentials: z.strictObject({ oidcIdentityToken: z.string().min(1).max(16_384) }).optional(),
  publicKeyRequest: z
    .strictObject({
      publicKey: z.strictObject({ algorithm: z.string().max(64).optional(), content: z.string().min(1).max(4096) }),
      proofOfPossession: z.string().min(1).max(2048),
    })
    .optional(),
  certificateSigningRequest: z.string().min(1).max(16_384).optional(),
})

/** What a client asks of the identity authority. */
export type SigningCertificateBody = z.infer<typeof signingCertificateBody>

/** The answer; always the variant with the SCT inside the certificate, the only one that verifies offline later. */
export const signingCertificateReply = z.strictObject({
  signedCertificateEmbeddedSct: z.strictObject({ chain: certificateChain }),
})

/** Issues a 10-minute identity certificate. Status exactly 200: sigstore-go takes no other. */
export const signingCertificateRoute = route({
  id: 'createSigningCertificate',
  method: 'POST',
  path: '/api/v2/signingCert',
  summary: 'Issue a short-lived certificate for the key and the identity of the caller (Fulcio v2)',
  tag: 'authority',
  listeners: ['https'],
  body: signingCertificateBody,
  reply: signingCertificateReply,
  status: 200,
  maxBodyBytes: 65_536,
})

/** The chains that identity certificates verify against. */
export const trustBundleRoute = route({
  id: 'getTrustBundle',
  method: 'GET',
  path: '/api/v2/trustBundle',
  summary: 'The issuing chains of the identity authority (Fulcio v2)',
  tag: 'authority',
  listeners: ['https'],
  reply: z.strictObject({ chains: z.array(certificateChain) }),
  status: 200,
  maxBodyBytes: 0,
})

/** One accepted issuer of identity tokens. */
export const tokenIssuer = z.strictObject({
  issuerUrl: z.string(),
  audience: z.string(),
  challengeClaim: z.string(),
  issuerType: z.string(),
})

/** One accepted issuer of identity tokens, as the configuration names it. */
export type TokenIssuer = z.infer<typeof tokenIssuer>

/** The issuers whose tokens the identity authority takes. */
export const authorityConfigurationRoute = route({
  id: 'getAuthorityConfiguration',
  method: 'GET',
  path: '/api/v2/configuration',
  summary: 'The accepted issuers of identity tokens (Fulcio v2)',
  tag: 'authority',
  listeners: ['https'],
  reply: z.strictObject({ issuers: z.array(tokenIssuer) }),
  status: 200,
  maxBodyBytes: 0,
})

/** One certificate revocation list, `<shard>.crl`; the address stands in every certificate of that shard. */
export const revocationListRoute = route({
  id: 'getRevocationList',
  method: 'GET',
  path: '/crl/:keyId/:file',
  summary: 'A certificate revocation list of one issuer and shard (RFC 5280, DER)',
  tag: 'authority',
  listeners: ['http'],
  params: z.strictObject({ keyId: z.string().max(64), file: z.string().max(32) }),
  reply: { mediaTypes: ['application/pkix-crl'] },
  status: 200,
  maxBodyBytes: 0,
})

/** The certificate of one issuer, `<key id>.cer`; the address stands in every certificate it issued. */
export const issuerCertificateRoute = route({
  id: 'getIssuerCertificate',
  method: 'GET',
  path: '/issuer/:file',
  summary: 'The certificate of one issuer (DER)',
  tag: 'authority',
  listeners: ['http'],
  params: z.strictObject({ file: z.string().max(80) }),
  reply: { mediaTypes: ['application/pkix-cert'] },
  status: 200,
  maxBodyBytes: 0,
})

/** Every route of the authority. */
export const authorityRoutes = [
  signingCertificateRoute,
  trustBundleRoute,
  authorityConfigurationRoute,
  revocationListRoute,
  issuerCertificateRoute,
] as const
