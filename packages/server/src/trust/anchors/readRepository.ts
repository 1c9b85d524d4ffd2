import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import { type Metadata, MetadataKind, type Root, type Snapshot, type Targets, type Timestamp } from '@tufjs/models'
import { trustError } from '../errors.ts'
import { checkSignatures, readRoot, readSnapshot, readTargets, readTimestamp } from './tufMetadata.ts'

/** Where the repository lies among the blobs; the rest of a key is the path under `/tuf/`. */
export const TUF_FOLDER = 'tuf/'

/** The newest root, and its file. */
export interface CurrentRoot {
  readonly bytes: Uint8Array
  readonly metadata: Metadata<Root>
}

/** What `timestamp.json` names at this moment, each signed as the newest root demands. */
export interface CurrentRepository {
  readonly root: CurrentRoot
  readonly timestamp: Metadata<Timestamp>
  readonly snapshot: Metadata<Snapshot>
  readonly targets: Metadata<Targets>
}

/**
 * The newest root: `1.root.json`, then one version further as long as there is one, as clients look for it
 * (specification 1.0, 5.3). Throws `trust.anchors-missing` without a first root, `trust.anchors-wrong` where a root is
 * not signed by its predecessor and by itself.
 */
export async function readLatestRoot(blobs: Blobs): Promise<CurrentRoot> {
  let root = readableRoot(await readFile(blobs, '1.root.json'))
  checkSignatures(root.metadata, MetadataKind.Root, root.metadata)
  for (let version = 2; ; version++) {
    const bytes = await blobs.get(`${TUF_FOLDER}${version}.root.json`)
    if (bytes === undefined) return root
    const next = readableRoot(bytes)
    checkSignatures(root.metadata, MetadataKind.Root, next.metadata)
    checkSignatures(next.metadata, MetadataKind.Root, next.metadata)
    root = next
  }
}

/**
 * The repository as clients see it: whatever a crash left beside it is not named by `timestamp.json` and not seen.
 * Throws `trust.anchors-missing` and `trust.anchors-wrong`.
 */
export async function readRepository(blobs: Blobs): Promise<CurrentRepository> {
  const root = await readLatestRoot(blobs)
  const timestamp = readTimestamp(await readFile(blobs, 'timestamp.json'))
  checkSignatures(root.metadata, MetadataKind.Timestamp, timestamp)
  const snapshot = readSnapshot(await readFile(blobs, `${timestamp.signed.snapshotMeta.version}.snapshot.json`))
  checkSignatures(root.metadata, MetadataKind.Snapshot, snapshot)
  const targetsVersion = snapshot.signed.meta['targets.json']?.version
  const targets = readTargets(await readFile(blobs, `${targetsVersion}.targets.json`))
  checkSignatures(root.metadata, MetadataKind.Targets, targets)
  return { root, timestamp, snapshot, targets }
}

/** The path of a target's file under `targets/`: with consistent snapshots its hash stands before the last segment. */
export function targetPath(name: string, sha256Hex: string): string {
  const slash = name.lastIndexOf('/') + 1
  return `targets/${name.slice(0, slash)}${sha256Hex}.${name.slice(slash)}`
}

async function readFile(blobs: Blobs, path: string): Promise<Uint8Array> {
  const bytes = await blobs.get(TUF_FOLDER + path)
  if (bytes === undefined) throw trustError('trust.anchors-missing', `the TUF repository has no ${path}`)
  return bytes
}

function readableRoot(bytes: Uint8Array): CurrentRoot {
  return { bytes, metadata: readRoot(bytes) }
}
