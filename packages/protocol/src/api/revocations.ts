import { z } from 'zod'
import { sha256Hex, shortName } from './artifacts.ts'
import { publicKeyText } from './certifications.ts'
import { route } from './route.ts'

/** How far a record would reach, before it is written. */
export const reach = z.strictObject({
  /** Active certifications that it would end. */
  certifications: z.number().int(),
  /** Of all active ones. */
  activeCertifications: z.number().int(),
  devices: z.number().int(),
  groups: z.array(z.strictObject({ group: z.string(), devices: z.number().int(), reached: z.number().int() })),
  /** Why the policy's limit keeps an automatic record from being written at once; empty: it does not. */
  above: z.array(z.string()),
})
/** How far a record would reach. */
export type Reach = z.infer<typeof reach>

/** A DSSE envelope whose payload is a revocation record (design 4), as its JSON text. */
const envelopeText = z.string().min(2).max(65_535)

/**
 * Logs a record that is signed already: a validator's own. Above the reach limit it is announced as *inform* and waits
 * for an approver (design 5). The same bytes again: the same answer.
 */
export const addRevocationRoute = route({
  id: 'addRevocation',
  method: 'POST',
  path: '/api/v1/revocations',
  summary: 'Log a validator’s signed revocation record',
  tag: 'revocations',
  listeners: ['https'],
  caller: 'validator',
  body: z.strictObject({
    envelope: envelopeText,
    knownExploited: z.boolean().default(false),
    malware: z.boolean().default(false),
  }),
  reply: z.strictObject({
    state: z.enum(['logged', 'waiting']),
    /** The record's number: its leaf index, decimal. Where `waiting`, that of the announcement. */
    record: z.string(),
    /** Where `waiting`: the request that approvers sign. */
    request: z.string().optional(),
    reach,
  }),
  status: 200,
  maxBodyBytes: 128 * 1024,
})

/** One request for a revocation by hand. */
export const revocationRequest = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{32}$/),
  /** Base64 of the exact payload that approvers sign (PAE of DSSE, payload type as in design 4). */
  payload: z.string(),
  requestedBy: z.string(),
  requestedAt: z.string(),
  state: z.enum(['waiting', 'logged', 'withdrawn']),
  approvals: z.array(z.strictObject({ keyId: z.string(), name: z.string(), at: z.string() })),
  required: z.number().int(),
  reach,
  /** Once logged: the number of the record. */
  record: z.string().optional(),
})
/** One request for a revocation by hand. */
export type RevocationRequest = z.infer<typeof revocationRequest>

/** Asks for a revocation. What is asked becomes exact bytes here; nothing is logged until enough approvers signed them. */
export const requestRevocationRoute = route({
  id: 'requestRevocation',
  method: 'POST',
  path: '/api/v1/revocation-requests',
  summary: 'Ask for a revocation, or see how far it would reach',
  tag: 'revocations',
  listeners: ['https'],
  caller: 'identity',
  body: z.strictObject({
    target: z.discriminatedUnion('scope', [
      z.strictObject({
        scope: z.literal('certifications'),
        authority: sha256Hex,
        numbers: z
          .array(z.string().regex(/^\d{1,19}$/))
          .min(1)
          .max(50_000),
      }),
      z.strictObject({ scope: z.literal('digest'), digest: sha256Hex, blocked: z.boolean().default(false) }),
    ]),
    reason: z.string().min(1).max(512),
    advisories: z.array(z.string().max(128)).max(32).default([]),
    severity: z.enum(['low', 'medium', 'high', 'critical', 'unknown']).default('unknown'),
    action: z.enum(['stop', 'goBack', 'mitigate', 'inform']).default('goBack'),
    replacement: z.string().max(256).optional(),
    /** Only tells the reach. */
    dryRun: z.boolean().default(false),
  }),
  reply: z.strictObject({ request: revocationRequest.optional(), reach }),
  status: 200,
  maxBodyBytes: 2 * 1024 * 1024,
})

/** The requests, newest first; open ones only unless `all`. */
export const listRevocationRequestsRoute = route({
  id: 'listRevocationRequests',
  method: 'GET',
  path: '/api/v1/revocation-requests',
  summary: 'The revocation requests',
  tag: 'revocations',
  listeners: ['https', 'admin'],
  caller: 'identity',
  query: z.strictObject({ all: z.enum(['true', 'false']).default('false') }),
  reply: z.strictObject({ requests: z.array(revocationRequest) }),
  status: 200,
  maxBodyBytes: 0,
})

/**
 * Adds an approver's signature over the exact bytes of a request. Once the policy's count is reached the record is logged,
 * and the answer names its number. The signature says who approves; the bearer of the token only carries it here.
 */
export const approveRevocationRoute = route({
  id: 'approveRevocation',
  method: 'POST',
  path: '/api/v1/revocation-requests/:id/approvals',
  summary: 'Add an approver’s signature to a revocation request',
  tag: 'revocations',
  listeners: ['https'],
  caller: 'identity',
  params: z.strictObject({ id: revocationRequest.shape.id }),
  body: z.strictObject({ keyId: sha256Hex, signature: z.string().min(8).max(1024) }),
  reply: revocationRequest,
  status: 200,
  maxBodyBytes: 8 * 1024,
})

/** Takes the public half of an approver's key into the verification policy. */
export const addApproverRoute = route({
  id: 'addApprover',
  method: 'POST',
  path: '/admin/approvers',
  summary: 'Take an approver’s public key into the verification policy',
  tag: 'admin',
  listeners: ['admin'],
  body: z.strictObject({
    name: shortName,
    publicKey: publicKeyText,
    scopes: z
      .array(z.enum(['certifications', 'digest', 'certificate', 'identity']))
      .min(1)
      .max(4),
  }),
  reply: z.strictObject({ name: z.string(), keyId: z.string(), policySha256: z.string() }),
  status: 201,
  maxBodyBytes: 16 * 1024,
})

/**
 * News of the revocation log as server-sent events, without end. Each event: `id:` the log's size, `event: checkpoint`,
 * `data:` JSON {"checkpoint": signed note, "from": first index in decimal digits, "entries": [base64]}; entries up to 4 KB in all, else none.
 * It has no authority: what it says is verified like what is polled. `Last-Event-ID` resumes. A comment every 15 s.
 * `event: check-in`, `data:` {"withinMs"}: something was released or assigned, and a device may check in at random within that time.
 */
export const feedEventsRoute = route({
  id: 'followRevocations',
  method: 'GET',
  path: '/:environment/revocations/events',
  summary: 'News of the revocation log as server-sent events',
  tag: 'revocations',
  listeners: ['https', 'http'],
  params: z.strictObject({ environment: z.enum(['development', 'production']) }),
  reply: { mediaTypes: ['text/event-stream'], stream: true },
  status: 200,
  maxBodyBytes: 0,
})

/** Every route about revocation. */
export const revocationRoutes = [
  addRevocationRoute,
  requestRevocationRoute,
  listRevocationRequestsRoute,
  approveRevocationRoute,
  addApproverRoute,
  feedEventsRoute,
] as const
