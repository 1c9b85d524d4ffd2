import type { StreamReply } from '@countersign/platform/http/reply.ts'
import { assignmentOf } from './assignments.ts'
import type { CallerRequest } from './callers.ts'
import { fleetError } from './errors.ts'
import type { FleetTables } from './fleetTables.ts'
import type { ReleaseDeps } from './releases.ts'

const BYTES = 'application/octet-stream'

/**
 * A file of a release of the product and channel that the calling device is assigned: of any counter, because it may have
 * to go back. Everything else, and everything for a device that waits for admission, is `fleet.not-assigned`, whether it
 * exists or not. Throws what `Callers.deviceOf` throws.
 */
export async function deviceFile(deps: ReleaseDeps, request: CallerRequest, sha256: string): Promise<StreamReply> {
  const { name, isPending } = deps.callers.deviceOf(request)
  const kind = isPending ? undefined : await fileKind(deps, name, sha256)
  if (kind === undefined) throw fleetError('fleet.not-assigned', `${name} is assigned no release with this file`)
  if (kind === 'bundle') {
    const bytes = new TextEncoder().encode((await deps.store.readBundle(sha256)) ?? '')
    return { stream: once(bytes), sizeBytes: bytes.length, mediaType: BYTES }
  }
  const sizeBytes = await deps.store.statArtifact(sha256)
  if (sizeBytes === undefined) throw fleetError('fleet.artifact-unknown', 'the artifact is not stored here any more')
  return { stream: deps.store.readArtifact(sha256), sizeBytes, mediaType: BYTES }
}

async function fileKind({ database }: ReleaseDeps, name: string, sha256: string): Promise<string | undefined> {
  const tables = database.tables<FleetTables>()
  const { group_name: group } = await tables
    .selectFrom('fleet_members')
    .select('group_name')
    .where('kind', '=', 'devices')
    .where('name', '=', name)
    .executeTakeFirstOrThrow()
  const found = await assignmentOf(tables, { name, group })
  if (found === undefined) return undefined
  const row = await tables
    .selectFrom('fleet_release_files as file')
    .innerJoin('fleet_releases as released', 'released.id', 'file.release_id')
    .select('file.kind')
    .where('file.sha256', '=', sha256)
    .where('released.product', '=', found.assignment.product)
    .where('released.channel', '=', found.assignment.channel)
    .executeTakeFirst()
  return row?.kind
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
