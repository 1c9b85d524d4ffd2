import { z } from 'zod'
import { sha256Hex, shortName } from './artifacts.ts'
import { route } from './route.ts'

/** The CA certificates of the device root, base64 of a certs-only PKCS#7 (RFC 7030, 4.1). */
export const estCaCertificatesRoute = route({
  id: 'estCaCertificates',
  method: 'GET',
  path: '/.well-known/est/cacerts',
  summary: 'The CA certificates of the device root (EST)',
  tag: 'enrolment',
  listeners: ['https', 'http'],
  reply: { mediaTypes: ['application/pkcs7-mime'] },
  status: 200,
  maxBodyBytes: 0,
})

/**
 * Issues a first client certificate: HTTP Basic with the ticket's device name and one-time secret, base64 PKCS#10 in, base64
 * certs-only PKCS#7 out (RFC 7030, 4.2). The secret is used up. The same secret with the same key again within its life:
 * the same certificate, so that a device whose connection broke is not lost.
 */
export const estEnrolRoute = route({
  id: 'estEnrol',
  method: 'POST',
  path: '/.well-known/est/simpleenroll',
  summary: 'Issue a first client certificate for a ticket’s secret (EST)',
  tag: 'enrolment',
  listeners: ['https'],
  body: { mediaTypes: ['application/pkcs10'] },
  reply: { mediaTypes: ['application/pkcs7-mime'] },
  status: 200,
  maxBodyBytes: 16 * 1024,
})

/** Renews a client certificate under mutual TLS, also with a new key; the name stays (RFC 7030, 4.2.2). */
export const estRenewRoute = route({
  id: 'estRenew',
  method: 'POST',
  path: '/.well-known/est/simplereenroll',
  summary: 'Renew a client certificate (EST)',
  tag: 'enrolment',
  listeners: ['https'],
  body: { mediaTypes: ['application/pkcs10'] },
  reply: { mediaTypes: ['application/pkcs7-mime'] },
  status: 200,
  maxBodyBytes: 16 * 1024,
})

/** What a device runs and knows. Signed: see `deviceReport` in protocol/release. */
export const deviceState = z.strictObject({
  /** Rises with every report; a report with a lower one shows a state that went back. */
  counter: z.number().int().nonnegative(),
  at: z.string(),
  agentVersion: z.string().max(64),
  /** Size of the revocation log that the device has verified and acted on, decimal. */
  acknowledged: z.string().regex(/^\d{1,19}$/),
  tuf: z.strictObject({ root: z.number().int(), targets: z.number().int(), timestamp: z.number().int() }),
  running: z
    .strictObject({
      product: z.string().max(128),
      version: z.string().max(128),
      releaseCounter: z.number().int(),
      sha256: sha256Hex,
      /** `<authority key id>:<number>` of every certification that it relies on. */
      certifications: z.array(z.string().max(96)).max(16),
      pid: z.number().int(),
      startedAt: z.string(),
    })
    .optional(),
  /** Highest release counter ever installed, by product and channel. */
  highest: z
    .array(z.strictObject({ product: z.string().max(128), channel: z.string().max(128), counter: z.number().int() }))
    .max(64),
  /** What happened since the last report: started, stopped, went back, refused, stale. Newest last. */
  events: z
    .array(
      z.strictObject({
        at: z.string(),
        kind: z.string().max(64),
        code: z.string().max(80).optional(),
        detail: z.string().max(512),
      }),
    )
    .max(256),
})
/** What a device runs and knows. */
export type DeviceState = z.infer<typeof deviceState>

/** What a device is to run. */
export const assignment = z.strictObject({
  product: shortName,
  channel: shortName,
  /** A version that the device stays at, in place of the channel's newest release. */
  pinned: z.string().max(128).optional(),
})
/** What a device is to run. */
export type Assignment = z.infer<typeof assignment>

/**
 * A device reports, under mutual TLS, and learns what it is assigned. `report` is the JSON text of a `deviceState`,
 * `signature` base64 of the client key's signature over it. A device that waits for admission gets no assignment.
 */
export const checkInRoute = route({
  id: 'checkIn',
  method: 'POST',
  path: '/api/v1/devices/self/check-ins',
  summary: 'A device reports its state and learns its assignment',
  tag: 'devices',
  listeners: ['https'],
  caller: 'device',
  body: z.strictObject({
    report: z
      .string()
      .min(2)
      .max(256 * 1024),
    signature: z.string().min(8).max(1024),
  }),
  reply: z.strictObject({
    device: z.string(),
    group: z.string(),
    state: z.enum(['pending', 'admitted']),
    assignment: assignment.optional(),
    /** How soon to check in again, in milliseconds, jitter included. */
    nextMs: z.number().int(),
  }),
  status: 200,
  maxBodyBytes: 512 * 1024,
})

/**
 * The bytes of an artifact, signature or certification of a release that the calling device is assigned, by SHA-256.
 * Everything else is refused with `fleet.not-assigned`, whether it exists or not.
 */
