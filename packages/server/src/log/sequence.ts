import { CodedError, hasCode } from '@countersign/protocol/errors/codedError.ts'
import { cosigned, nextTime, signCheckpoint } from './checkpoints.ts'
import { logKeepingError } from './errors.ts'
import { type Growth, growBy } from './growth.ts'
import { type Committed, isBehind, type OpenedLog, passes, stop } from './openedLog.ts'
import type { Pending } from './pool.ts'
import { answerRepeated, sortOut } from './repeated.ts'
import { packBundle, type StagedBundle } from './staging.ts'
import { commitLog, readLog } from './store.ts'

/**
 * One round: takes `pool` into the log, publishes it, answers. With an empty pool it publishes the same tree anew, with the
 * present time and fresh cosignatures. What fails before the commit point is thrown and has changed nothing. What fails
 * after it is thrown too, but the entries are in: the next round, or the next start, finishes what this one began.
 */
export async function sequence(log: OpenedLog, pool: readonly Pending[]): Promise<void> {
  // What an earlier round could not finish comes first: growing on top of it would leave holes in the tiles.
  if (isBehind(log)) await publish(log)

  const { repeated, fresh } = await sortOut(log, pool)
  const growth = growBy(log.committed, fresh, log.spec.entriesAs)
  if (growth.placed.length === 0 && pool.length > 0) return answerRepeated(log, repeated)

  // All of this is in memory, and the signed checkpoint stays there until the commit point: if this round fails, the next
  // one signs another tree of perhaps the same size.
  const bundle = growth.files.length === 0 ? undefined : packBundle(log.committed.checkpoint.size, growth.files)
  const next = await commitmentTo(log, growth, bundle)

  // A crash before or in this step leaves no trace that counts: at most a bundle that no commitment names.
  // Nobody was answered. `removeLeftovers` of a later start deletes it, once the tree is past the size it would extend.
  if (bundle !== undefined) await stage(log, bundle)

  // THE COMMIT POINT. A crash before it: the entries are not in. A crash right after it: they are in, without tiles,
  // without an answer. The next `openLog` finds the bundle that the row names and stores it by the `publish` below;
  // a client that asks again finds its entry by the key that was committed in the same transaction.
  await commit(log, next, growth)

  await publish(log)

  // A crash from here on costs a caller the answer, not the entry.
  answerPlaced(log, growth)
  answerRepeated(log, repeated)
}

/** Makes public what is committed: the second half of a round, and all of recovery. Every step may be done again. */
export async function publish(log: OpenedLog): Promise<void> {
  const { blobs } = log.deps
  const { folder } = log.spec
  try {
    // A crash in this step leaves some tiles beyond the published size, which nobody asks for. The bundle is still
    // there: `openLog` stores all of them again, the same bytes under the same names.
    const tiles = log.owed.map(({ path, bytes }) => ({ key: `${folder}/${path}`, bytes }))
    await blobs.putAllOnce(tiles, { point: 'log.tile' })
    log.owed = []

    // Witnesses are shown a tree only when everything that proves it can be fetched. Their lines are kept nowhere else:
    // after a crash right here they are asked again.
    const checkpoint = await cosigned(log)

    // A crash before or in this step leaves the old checkpoint over new tiles; `openLog` publishes the committed one.
    // After it everybody can see the entries.
    await blobs.replace(`${folder}/checkpoint`, new TextEncoder().encode(checkpoint.note), { point: 'log.checkpoint' })
    const previousSize = log.published.size
    log.published = checkpoint
    const publication = { checkpoint, previousSize, partialBundle: log.committed.partialBundle }
    for (const listener of log.listeners) listener(publication)
  } catch (error) {
    throw passes(error) ? error : stop(log, error)
  }
  await discardBundles(log)
}

/** Signs what the round leads to. A signer that fails is nobody's fault: the entries are refused, the log goes on. */
async function commitmentTo(log: OpenedLog, growth: Growth, bundle: StagedBundle | undefined): Promise<Committed> {
  const { tree, partialBundle } = growth
  const timeMs = nextTime(log.deps.clock, log.committed.timeMs)
  const staging = bundle?.path ?? log.committed.staging
  try {
    const checkpoint = await signCheckpoint(log.spec, { size: tree.size, root: tree.root(), timeMs })
    return { checkpoint, timeMs, staging, tree, partialBundle }
  } catch (cause) {
    throw cause instanceof CodedError
      ? cause
      : logKeepingError('log.not-stored', 'the checkpoint was not signed', { cause })
  }
}

async function stage(log: OpenedLog, { path, bytes }: StagedBundle): Promise<void> {
  log.leftovers.add(path)
  try {
    await log.deps.blobs.putOnce(`${log.spec.folder}/${path}`, bytes, { point: 'log.staging' })
  } catch (error) {
    throw passes(error) ? error : notStored(log, error)
  }
}

/** Whether the bundle is there does not matter; a disk that does not confirm does, since it may lie about the next write. */
function notStored(log: OpenedLog, cause: unknown): Error {
  if (hasCode(cause, 'files.fsync-failed')) return stop(log, cause)
  return logKeepingError('log.not-stored', 'the round could not be staged', { cause })
}

async function commit(log: OpenedLog, next: Committed, { placed, files }: Growth): Promise<void> {
  const { name } = log.spec
  const keys = placed.map(({ pending }) => pending.entry.dedupeKey)
  const row = {
    size: Number(next.checkpoint.size),
    note: next.checkpoint.note,
    time_ms: Number(next.timeMs),
    staging: next.staging,
  }
  try {
    await commitLog(log.deps.database, name, log.committed.checkpoint.note, row, log.known.tilesWith(keys))
  } catch (error) {
    throw (await isUnchanged(log, error)) ? error : stop(log, error)
  }
  log.known.add(keys)
  log.committed = next
  log.owed = files
}

/** True if the commit certainly did not happen. When in doubt the log stops, and the next start asks the disk. */
async function isUnchanged(log: OpenedLog, error: unknown): Promise<boolean> {
  if (!passes(error)) return false
  const row = await readLog(log.deps.database, log.spec.name).catch(() => undefined)
  return row?.note === log.committed.checkpoint.note
}

/** A crash before or in this step, or a failure of it, leaves bundles whose files are all stored; `removeLeftovers` deletes them. */
async function discardBundles(log: OpenedLog): Promise<void> {
  for (const path of log.leftovers) {
    try {
      await log.deps.blobs.delete(`${log.spec.folder}/${path}`, { point: 'log.discard' })
      log.leftovers.delete(path)
    } catch (error) {
      log.deps.logger.warn({ err: error, log: log.spec.name, path }, 'a staged bundle was not deleted')
    }
  }
}

function answerPlaced({ published }: OpenedLog, { placed, tree }: Growth): void {
  const { size, root, note: checkpoint } = published
  for (const { pending, index, leafHash } of placed) {
    pending.resolve({
      index,
      leafHash,
      size,
      root,
      proof: tree.inclusionProof(index),
      checkpoint,
      duplicate: false,
    })
  }
}
