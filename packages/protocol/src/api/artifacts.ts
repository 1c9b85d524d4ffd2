import { z } from 'zod'
import { route } from './route.ts'

/** Lower-case hex SHA-256. */
export const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/)

/** Name of a product, channel, device, group or validator: it becomes part of addresses and file names. */
export const shortName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/)

/** Largest artifact, in bytes: 2 GiB. */
export const MAX_ARTIFACT_BYTES = 2 * 1024 * 1024 * 1024

/** A Sigstore bundle as its JSON text. */
const bundleText = z
  .string()
  .min(2)
  .max(2 * 1024 * 1024)

/** Where a submission is: each state is reached once and in this order, the last three exclude each other. */
export const submissionState = z.enum(['waiting', 'inspecting', 'asked', 'decided', 'certified', 'refused', 'failed'])

/** What could not be read or attributed, where, and what would close the gap. */
export const gap = z.strictObject({
  /** For example `gap.unattributed-code`; the codes are the inspector's. */
  code: z.string().max(80),
  path: z.string().max(1024),
  detail: z.string().max(1024),
  closedBy: z.string().max(512),
})

/** One advisory meeting one component. */
export const finding = z.strictObject({
  advisory: z.string().max(128),
  aliases: z.array(z.string().max(128)).max(100),
  component: z.string().max(512),
  /** From the artifact to the component, purl by purl. */
  path: z.array(z.string().max(512)).max(64),
  severity: z.string().max(32),
  fixed: z.array(z.string().max(128)).max(32),
})

/** Which advisories a verdict was matched against. */
export const advisoryState = z.strictObject({
  /** RFC 3339: when the data is known to have been complete; absent where nobody knows of such a moment. */
  asOf: z.string().optional(),
  records: z.number().int().nonnegative(),
  sample: z.boolean(),
  /** Rises with every change of the data. */
  state: z.number().int().nonnegative(),
})

/** The outcome of matching one catalogue against one state of the advisories. */
export const verdict = z.strictObject({
  answer: z.enum(['clean', 'affected', 'incomplete']),
  components: z.number().int().nonnegative(),
  findings: z.array(finding).max(10_000),
  gaps: z.array(gap).max(10_000),
  advisories: advisoryState,
  /** What confined the inspector; empty: nothing. */
  protections: z.array(z.string().max(128)).max(32),
})
/** The outcome of matching one catalogue against one state of the advisories. */
export type Verdict = z.infer<typeof verdict>

/** What a certification policy made of a verdict. */
export const certificationDecision = z.strictObject({
  answer: z.enum(['certify', 'certify with exceptions', 'refuse', 'ask']),
  reasons: z.array(z.string().max(1024)).max(1000),
})

/** A certification as the world sees it; each text is a Sigstore bundle. */
export const certificationRecord = z.strictObject({
  validator: z.string(),
  authority: z.string(),
  /** Decimal. */
  number: z.string().regex(/^\d{1,19}$/),
  sha256: sha256Hex,
  product: z.string(),
  version: z.string(),
  notAfter: z.string(),
  /** Whether a logged revocation has ended it, as far as this server knows; the feed decides. */
  state: z.enum(['active', 'ended', 'expired']),
  certification: bundleText,
  sbom: bundleText,
  findings: bundleText,
})
/** A certification as the world sees it. */
export type CertificationRecord = z.infer<typeof certificationRecord>

/** One submission to one validator. */
export const submission = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{32}$/),
  sha256: sha256Hex,
  sizeBytes: z.number().int().nonnegative(),
  name: z.string().max(255),
  /** SHA-256 of the signature bundle's text. */
  signatureSha256: sha256Hex,
  product: z.string().optional(),
  version: z.string().optional(),
  validator: z.string(),
  submittedBy: z.strictObject({ issuer: z.string(), subject: z.string() }),
  submittedAt: z.string(),
  state: submissionState,
  verdict: verdict.optional(),
  decision: certificationDecision.optional(),
  certificationNumber: z.string().optional(),
  /** Where `failed`: an error code and words. */
  failure: z.strictObject({ code: z.string(), message: z.string() }).optional(),
  /** Rises with every change. */
  revision: z.number().int().nonnegative(),
})
/** One submission to one validator. */
export type Submission = z.infer<typeof submission>