export const getDeviceFileRoute = route({
  id: 'getDeviceFile',
  method: 'GET',
  path: '/api/v1/devices/self/files/:sha256',
  summary: 'A file of a release that the calling device is assigned',
  tag: 'devices',
  listeners: ['https'],
  caller: 'device',
  params: z.strictObject({ sha256: sha256Hex }),
  reply: { mediaTypes: ['application/octet-stream'], stream: true },
  status: 200,
  maxBodyBytes: 0,
})

/** One device as operators see it. */
export const deviceRecord = z.strictObject({
  name: z.string(),
  group: z.string(),
  state: z.enum(['invited', 'pending', 'admitted', 'removed']),
  assignment: assignment.optional(),
  /** True where the device has its own, false where it is its group's. */
  isOwnAssignment: z.boolean(),
  lastSeenAt: z.string().optional(),
  report: deviceState.optional(),
  /** Why an operator should look: silent, state went back, behind. */
  attention: z.array(z.strictObject({ code: z.string(), message: z.string() })),
})

/** Makes a device ticket: first trust and a one-time secret, bound to one name. Its first enrolment is admitted. */
export const createDeviceTicketRoute = route({
  id: 'createDeviceTicket',
  method: 'POST',
  path: '/admin/devices/tickets',
  summary: 'Make a ticket with which one device enrols',
  tag: 'admin',
  listeners: ['admin'],
  body: z.strictObject({
    device: shortName,
    group: shortName.default('default'),
    validityHours: z.number().int().min(1).max(8760).default(24),
  }),
  reply: z.strictObject({ device: z.string(), ticket: z.string(), expires: z.string() }),
  status: 201,
  maxBodyBytes: 4096,
})

/** Every device. */
export const listDevicesRoute = route({
  id: 'listDevices',
  method: 'GET',
  path: '/admin/devices',
  summary: 'The devices, what they are assigned and what they report',
  tag: 'admin',
  listeners: ['admin'],
  reply: z.strictObject({ devices: z.array(deviceRecord) }),
  status: 200,
  maxBodyBytes: 0,
})

/** Assigns a product and channel, and perhaps a pinned version, to a group or to one device. Nothing: takes it away. */
export const assignRoute = route({
  id: 'assign',
  method: 'POST',
  path: '/admin/assignments',
  summary: 'Say what a group or a device runs',
  tag: 'admin',
  listeners: ['admin'],
  body: z.strictObject({
    to: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('group'), name: shortName }),
      z.strictObject({ kind: z.literal('device'), name: shortName }),
    ]),
    assignment: assignment.optional(),
  }),
  reply: z.strictObject({ devices: z.number().int() }),
  status: 200,
  maxBodyBytes: 4096,
})

/** Admits a device that waits, moves one to another group, or removes one: its certificate counts no more. */
export const changeDeviceRoute = route({
  id: 'changeDevice',
  method: 'POST',
  path: '/admin/devices/changes',
  summary: 'Admit, move or remove a device',
  tag: 'admin',
  listeners: ['admin'],
  body: z.discriminatedUnion('do', [
    z.strictObject({ do: z.literal('admit'), device: shortName }),
    z.strictObject({ do: z.literal('move'), device: shortName, group: shortName }),
    z.strictObject({ do: z.literal('remove'), device: shortName }),
  ]),
  reply: z.strictObject({ device: z.string() }),
  status: 200,
  maxBodyBytes: 4096,
})

/**
 * Releases a certified artifact as the next one of its product's channel: a new TUF target. Product and version are the
 * certification's. Refused where the artifact has no active certification of every validator that the policy asks for.
 */
export const publishReleaseRoute = route({
  id: 'publishRelease',
  method: 'POST',
  path: '/admin/releases',
  summary: 'Release a certified artifact on a channel',
  tag: 'admin',
  listeners: ['admin'],
  body: z.strictObject({ sha256: sha256Hex, channel: shortName.default('stable') }),
  reply: z.strictObject({
    product: z.string(),
    channel: z.string(),
    version: z.string(),
    counter: z.number().int(),
    target: z.string(),
  }),
  status: 201,
  maxBodyBytes: 4096,
})

/** Every release, newest first. */
export const listReleasesRoute = route({
  id: 'listReleases',
  method: 'GET',
  path: '/admin/releases',
  summary: 'The releases',
  tag: 'admin',
  listeners: ['admin'],
  reply: z.strictObject({
    releases: z.array(
      z.strictObject({
        product: z.string(),
        channel: z.string(),
        version: z.string(),
        counter: z.number().int(),
        sha256: sha256Hex,
        publishedAt: z.string(),
        state: z.enum(['active', 'ended', 'expired']),
      }),
    ),
  }),
  status: 200,
  maxBodyBytes: 0,
})

/** Every route about devices and releases. */
export const deviceRoutes = [
  estCaCertificatesRoute,
  estEnrolRoute,
  estRenewRoute,
  checkInRoute,
  getDeviceFileRoute,
  createDeviceTicketRoute,
  listDevicesRoute,
  assignRoute,
  changeDeviceRoute,
  publishReleaseRoute,
  listReleasesRoute,
] as const
