import { z } from 'zod'
import { route } from './route.ts'

/** An address that can stand in a certificate: ASCII, `local@domain`, at most 254 characters (RFC 5321, 4.5.3.1). */
export const emailAddress = z.string().min(3).max(254)

/** One person who can sign in at the embedded issuer. */
export const person = z.strictObject({
  /** The token's `sub`: opaque, and the same for as long as the person stays. */
  sub: z.string(),
  email: z.string(),
  /** RFC 3339. */
  since: z.string(),
})

/** One person who can sign in at the embedded issuer. */
export type Person = z.infer<typeof person>

/** An invitation as it is shown, once, to whoever asked for it. */
export const invitation = z.strictObject({
  email: z.string(),
  /** The page that takes the code. Holds no secret. */
  link: z.string(),
  /** The secret half, typed into that page. Stored hashed; cannot be shown again. */
  code: z.string(),
  /** RFC 3339; one hour after the invitation was made. */
  expires: z.string(),
})

/** An invitation as it is shown, once, to whoever asked for it. */
export type Invitation = z.infer<typeof invitation>

/** Makes a one-hour, single-use invitation. A person who is known already gets a new browser session by it, nothing else. */
export const invitePersonRoute = route({
  id: 'invitePerson',
  method: 'POST',
  path: '/admin/people/invitations',
  summary: 'Invite a person to sign in: a link and a code, valid once within an hour',
  tag: 'people',
  listeners: ['admin'],
  body: z.strictObject({ email: emailAddress }),
  reply: invitation,
  status: 201,
  maxBodyBytes: 4096,
})

/** Everyone who can sign in at the embedded issuer. */
export const listPeopleRoute = route({
  id: 'listPeople',
  method: 'GET',
  path: '/admin/people',
  summary: 'Everyone who can sign in at the embedded issuer',
  tag: 'people',
  listeners: ['admin'],
  reply: z.strictObject({ people: z.array(person) }),
  status: 200,
  maxBodyBytes: 0,
})

/** Ends browser sessions, grants, refresh tokens and open invitations of one person at once. What was signed stays signed. */
export const removePersonRoute = route({
  id: 'removePerson',
  method: 'POST',
  path: '/admin/people/removals',
  summary: 'Remove a person: every session, grant and refresh token ends at once',
  tag: 'people',
  listeners: ['admin'],
  body: z.strictObject({ email: emailAddress }),
  reply: z.strictObject({ email: z.string() }),
  status: 200,
  maxBodyBytes: 4096,
})

/** What an outside issuer's tokens say: an address (`email`), or a GitHub Actions workflow. */
export const issuerKind = z.enum(['email', 'github-workflow'])

/** One issuer whose tokens this instance takes. */
export const acceptedIssuer = z.strictObject({
  /** Exactly the `iss` of its tokens. */
  url: z.string(),
  kind: issuerKind,
  /** What its tokens must name in `aud`. */
  audience: z.string(),
  /** The issuer that is part of the instance; it cannot be removed. */
  embedded: z.boolean(),
})

/** One issuer whose tokens this instance takes. */
export type AcceptedIssuer = z.infer<typeof acceptedIssuer>

/** The closed list of issuers. */
export const listIssuersRoute = route({
  id: 'listIssuers',
  method: 'GET',
  path: '/admin/issuers',
  summary: 'The issuers whose identity tokens this instance takes',
  tag: 'people',
  listeners: ['admin'],
  reply: z.strictObject({ issuers: z.array(acceptedIssuer) }),
  status: 200,
  maxBodyBytes: 0,
})

/** Accepts tokens of one more issuer. From then on that issuer says who may sign here. Wildcards are not taken. */
export const addIssuerRoute = route({
  id: 'addIssuer',
  method: 'POST',
  path: '/admin/issuers',
  summary: 'Accept the identity tokens of an outside OpenID Connect issuer',
  tag: 'people',
  listeners: ['admin'],
  body: z.strictObject({
    url: z.string().min(1).max(512),
    kind: issuerKind,
    audience: z.string().min(1).max(256).default('sigstore'),
  }),
  reply: acceptedIssuer,
  status: 201,
  maxBodyBytes: 4096,
})

/** Stops accepting tokens of one outside issuer at once. */
export const removeIssuerRoute = route({
  id: 'removeIssuer',
  method: 'POST',
  path: '/admin/issuers/removals',
  summary: 'Stop accepting the identity tokens of an outside issuer',
  tag: 'people',
  listeners: ['admin'],
  body: z.strictObject({ url: z.string().min(1).max(512) }),
  reply: z.strictObject({ url: z.string() }),
  status: 200,
  maxBodyBytes: 4096,
})

/** One line of the audit trail with the values that its leaf only hashes. */
export const auditLine = z.strictObject({
  /** Position in the audit log; absent while the entry is still on its way there. */
  index: z.string().optional(),
  kind: z.string(),
  /** RFC 3339. */
  at: z.string(),
  actor: z.unknown(),
  detail: z.unknown(),
  /** Base64 of the exact leaf. */
  leaf: z.string(),
  /** Base64 of the 32-byte salts; absent where the leaf itself is in the clear. */
  actorSalt: z.string().optional(),
  detailSalt: z.string().optional(),
})

/** One line of the audit trail with the values that its leaf only hashes. */
export type AuditLine = z.infer<typeof auditLine>

/** The audit trail for auditors, newest first. `before` continues where a page ended. */
export const listAuditRoute = route({
  id: 'listAudit',
  method: 'GET',
  path: '/admin/audit',
  summary: 'The audit trail with its values, newest first',
  tag: 'admin',
  listeners: ['admin'],
  query: z.strictObject({
    kind: z.string().max(64).optional(),
    from: z.iso.datetime().optional(),
    until: z.iso.datetime().optional(),
    before: z
      .string()
      .regex(/^\d{1,16}$/)
      .optional(),
    limit: z.coerce.number().int().min(1).max(1000).default(100),
  }),
  reply: z.strictObject({ lines: z.array(auditLine), before: z.string().optional() }),
  status: 200,
  maxBodyBytes: 0,
})