/** Stores an artifact before it is submitted. Its bytes must have the digest that the path names. Again: success. */
export const putArtifactRoute = route({
  id: 'putArtifact',
  method: 'PUT',
  path: '/api/v1/artifacts/:sha256',
  summary: 'Store an artifact under its digest',
  tag: 'artifacts',
  listeners: ['https'],
  caller: 'identity',
  params: z.strictObject({ sha256: sha256Hex }),
  body: { mediaTypes: ['application/octet-stream'], stream: true },
  reply: z.strictObject({ sha256: sha256Hex, sizeBytes: z.number() }),
  status: 200,
  maxBodyBytes: MAX_ARTIFACT_BYTES,
})

/** The bytes of an artifact, for validators; devices have `getDeviceFile`. */
export const getArtifactRoute = route({
  id: 'getArtifact',
  method: 'GET',
  path: '/api/v1/artifacts/:sha256',
  summary: 'The bytes of a submitted artifact',
  tag: 'artifacts',
  listeners: ['https'],
  caller: 'validator',
  params: z.strictObject({ sha256: sha256Hex }),
  reply: { mediaTypes: ['application/octet-stream'], stream: true },
  status: 200,
  maxBodyBytes: 0,
})

/**
 * Hands an artifact and its signature to validators. The signature must verify for these bytes; the submitter need not be
 * the signer. The same artifact, signature and validator again: the submission that exists.
 */
export const submitRoute = route({
  id: 'submit',
  method: 'POST',
  path: '/api/v1/submissions',
  summary: 'Submit a signed artifact for certification',
  tag: 'artifacts',
  listeners: ['https'],
  caller: 'identity',
  body: z.strictObject({
    sha256: sha256Hex,
    name: z.string().min(1).max(255),
    signature: bundleText,
    /** For artifacts without `countersign.json`; where they have one it must say the same. */
    product: shortName.optional(),
    version: shortName.optional(),
    /** Default: every validator that the verification policy names. */
    validators: z.array(shortName).min(1).max(16).optional(),
  }),
  reply: z.strictObject({ submissions: z.array(submission) }),
  status: 201,
  maxBodyBytes: 3 * 1024 * 1024,
})

/** One submission, for whoever submitted it. Waits up to `waitMs` for a revision above `after`. */
export const getSubmissionRoute = route({
  id: 'getSubmission',
  method: 'GET',
  path: '/api/v1/submissions/:id',
  summary: 'How a submission is doing',
  tag: 'artifacts',
  listeners: ['https'],
  caller: 'identity',
  params: z.strictObject({ id: submission.shape.id }),
  query: z.strictObject({
    after: z.coerce.number().int().min(-1).default(-1),
    waitMs: z.coerce.number().int().min(0).max(25_000).default(0),
  }),
  reply: submission,
  status: 200,
  maxBodyBytes: 0,
})

/**
 * Every certification of one artifact, and the bundles of all signatures that were submitted with it. Public. `newer` is the
 * newest active certification of other bytes of the same product, for whoever looks for what replaces an ended one.
 */
export const getCertificationsRoute = route({
  id: 'getCertifications',
  method: 'GET',
  path: '/api/v1/artifacts/:sha256/certifications',
  summary: 'The certifications and signatures of an artifact',
  tag: 'artifacts',
  listeners: ['https', 'http'],
  params: z.strictObject({ sha256: sha256Hex }),
  reply: z.strictObject({
    certifications: z.array(certificationRecord),
    signatures: z.array(bundleText),
    newer: certificationRecord.optional(),
  }),
  status: 200,
  maxBodyBytes: 0,
})

/** What a validator has to do: its submissions that are neither at their end nor with its operator, oldest first. Long poll. */
export const listWorkRoute = route({
  id: 'listWork',
  method: 'GET',
  path: '/api/v1/validators/self/submissions',
  summary: 'The open submissions of the calling validator',
  tag: 'artifacts',
  listeners: ['https'],
  caller: 'validator',
  query: z.strictObject({ waitMs: z.coerce.number().int().min(0).max(25_000).default(0) }),
  reply: z.strictObject({ submissions: z.array(submission.extend({ signature: bundleText })) }),
  status: 200,
  maxBodyBytes: 0,
})

