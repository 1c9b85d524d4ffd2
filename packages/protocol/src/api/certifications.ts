import { z } from 'zod'
import { sha256Hex, shortName } from './artifacts.ts'
import { route } from './route.ts'

/** A public key: base64 of its DER SubjectPublicKeyInfo. */
export const publicKeyText = z
  .string()
  .regex(/^[A-Za-z0-9+/]{40,}={0,2}$/)
  .max(8192)

/**
 * Issues the one certificate of one certification (design 1). `publicKey` is a fresh P-256 key that was used already and
 * is gone; `proofOfPossession` is its signature over `certificationProof` (protocol/statement). The same key and digests
 * again: the same certificate, so a validator that crashed goes on where it was. Another request with a known key is refused.
 */
export const issueCertificationRoute = route({
  id: 'issueCertification',
  method: 'POST',
  path: '/api/v1/certifications',
  summary: 'Issue the certificate of one certification, under a new certification number',
  tag: 'certifications',
  listeners: ['https'],
  caller: 'validator',
  body: z.strictObject({
    publicKey: publicKeyText,
    proofOfPossession: z.string().min(8).max(1024),
    sha256: sha256Hex,
    /** RFC 3339 with whole seconds; at most 400 days from now, and not in the past. */
    notAfter: z.string().max(32),
  }),
  reply: z.strictObject({
    /** Key id of the issuing CA. */
    authority: z.string(),
    /** Decimal. */
    number: z.string(),
    /** PEM, the leaf first, the root last. */
    certificates: z.array(z.string()),
  }),
  status: 200,
  maxBodyBytes: 16 * 1024,
})

/**
 * Names the key that signs the calling validator's revocations. The first one is taken into the verification policy at
 * once, for the scope certifications of this validator only; another key later is an operator's business.
 */
export const putRevokerKeyRoute = route({
  id: 'putRevokerKey',
  method: 'PUT',
  path: '/api/v1/validators/self/revoker-key',
  summary: 'Name the key that signs the calling validator’s revocations',
  tag: 'certifications',
  listeners: ['https'],
  caller: 'validator',
  body: z.strictObject({ publicKey: publicKeyText }),
  reply: z.strictObject({ name: z.string(), keyId: z.string(), authority: z.string() }),
  status: 200,
  maxBodyBytes: 16 * 1024,
})

/** Lets a validator enrol: a ticket with a one-time secret. Takes it into the verification policy under its identity. */
export const addValidatorRoute = route({
  id: 'addValidator',
  method: 'POST',
  path: '/admin/validators',
  summary: 'Let a validator enrol, and trust its certifications',
  tag: 'admin',
  listeners: ['admin'],
  body: z.strictObject({
    name: shortName,
    validityHours: z.number().int().min(1).max(8760).default(24),
    /** Whether another operator than the instance's runs it; said in each of its certificates. */
    otherOperator: z.boolean().default(true),
  }),
  reply: z.strictObject({ name: z.string(), ticket: z.string(), expires: z.string() }),
  status: 201,
  maxBodyBytes: 4096,
})

/** Every validator of the instance. */
export const listValidatorsRoute = route({
  id: 'listValidators',
  method: 'GET',
  path: '/admin/validators',
  summary: 'The validators of this instance',
  tag: 'admin',
  listeners: ['admin'],
  reply: z.strictObject({
    validators: z.array(
      z.strictObject({
        name: z.string(),
        subject: z.string(),
        otherOperator: z.boolean(),
        state: z.enum(['invited', 'enrolled', 'removed']),
        lastSeenAt: z.string().optional(),
        revokerKeyId: z.string().optional(),
      }),
    ),
  }),
  status: 200,
  maxBodyBytes: 0,
})

/** A validator certifies no more; what it certified stays until it is revoked. Takes it out of the verification policy. */
export const removeValidatorRoute = route({
  id: 'removeValidator',
  method: 'POST',
  path: '/admin/validators/removals',
  summary: 'Trust a validator no longer',
  tag: 'admin',
  listeners: ['admin'],
  body: z.strictObject({ name: shortName }),
  reply: z.strictObject({ name: z.string() }),
  status: 200,
  maxBodyBytes: 4096,
})

/** Every route about certifying. */
export const certificationRoutes = [
  issueCertificationRoute,
  putRevokerKeyRoute,
  addValidatorRoute,
  listValidatorsRoute,
  removeValidatorRoute,
] as const
