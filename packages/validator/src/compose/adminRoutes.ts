import { validatorStatus } from '@countersign/protocol/api/artifacts.ts'
import { route } from '@countersign/protocol/api/route.ts'
import { z } from 'zod'

/** What every local operation has in common: only the validator's own user can open the socket. */
const local = { tag: 'admin', listeners: ['admin'], status: 200 } as const

/** A change of the advisories that waits for a person. */
export const heldChange = z.strictObject({
  id: z.string().max(128),
  /** Why it waits. */
  reason: z.string(),
  changed: z.number().int(),
  heldAt: z.string(),
})

/** What an import brought. */
export const importReport = z.strictObject({
  /** The advisory state that it left. */
  state: z.number().int(),
  records: z.number().int(),
  changed: z.number().int(),
  refused: z.array(z.strictObject({ name: z.string(), code: z.string(), message: z.string() })),
  sample: z.boolean(),
  held: heldChange.optional(),
})

/** How a validator is, for its operator. */
export const localStatus = z.strictObject({
  name: z.string(),
  subject: z.string(),
  url: z.string(),
  environment: z.enum(['development', 'production']),
  startedAt: z.string(),
  clientCertificate: z.strictObject({ notAfter: z.string() }),
  /** What it last told the instance, or is about to. */
  told: validatorStatus,
  submissions: z.record(z.string(), z.number().int()),
  certifications: z.record(z.string(), z.number().int()),
  jobs: z.array(
    z.strictObject({ name: z.string(), lastRunAt: z.string().optional(), lastError: z.string().optional() }),
  ),
})
/** How a validator is, for its operator. */
export type LocalStatus = z.infer<typeof localStatus>

/** How the validator is. */
export const localStatusRoute = route({
  ...local,
  id: 'validatorStatus',
  method: 'GET',
  path: '/status',
  summary: 'Advisory data, protections, work and what needs attention',
  reply: localStatus,
  maxBodyBytes: 0,
})

/**
 * Takes over advisories. Answers once what they end is with the instance, or after half a minute without that: then `ended`
 * is absent, and what they end follows as soon as the instance can be reached.
 */
export const importAdvisoriesRoute = route({
  ...local,
  id: 'importAdvisories',
  method: 'POST',
  path: '/advisories/imports',
  summary: 'Take over OSV records from a folder, a zip file or an address',
  body: z.strictObject({
    source: z.string().min(1).max(4096),
    /** Plain HTTP also from another machine. */
    allowPlainHttp: z.boolean().default(false),
  }),
  reply: importReport.extend({
    /** When the request came in, RFC 3339 with milliseconds. */
    receivedAt: z.string(),
    /** Certification numbers, decimal. */
    ended: z.array(z.string()).optional(),
    /** Those that would end above the reach limit: approvers decide. Absent where there are none. */
    waiting: z.array(z.string()).optional(),
  }),
  maxBodyBytes: 8192,
})

/** Fetches again what the imported addresses have changed. */
export const syncAdvisoriesRoute = route({
  ...local,
  id: 'syncAdvisories',
  method: 'POST',
  path: '/advisories/syncs',
  summary: 'Fetch what has changed',
  reply: z.strictObject({ reports: z.array(importReport) }),
  maxBodyBytes: 0,
})

/** The changes that wait for a person. */
export const listHeldRoute = route({
  ...local,
  id: 'listHeld',
  method: 'GET',
  path: '/advisories/held',
  summary: 'Changes that wait for a person',
  reply: z.strictObject({ held: z.array(heldChange) }),
  maxBodyBytes: 0,
})

/** Lets a held change take effect, or throws it away. */
export const settleHeldRoute = route({
  ...local,
  id: 'settleHeld',
  method: 'POST',
  path: '/advisories/held/:id',
  summary: 'Release or discard a held change',
  params: z.strictObject({ id: z.string().min(1).max(128) }),
  body: z.strictObject({ do: z.enum(['release', 'discard']) }),
  reply: z.strictObject({ state: z.number().int() }),
  maxBodyBytes: 1024,
})

/** The certification policy, as its exact text. */
export const getCertificationPolicyRoute = route({
  ...local,
  id: 'getCertificationPolicy',
  method: 'GET',
  path: '/policy',
  summary: 'The certification policy',
  reply: z.strictObject({ policy: z.string(), sha256: z.string() }),
  maxBodyBytes: 0,
})

/** Certifies by another policy from now on. One that does not parse changes nothing. */
export const setCertificationPolicyRoute = route({
  ...local,
  id: 'setCertificationPolicy',
  method: 'PUT',
  path: '/policy',
  summary: 'Certify by another policy',
  body: z.strictObject({ policy: z.string().max(256 * 1024) }),
  reply: z.strictObject({ sha256: z.string() }),
  maxBodyBytes: 300 * 1024,
})

/** The newest submissions. */
export const listSubmissionsRoute = route({
  ...local,
  id: 'listSubmissions',
  method: 'GET',
  path: '/submissions',
  summary: 'The newest submissions with verdict and decision',
  query: z.strictObject({ limit: z.coerce.number().int().min(1).max(1000).default(50) }),
  reply: z.strictObject({
    submissions: z.array(
      z.strictObject({
        id: z.string(),
        sha256: z.string(),
        name: z.string(),
        product: z.string().optional(),
        version: z.string().optional(),
        stage: z.string(),
        verdict: z.string().optional(),
        decision: z.string().optional(),
        reasons: z.array(z.string()),
        number: z.string().optional(),
        /** What the operator decided where the policy asked. */
        operator: z.strictObject({ does: z.string(), by: z.string(), why: z.string(), at: z.string() }).optional(),
        submittedAt: z.string(),
      }),
    ),
  }),
  maxBodyBytes: 0,
})

const words = (max: number) =>
  z
    .string()
    .regex(/^[^\p{Cc}]+$/u)
    .max(max)

/** Decides about a submission where the certification policy asks. The work goes on from there by itself. */
export const decideSubmissionRoute = route({
  ...local,
  id: 'decideSubmission',
  method: 'POST',
  path: '/submissions/:id/decisions',
  summary: 'Decide about a submission that waits for the operator',
  params: z.strictObject({ id: z.string().min(1).max(128) }),
  body: z.strictObject({ does: z.enum(['certify', 'refuse']), by: words(128), why: words(512) }),
  reply: z.strictObject({
    stage: z.string(),
    decision: z.string(),
    reasons: z.array(z.string()),
    /** The advisory state that it was decided over in the end. */
    state: z.number().int(),
  }),
  maxBodyBytes: 4096,
})
