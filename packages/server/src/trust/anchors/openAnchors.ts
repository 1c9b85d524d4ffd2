import { createHash } from 'node:crypto'
import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import type { TargetFile } from '@tufjs/models'
import { trustError } from '../errors.ts'
import { inTurn } from '../inTurn.ts'
import { type CurrentRepository, readLatestRoot, readRepository, TUF_FOLDER } from './readRepository.ts'
import { readTarget } from './readTarget.ts'
import {
  type OnlineTufKeys,
  TUF_LIFETIME_DAYS,
  writeTargetFile,
  writeTimestamp,
  writeVersions,
} from './writeRepository.ts'

/** When each role's metadata ends, for `status`. Renewing the root needs the passphrase, the others renew themselves. */
export interface AnchorsStatus {
  readonly rootVersion: number
  readonly rootExpires: Date
  readonly targetsExpires: Date
  readonly snapshotExpires: Date
  readonly timestampExpires: Date
}

/** The TUF repository of a running instance. */
export interface Anchors {
  /**
   * Publishes the targets of `files` beside those already published. When this resolves, the new version is durable and
   * what clients see; a crash before leaves the old one. Files that are already published cost nothing, so a caller
   * repeats the call after a crash. Calls are carried out one after the other. Throws `trust.target-name`.
   */
  publish(files: Readonly<Record<string, Uint8Array>>): Promise<void>
  /**
   * Replaces one target by what `change` makes of it; undefined where it was never published. Nothing else is published
   * meanwhile, so two changes at once both count. What `change` throws is thrown, and then nothing changes. Durability as
   * with `publish`. Throws `trust.target-name`.
   */
  change(name: string, change: TargetChange): Promise<void>
  /** Re-signs what expires: timestamp daily, targets and snapshot when half their life is over. For a job. */
  renew(): Promise<void>
  /** When the published metadata ends. Throws `trust.anchors-missing` before the first publication. */
  status(): Promise<AnchorsStatus>
  /** Tells `listener` whenever clients may see something new, right after it is durable. It must not throw. */
  onPublished(listener: () => void): void
}

/** Makes the next bytes of a target from the present ones. */
export type TargetChange = (present: Uint8Array | undefined) => Promise<Uint8Array>

/** What the repository of a running instance stands on; the root key is not among it. */
export interface AnchorsDeps {
  readonly blobs: Blobs
  readonly clock: Clock
  readonly keys: OnlineTufKeys
}

/** Timestamp metadata is signed again when less than this is left of its week. */
const RENEW_TIMESTAMP_DAYS = TUF_LIFETIME_DAYS.timestamp - 1
/** Targets and snapshot are signed again when less than this is left. */
const RENEW_TARGETS_DAYS = TUF_LIFETIME_DAYS.targets / 2

/** Opens the repository that `createAnchors` made. The first `publish` makes the first version. */
export function openAnchors(deps: AnchorsDeps): Anchors {
  // Two publications at once would give the same version number to different files.
  const next = inTurn()
  const listeners = new Set<() => void>()
  const publishing = (work: () => Promise<void>) =>
    next(async () => {
      await work()
      for (const listener of listeners) listener()
    })
  return {
    publish: (files) => publishing(() => publish(deps, files)),
    change: (name, change) =>
      publishing(async () => publish(deps, { [name]: await change(await readTarget(deps.blobs, name)) })),
    renew: () => publishing(() => renew(deps)),
    status: () => readStatus(deps.blobs),
    onPublished: (listener) => void listeners.add(listener),
  }
}

/** SHA-256 of the first root's file: what a ticket carries and everything a client later trusts hangs on. */
export async function firstRootHash(blobs: Blobs): Promise<Uint8Array> {
  const bytes = await blobs.get(`${TUF_FOLDER}1.root.json`)
  if (bytes === undefined) throw trustError('trust.anchors-missing', 'the TUF repository has no first root')
  return createHash('sha256').update(bytes).digest()
}

async function publish(deps: AnchorsDeps, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  for (const name of Object.keys(files)) checkTargetName(name)
  const current = await readPublished(deps.blobs)
  const published = current?.targets.signed.targets ?? {}
  const written: Record<string, TargetFile> = {}
  for (const [name, bytes] of Object.entries(files)) written[name] = await writeTargetFile(deps.blobs, name, bytes)
  const changed = Object.values(written).some((file) => !published[file.path]?.equals(file))
  if (current === undefined || changed) await writeNext(deps, current, { ...published, ...written })
}

async function renew(deps: AnchorsDeps): Promise<void> {
  const current = await readRepository(deps.blobs)
  const now = deps.clock.now().getTime()
  const daysLeft = (expires: string) => (Date.parse(expires) - now) / 86_400_000
  const { targets, snapshot, timestamp } = current
  if (Math.min(daysLeft(targets.signed.expires), daysLeft(snapshot.signed.expires)) < RENEW_TARGETS_DAYS) {
    return writeNext(deps, current, targets.signed.targets)
  }
  if (daysLeft(timestamp.signed.expires) < RENEW_TIMESTAMP_DAYS) {
    await writeTimestamp(deps, timestamp.signed.version + 1, timestamp.signed.snapshotMeta)
  }
}

async function writeNext(
  deps: AnchorsDeps,
  current: CurrentRepository | undefined,
  files: Readonly<Record<string, TargetFile>>,
): Promise<void> {
  await writeVersions(deps, {
    targets: (current?.targets.signed.version ?? 0) + 1,
    snapshot: (current?.snapshot.signed.version ?? 0) + 1,
    timestamp: (current?.timestamp.signed.version ?? 0) + 1,
    files,
  })
}

/** The published version, or undefined before the first: then there is a root but no `timestamp.json` yet. */
async function readPublished(blobs: Blobs): Promise<CurrentRepository | undefined> {
  if ((await blobs.get(`${TUF_FOLDER}timestamp.json`)) !== undefined) return readRepository(blobs)
  await readLatestRoot(blobs)
  return undefined
}

async function readStatus(blobs: Blobs): Promise<AnchorsStatus> {
  const { root, targets, snapshot, timestamp } = await readRepository(blobs)
  return {
    rootVersion: root.metadata.signed.version,
    rootExpires: new Date(root.metadata.signed.expires),
    targetsExpires: new Date(targets.signed.expires),
    snapshotExpires: new Date(snapshot.signed.expires),
    timestampExpires: new Date(timestamp.signed.expires),
  }
}

/** Names become paths and addresses, so they hold nothing that either reads in a special way. */
function checkTargetName(name: string): void {
  const segment = '[A-Za-z0-9_-][A-Za-z0-9._-]*'
  if (name.length > 200 || !new RegExp(`^${segment}(/${segment})*$`).test(name)) {
    throw trustError('trust.target-name', 'a target has a name that cannot be an address')
  }
}
