import type { RawReply } from '@countersign/platform/http/reply.ts'
import type { HttpServer } from '@countersign/platform/http/server.ts'
import {
  addLogEntryRoute,
  artifactCheckpointRoute,
  artifactTileRoute,
  auditCheckpointRoute,
  auditTileRoute,
  CHECKPOINT_MEDIA_TYPE,
  certificateCheckpointRoute,
  certificateIssuerRoute,
  certificateRootsRoute,
  certificateTileRoute,
  revocationCheckpointRoute,
  revocationTileRoute,
  TILE_MEDIA_TYPE,
} from '@countersign/protocol/api/logs.ts'
import { encodeBase64 } from '@countersign/protocol/json/base64.ts'
import { parseTilePath, type TilePath } from '@countersign/protocol/log/tiles.ts'
import { addEntry } from './addEntry.ts'
import { logKeepingError } from './errors.ts'
import type { LogName, TransparencyLog } from './transparencyLog.ts'

/** What the routes serve. */
export interface LogRoutesDeps {
  readonly logs: Readonly<Record<LogName, TransparencyLog>>
  /** Names the addresses of the revocation and the audit log. */
  readonly environment: 'development' | 'production'
  /** DER of the roots that logged certificates lead to. */
  readonly roots: readonly Uint8Array[]
}

// A reader may lag by this much; the heartbeat is far slower.
const CHECKPOINT_CACHE = { 'cache-control': 'public, max-age=1' }
// What is stored under these names never changes; partial tiles may only disappear.
const IMMUTABLE_CACHE = { 'cache-control': 'public, max-age=31536000, immutable' }

/** Mounts everything of the logs that `server` serves: each route says on which listeners it is. */
export function mountLogRoutes(server: HttpServer, { logs, environment, roots }: LogRoutesDeps): void {
  server.mount(addLogEntryRoute, ({ body }) => addEntry(logs.artifacts, body))

  server.mount(artifactCheckpointRoute, async () => checkpointOf(logs.artifacts))
  server.mount(artifactTileRoute, ({ params }) => tileOf(logs.artifacts, params['*']))

  server.mount(certificateCheckpointRoute, async () => checkpointOf(logs.certificates))
  server.mount(certificateTileRoute, ({ params }) => tileOf(logs.certificates, params['*']))
  server.mount(certificateIssuerRoute, ({ params }) => issuerOf(logs.certificates, params.fingerprint))
  server.mount(certificateRootsRoute, async () => ({ certificates: roots.map(encodeBase64) }))

  const here = (named: string, log: TransparencyLog): TransparencyLog => {
    if (named === environment) return log
    throw logKeepingError('log.not-found', `this instance has no ${named} environment`)
  }
  server.mount(revocationCheckpointRoute, async ({ params }) =>
    checkpointOf(here(params.environment, logs.revocations)),
  )
  server.mount(revocationTileRoute, async ({ params }) =>
    tileOf(here(params.environment, logs.revocations), params['*']),
  )
  server.mount(auditCheckpointRoute, async ({ params }) => checkpointOf(here(params.environment, logs.audit)))
  server.mount(auditTileRoute, async ({ params }) => tileOf(here(params.environment, logs.audit), params['*']))
}

function checkpointOf(log: TransparencyLog): RawReply {
  return { bytes: log.head().note, mediaType: CHECKPOINT_MEDIA_TYPE, headers: CHECKPOINT_CACHE }
}

async function tileOf(log: TransparencyLog, rest: string): Promise<RawReply> {
  const tile = parseTilePath(`tile/${rest}`)
  const bytes = await storedTile(log, tile)
  if (bytes === undefined) throw logKeepingError('log.not-found', `the log has no tile/${rest}`)
  return { bytes, mediaType: TILE_MEDIA_TYPE, headers: IMMUTABLE_CACHE }
}

async function storedTile(log: TransparencyLog, tile: TilePath): Promise<Uint8Array | undefined> {
  if (tile.kind === 'hashes') return log.readTile(tile.level, tile.index, tile.width)
  return tile.kind === log.entriesAs ? log.readEntries(tile.index, tile.width) : undefined
}

async function issuerOf(log: TransparencyLog, fingerprint: string): Promise<RawReply> {
  const bytes = await log.readIssuer(fingerprint)
  if (bytes === undefined) throw logKeepingError('log.not-found', 'no logged certificate has this issuer')
  return { bytes, mediaType: 'application/pkix-cert', headers: IMMUTABLE_CACHE }
}
