import { z } from 'zod'
import { advisoryState } from './artifacts.ts'
import { route } from './route.ts'

/** One log as `status` shows it. */
export const logStatus = z.strictObject({
  name: z.enum(['artifacts', 'certificates', 'revocations', 'audit']),
  origin: z.string(),
  /** Decimal, because it can pass 2^53. */
  size: z.string(),
  /** Base64 root hash of the newest checkpoint. */
  root: z.string(),
})

/** One certificate or signed document that ends, and when. */
export const expiryStatus = z.strictObject({ name: z.string(), notAfter: z.string() })

/** One scheduled piece of work. */
export const jobStatus = z.strictObject({
  name: z.string(),
  lastRunAt: z.string().optional(),
  lastError: z.string().optional(),
  nextRunAt: z.string().optional(),
})

/** Something that an operator should look at, and what to do about it. */
export const attention = z.strictObject({ code: z.string(), message: z.string() })

/** One validator of the instance. What it says of itself is absent until it has said it. */
export const validatorFacts = z.strictObject({
  name: z.string(),
  /** Whether another operator than the instance's runs it. */
  otherOperator: z.boolean(),
  state: z.enum(['invited', 'enrolled', 'removed']),
  /** RFC 3339: when it last said how it is. */
  toldAt: z.string().optional(),
  version: z.string().optional(),
  advisories: advisoryState.optional(),
})

/** How many devices there are. Silent ones are admitted, and were not heard of for longer than the policy's bound. */
export const deviceCounts = z.strictObject({
  admitted: z.number().int().nonnegative(),
  pending: z.number().int().nonnegative(),
  silent: z.number().int().nonnegative(),
})

/** How an instance is. `attention` is empty when nothing needs a person. */
export const instanceStatus = z.strictObject({
  version: z.string(),
  environment: z.enum(['development', 'production']),
  publicUrl: z.string(),
  publicHttpUrl: z.string(),
  issuer: z.string(),
  startedAt: z.string(),
  clock: z.strictObject({ now: z.string(), newestCheckpoint: z.string() }),
  logs: z.array(logStatus),
  expiries: z.array(expiryStatus),
  disk: z.strictObject({ freeBytes: z.number(), totalBytes: z.number() }),
  protections: z.array(z.strictObject({ name: z.string(), active: z.boolean(), detail: z.string() })),
  jobs: z.array(jobStatus),
  scheduledWorkPaused: z.boolean(),
  validators: z.array(validatorFacts),
  devices: deviceCounts,
  attention: z.array(attention),
})

/** How an instance is. */
export type InstanceStatus = z.infer<typeof instanceStatus>

/** The same facts that the page at `/` shows. */
export const getStatusRoute = route({
  id: 'getStatus',
  method: 'GET',
  path: '/status',
  summary: 'Addresses, environment, expiries, disk, logs, clock, protections, validators, and what needs attention',
  tag: 'instance',
  listeners: ['https', 'admin'],
  reply: instanceStatus,
  status: 200,
  maxBodyBytes: 0,
})

/** The page at `/`: the status for a person to read. */
export const statusPageRoute = route({
  id: 'statusPage',
  method: 'GET',
  path: '/',
  summary: 'The status of this instance, as a page',
  tag: 'instance',
  listeners: ['https'],
  reply: { mediaTypes: ['text/html; charset=utf-8'] },
  status: 200,
  maxBodyBytes: 0,
})

/** Answers as soon as the instance takes requests. */
export const healthRoute = route({
  id: 'health',
  method: 'GET',
  path: '/healthz',
  summary: 'Whether the instance takes requests',
  tag: 'instance',
  listeners: ['https', 'admin'],
  reply: z.strictObject({ status: z.literal('ok') }),
  status: 200,
  maxBodyBytes: 0,
})

/** The OpenAPI 3.1 document of every route on the public listener. */
export const openApiRoute = route({
  id: 'openApi',
  method: 'GET',
  path: '/openapi.json',
  summary: 'This API as an OpenAPI 3.1 document',
  tag: 'instance',
  listeners: ['https', 'admin'],
  reply: { mediaTypes: ['application/json'] },
  status: 200,
  maxBodyBytes: 0,
})

/** Makes a ticket for first trust. It holds no secret: addresses and the hash of the first TUF root. */
export const createTicketRoute = route({
  id: 'createTicket',
  method: 'POST',
  path: '/admin/tickets',
  summary: 'Make a ticket that carries first trust in this instance',
  tag: 'admin',
  listeners: ['admin'],
  body: z.strictObject({ validityHours: z.number().int().min(1).max(8760).default(168) }),
  reply: z.strictObject({ ticket: z.string(), expires: z.string() }),
  status: 201,
  maxBodyBytes: 4096,
})

/** The verification policy that the instance distributes, as its exact text. */
export const getPolicyRoute = route({
  id: 'getPolicy',
  method: 'GET',
  path: '/admin/policy',
  summary: 'The verification policy that this instance distributes',
  tag: 'admin',
  listeners: ['admin'],
  reply: z.strictObject({ policy: z.string() }),
  status: 200,
  maxBodyBytes: 0,
})

/** Distributes another verification policy as a new TUF version. A policy that does not parse changes nothing. */
export const setPolicyRoute = route({
  id: 'setPolicy',
  method: 'PUT',
  path: '/admin/policy',
  summary: 'Distribute another verification policy',
  tag: 'admin',
  listeners: ['admin'],
  body: z.strictObject({ policy: z.string().max(256 * 1024) }),
  reply: z.strictObject({ sha256: z.string() }),
  status: 200,
  maxBodyBytes: 300 * 1024,
})

/** Stops or starts the scheduled work (renewals, heartbeats), or runs one piece of it now. For maintenance. */
export const controlJobsRoute = route({
  id: 'controlJobs',
  method: 'POST',
  path: '/admin/jobs',
  summary: 'Pause or resume scheduled work, or run one job now',
  tag: 'admin',
  listeners: ['admin'],
  body: z.discriminatedUnion('do', [
    z.strictObject({ do: z.literal('pause') }),
    z.strictObject({ do: z.literal('resume') }),
    z.strictObject({ do: z.literal('run'), job: z.string().max(64) }),
  ]),
  reply: z.strictObject({ jobs: z.array(jobStatus), paused: z.boolean() }),
  status: 200,
  maxBodyBytes: 4096,
})

/** Records, before it happens, that a root command is about to use root keys. */
export const announceRootUseRoute = route({
  id: 'announceRootUse',
  method: 'POST',
  path: '/admin/root-uses',
  summary: 'Record that root keys are about to be used',
  tag: 'admin',
  listeners: ['admin'],
  body: z.strictObject({ purpose: z.string().max(200) }),
  reply: z.strictObject({ auditIndex: z.string() }),
  status: 201,
  maxBodyBytes: 4096,
})

/** Every route of the instance itself. */
export const instanceRoutes = [
  getStatusRoute,
  statusPageRoute,
  healthRoute,
  openApiRoute,
  createTicketRoute,
  getPolicyRoute,
  setPolicyRoute,
  controlJobsRoute,
  announceRootUseRoute,
] as const
