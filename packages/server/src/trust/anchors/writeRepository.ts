import { createHash } from 'node:crypto'
import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import type { SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { MetaFile, Snapshot, TargetFile, Targets, Timestamp } from '@tufjs/models'
import { TUF_FOLDER, targetPath } from './readRepository.ts'
import { expiryAfter, signMetadata } from './tufMetadata.ts'

/** The keys that sign without anyone present. The root key is not among them. */
export interface OnlineTufKeys {
  readonly targets: SigningKey
  readonly snapshot: SigningKey
  readonly timestamp: SigningKey
}

/** Lifetimes in days. The root's is a year, so that a passphrase is needed once a year. */
export const TUF_LIFETIME_DAYS = { root: 365, targets: 30, snapshot: 30, timestamp: 7 } as const

/** Version of the TUF specification that the metadata follows. */
export const TUF_SPEC_VERSION = '1.0.31'

/** What one publication writes. */
export interface NextVersions {
  readonly targets: number
  readonly snapshot: number
  readonly timestamp: number
  /** Every target of the new version. */
  readonly files: Readonly<Record<string, TargetFile>>
}

interface WriteDeps {
  readonly blobs: Blobs
  readonly clock: Clock
  readonly keys: OnlineTufKeys
}

/**
 * Stores a target's file. When this resolves it is durable, but no client sees it before `writeVersions` names it.
 */
export async function writeTargetFile(blobs: Blobs, name: string, bytes: Uint8Array): Promise<TargetFile> {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  await blobs.putOnce(`${TUF_FOLDER}${targetPath(name, sha256)}`, bytes, { point: 'tuf.target' })
  return new TargetFile({ path: name, length: bytes.length, hashes: { sha256 } })
}

/**
 * Writes a new version of targets, snapshot and timestamp, in this order. `timestamp.json` is the commit point: before
 * it is replaced, clients see the old version whole; a crash earlier leaves files that nothing names, and the next
 * publication writes over them under the same version, which no client can have read.
 */
export async function writeVersions(deps: WriteDeps, next: NextVersions): Promise<void> {
  const { blobs, keys } = deps
  const now = deps.clock.now()
  const targets = new Targets({
    version: next.targets,
    specVersion: TUF_SPEC_VERSION,
    expires: expiryAfter(now, TUF_LIFETIME_DAYS.targets),
    targets: { ...next.files },
  })
  const targetsBytes = await signMetadata(targets, [keys.targets])
  await blobs.replace(`${TUF_FOLDER}${next.targets}.targets.json`, targetsBytes, { point: 'tuf.targets' })
  const snapshot = new Snapshot({
    version: next.snapshot,
    specVersion: TUF_SPEC_VERSION,
    expires: expiryAfter(now, TUF_LIFETIME_DAYS.snapshot),
    meta: { 'targets.json': describeFile(next.targets, targetsBytes) },
  })
  const snapshotBytes = await signMetadata(snapshot, [keys.snapshot])
  await blobs.replace(`${TUF_FOLDER}${next.snapshot}.snapshot.json`, snapshotBytes, { point: 'tuf.snapshot' })
  await writeTimestamp(deps, next.timestamp, describeFile(next.snapshot, snapshotBytes))
}

/** Replaces `timestamp.json`. When this resolves, the new version is durable and what clients see. */
export async function writeTimestamp(deps: WriteDeps, version: number, snapshotMeta: MetaFile): Promise<void> {
  const timestamp = new Timestamp({
    version,
    specVersion: TUF_SPEC_VERSION,
    expires: expiryAfter(deps.clock.now(), TUF_LIFETIME_DAYS.timestamp),
    snapshotMeta,
  })
  const bytes = await signMetadata(timestamp, [deps.keys.timestamp])
  await deps.blobs.replace(`${TUF_FOLDER}timestamp.json`, bytes, { point: 'tuf.timestamp' })
}

function describeFile(version: number, bytes: Uint8Array): MetaFile {
  return new MetaFile({
    version,
    length: bytes.length,
    hashes: { sha256: createHash('sha256').update(bytes).digest('hex') },
  })
}
