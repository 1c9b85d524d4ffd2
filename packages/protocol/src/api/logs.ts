import { z } from 'zod'
import { route } from './route.ts'

/** The media type of a checkpoint. C2SP tlog-tiles. */
export const CHECKPOINT_MEDIA_TYPE = 'text/plain; charset=utf-8'

/** The media type of tiles and entry bundles. C2SP tlog-tiles. */
export const TILE_MEDIA_TYPE = 'application/octet-stream'

// Base64 and 64-bit numbers as strings, as proto-JSON has them.
const proof = z.strictObject({
  logIndex: z.string(),
  rootHash: z.string(),
  treeSize: z.string(),
  hashes: z.array(z.string()),
  checkpoint: z.strictObject({ envelope: z.string() }),
})

/** `dev.sigstore.rekor.v1.TransparencyLogEntry` with its defaults written out; read by `parseTransparencyLogEntry`. */
export const transparencyLogEntryReply = z.strictObject({
  logIndex: z.string(),
  logId: z.strictObject({ keyId: z.string() }),
  kindVersion: z.strictObject({ kind: z.string(), version: z.string() }),
  integratedTime: z.string(),
  inclusionPromise: z.null(),
  inclusionProof: proof,
  canonicalizedBody: z.string(),
})

/** What the artifact log answers. */
export type TransparencyLogEntryReply = z.infer<typeof transparencyLogEntryReply>

/**
 * Logs one signature (Rekor v2). Status exactly 201, for an entry that is there already as well: clients take no other.
 * The body is proto-JSON, which allows two spellings of every field, so `parseAddEntryRequest` reads it and not a schema.
 * The limit is upstream's: an envelope is sent whole although only its digest is logged.
 */
export const addLogEntryRoute = route({
  id: 'addLogEntry',
  method: 'POST',
  path: '/api/v2/log/entries',
  summary: 'Log a signature over a digest; answers with the proof once the entry is published (Rekor v2)',
  tag: 'logs',
  listeners: ['https'],
  body: { mediaTypes: ['application/json'] },
  reply: transparencyLogEntryReply,
  status: 201,
  maxBodyBytes: 4 * 1024 * 1024,
})

// Longer than the path of any tile of a tree below 2^63 entries.
const tileParameter = z.string().max(64)

const environment = z.enum(['development', 'production'])

/** What all reads of logs have in common. Also on the plain listener: what is read proves itself. */
const reading = { method: 'GET', tag: 'logs', listeners: ['https', 'http'], status: 200, maxBodyBytes: 0 } as const

const checkpointReply = { mediaTypes: [CHECKPOINT_MEDIA_TYPE] }

const tileReply = { mediaTypes: [TILE_MEDIA_TYPE] }

/** The newest checkpoint of the artifact log. */
export const artifactCheckpointRoute = route({
  ...reading,
  id: 'getArtifactCheckpoint',
  path: '/api/v2/checkpoint',
  summary: 'The newest checkpoint of the artifact log (C2SP tlog-checkpoint)',
  reply: checkpointReply,
})

/** Tiles and entry bundles of the artifact log. */
export const artifactTileRoute = route({
  ...reading,
  id: 'getArtifactTile',
  path: '/api/v2/tile/*',
  summary: 'A tile or an entry bundle of the artifact log (C2SP tlog-tiles)',
  params: z.strictObject({ '*': tileParameter }),
  reply: tileReply,
})

/** The newest checkpoint of the certificate log. */
export const certificateCheckpointRoute = route({
  ...reading,
  id: 'getCertificateCheckpoint',
  path: '/ct/checkpoint',
  summary: 'The newest checkpoint of the certificate log (static-ct-api)',
  reply: checkpointReply,
})

/** Tiles and data tiles of the certificate log. */
export const certificateTileRoute = route({
  ...reading,
  id: 'getCertificateTile',
  path: '/ct/tile/*',
  summary: 'A tile or a data tile of the certificate log (static-ct-api)',
  params: z.strictObject({ '*': tileParameter }),
  reply: tileReply,
})

/** A certificate that entries of the certificate log name by its fingerprint. */
export const certificateIssuerRoute = route({
  ...reading,
  id: 'getCertificateLogIssuer',
  path: '/ct/issuer/:fingerprint',
  summary: 'An issuer of logged certificates by the SHA-256 of its DER (static-ct-api)',
  params: z.strictObject({ fingerprint: z.string().regex(/^[0-9a-f]{64}$/) }),
  reply: { mediaTypes: ['application/pkix-cert'] },
})

/** The roots of what the certificate log takes. */
export const certificateRootsRoute = route({
  ...reading,
  id: 'getCertificateLogRoots',
  path: '/ct/ct/v1/get-roots',
  summary: 'The roots that logged certificates lead to, base64 of DER (RFC 6962, 4.7)',
  listeners: ['https'],
  reply: z.strictObject({ certificates: z.array(z.string()) }),
})

/** The newest checkpoint of the revocation log. */
export const revocationCheckpointRoute = route({
  ...reading,
  id: 'getRevocationCheckpoint',
  path: '/:environment/revocations/checkpoint',
  summary: 'The newest checkpoint of the revocation log (C2SP tlog-checkpoint)',
  params: z.strictObject({ environment }),
  reply: checkpointReply,
})

/** Tiles and entry bundles of the revocation log. */
export const revocationTileRoute = route({
  ...reading,
  id: 'getRevocationTile',
  path: '/:environment/revocations/tile/*',
  summary: 'A tile or an entry bundle of the revocation log (C2SP tlog-tiles)',
  params: z.strictObject({ environment, '*': tileParameter }),
  reply: tileReply,
})

/** The newest checkpoint of the audit log. */
export const auditCheckpointRoute = route({
  ...reading,
  id: 'getAuditCheckpoint',
  path: '/:environment/audit/checkpoint',
  summary: 'The newest checkpoint of the audit log (C2SP tlog-checkpoint)',
  params: z.strictObject({ environment }),
  reply: checkpointReply,
})

/** Tiles and entry bundles of the audit log, which holds salted hashes only. */
export const auditTileRoute = route({
  ...reading,
  id: 'getAuditTile',
  path: '/:environment/audit/tile/*',
  summary: 'A tile or an entry bundle of the audit log (C2SP tlog-tiles)',
  params: z.strictObject({ environment, '*': tileParameter }),
  reply: tileReply,
})

/** Every route of the logs. */
export const logRoutes = [
  addLogEntryRoute,
  artifactCheckpointRoute,
  artifactTileRoute,
  certificateCheckpointRoute,
  certificateTileRoute,
  certificateIssuerRoute,
  certificateRootsRoute,
  revocationCheckpointRoute,
  revocationTileRoute,
  auditCheckpointRoute,
  auditTileRoute,
] as const