/** Moves a submission on. A state that is reached already changes nothing; going back is refused. */
export const reportSubmissionRoute = route({
  id: 'reportSubmission',
  method: 'POST',
  path: '/api/v1/submissions/:id/reports',
  summary: 'Tell what became of a submission',
  tag: 'artifacts',
  listeners: ['https'],
  caller: 'validator',
  params: z.strictObject({ id: submission.shape.id }),
  body: z.discriminatedUnion('state', [
    z.strictObject({ state: z.literal('inspecting') }),
    /** The validator's operator is asked, and the decision is still to come. */
    z.strictObject({ state: z.literal('asked'), verdict, decision: certificationDecision }),
    z.strictObject({ state: z.literal('decided'), verdict, decision: certificationDecision }),
    z.strictObject({
      state: z.literal('certified'),
      certification: bundleText,
      sbom: bundleText,
      findings: bundleText,
    }),
    z.strictObject({ state: z.literal('refused') }),
    z.strictObject({
      state: z.literal('failed'),
      failure: z.strictObject({ code: z.string().max(80), message: z.string().max(1024) }),
    }),
  ]),
  reply: submission,
  status: 200,
  maxBodyBytes: 8 * 1024 * 1024,
})

/** How a validator is: what it says of itself, shown in `status`. Sent at its start, after changes, and every minute. */
export const validatorStatus = z.strictObject({
  version: z.string().max(64),
  advisories: advisoryState,
  /** Ecosystems with data, and when each is known to have been complete (RFC 3339); absent: single records only. */
  ecosystems: z
    .array(z.strictObject({ name: z.string().max(128), records: z.number(), asOf: z.string().optional() }))
    .max(200),
  protections: z
    .array(z.strictObject({ name: z.string().max(64), active: z.boolean(), detail: z.string().max(512) }))
    .max(32),
  attention: z.array(z.strictObject({ code: z.string().max(80), message: z.string().max(1024) })).max(64),
})
/** How a validator is. */
export type ValidatorStatus = z.infer<typeof validatorStatus>

/** A validator says how it is. */
export const putValidatorStatusRoute = route({
  id: 'putValidatorStatus',
  method: 'PUT',
  path: '/api/v1/validators/self/status',
  summary: 'The calling validator says how it is',
  tag: 'artifacts',
  listeners: ['https'],
  caller: 'validator',
  body: validatorStatus,
  reply: z.strictObject({ name: z.string() }),
  status: 200,
  maxBodyBytes: 256 * 1024,
})

/** Which certifications one advisory reaches, told by the validator that certified them, whether they ended or not. */
export const reportFindingsRoute = route({
  id: 'reportFindings',
  method: 'POST',
  path: '/api/v1/validators/self/findings',
  summary: 'Tell which certifications an advisory reaches',
  tag: 'artifacts',
  listeners: ['https'],
  caller: 'validator',
  body: z.strictObject({
    /** Replaces what was told about this advisory before; no numbers: it reaches nothing any more. */
    advisory: z.string().max(128),
    aliases: z.array(z.string().max(128)).max(100),
    reached: z.array(z.strictObject({ number: z.string().regex(/^\d{1,19}$/), finding })).max(50_000),
  }),
  reply: z.strictObject({ reached: z.number() }),
  status: 200,
  maxBodyBytes: 64 * 1024 * 1024,
})

/** What an advisory (by id or alias) reaches: artifacts, certifications, devices, and the path to the component. */
export const getAffectedRoute = route({
  id: 'getAffected',
  method: 'GET',
  path: '/api/v1/affected/:advisory',
  summary: 'Which artifacts, certifications and devices an advisory reaches',
  tag: 'artifacts',
  listeners: ['https', 'admin'],
  caller: 'identity',
  params: z.strictObject({ advisory: z.string().max(128) }),
  reply: z.strictObject({
    advisory: z.string(),
    aliases: z.array(z.string()),
    affected: z.array(
      z.strictObject({
        number: z.string(),
        validator: z.string(),
        sha256: sha256Hex,
        product: z.string(),
        version: z.string(),
        state: z.enum(['active', 'ended', 'expired']),
        finding,
        devices: z.array(z.strictObject({ name: z.string(), group: z.string(), isRunning: z.boolean() })),
      }),
    ),
  }),
  status: 200,
  maxBodyBytes: 0,
})

/** Every route of artifacts, submissions and what validators tell. */
export const artifactRoutes = [
  putArtifactRoute,
  getArtifactRoute,
  submitRoute,
  getSubmissionRoute,
  getCertificationsRoute,
  listWorkRoute,
  reportSubmissionRoute,
  putValidatorStatusRoute,
  reportFindingsRoute,
  getAffectedRoute,
] as const
