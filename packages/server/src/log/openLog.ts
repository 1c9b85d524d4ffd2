import { toHex } from '@countersign/protocol/json/base64.ts'
import type { VerifiedCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import { logError } from '@countersign/protocol/log/errors.ts'
import { sha256 } from '@countersign/protocol/log/merkle.ts'
import { consistencyProof, inclusionProof, type TileReader } from '@countersign/protocol/log/proof.ts'
import { nextTime, openOwn, signCheckpoint } from './checkpoints.ts'
import { collectPartials } from './collectPartials.ts'
import { logKeepingError } from './errors.ts'
import { GrowingTree } from './growingTree.ts'
import { KnownEntries } from './knownEntries.ts'
import { comparePublished, readBundle, readPublished, removeLeftovers, takeUp } from './load.ts'
import { isBehind, type OpenedLog } from './openedLog.ts'
import { readEntries, readTile, requireTile } from './reading.ts'
import { Rounds } from './rounds.ts'
import { publish } from './sequence.ts'
import { createLog, type LogRow, readLog } from './store.ts'
import type { LogDeps, LogLimits, LogSpec, TransparencyLog } from './transparencyLog.ts'

const LIMITS: LogLimits = { maxBatch: 1024, maxQueue: 4096, batchMs: 30, cosignMs: 1000 }

/**
 * Opens a log for writing; a log that does not exist is made. Before it resolves, everything that a crash left unfinished
 * is finished: it is safe to append, and what was ever answered is there.
 * Refuses to open, and changes nothing, where going on could contradict what was published: `log.clock-behind`,
 * `log.forked`, `log.published-newer`, `log.database-missing`, `log.files-missing`, `log.files-wrong`, `log.keys-missing`,
 * and the codes of `openCheckpoint` for a checkpoint by other keys or of another origin.
 */
export async function openLog(deps: LogDeps, spec: LogSpec): Promise<TransparencyLog> {
  const files = { deps, spec }
  const published = await readPublished(files)
  const row = (await readLog(deps.database, spec.name)) ?? (await create(files, published))
  const checkpoint = openOwn(spec, row.note)
  nextTime(deps.clock, BigInt(row.time_ms))
  comparePublished(published, checkpoint)

  const owed = (published?.size ?? 0n) < checkpoint.size ? await readBundle(files, row.staging) : []
  const log: OpenedLog = {
    deps,
    spec,
    limits: { ...LIMITS, ...spec.limits },
    known: await KnownEntries.load(deps.database, spec.name, row.size),
    committed: await takeUp(files, row, checkpoint, owed),
    owed,
    published: published ?? checkpoint,
    leftovers: new Set(),
    collected: new Map(),
    listeners: new Set(),
    failure: undefined,
  }
  if (published === undefined || isBehind(log)) await publish(log)
  await removeLeftovers(files, checkpoint.size)
  await publishIssuers(files)
  return transparencyLog(log)
}

/** Commits to the empty tree. A crash right after it leaves a log without a checkpoint, which `openLog` publishes. */
async function create({ deps, spec }: Files, published: VerifiedCheckpoint | undefined): Promise<LogRow> {
  if (published !== undefined) {
    throw logKeepingError(
      'log.database-missing',
      `a checkpoint of ${spec.origin} is published, the database has no log`,
    )
  }
  const tree = GrowingTree.empty()
  const timeMs = nextTime(deps.clock, 0n)
  const { note } = await signCheckpoint(spec, { size: 0n, root: tree.root(), timeMs })
  const row = { size: 0, note, time_ms: Number(timeMs), staging: null }
  await createLog(deps.database, spec.name, row)
  return row
}

interface Files {
  readonly deps: LogDeps
  readonly spec: LogSpec
}

async function publishIssuers({ deps, spec }: Files): Promise<void> {
  for (const der of spec.issuers ?? []) {
    await deps.blobs.putOnce(`${spec.folder}/issuer/${toHex(sha256(der))}`, der, { point: 'log.issuer' })
  }
}

function transparencyLog(log: OpenedLog): TransparencyLog {
  const { deps, spec } = log
  const rounds = new Rounds(log)
  return {
    name: spec.name,
    origin: spec.origin,
    entriesAs: spec.entriesAs,
    noteKeys: spec.signers.map((signer) => signer.key),
    cosignerKeys: spec.cosigners.map((cosigner) => cosigner.key),
    append: (entry) => rounds.append(entry),
    heartbeat: () => rounds.heartbeat(),
    head: () => log.published,
    onPublished(listener) {
      log.listeners.add(listener)
      return () => void log.listeners.delete(listener)
    },
    readTile: (level, index, width) => readTile(log, level, index, width),
    readEntries: (index, width) => readEntries(log, index, width),
    readIssuer: (fingerprint) => deps.blobs.get(`${spec.folder}/issuer/${fingerprint}`),
    inclusionProof: async (index, size) => inclusionProof(index, size, publishedTiles(log, size)),
    consistencyProof: async (oldSize, newSize) => consistencyProof(oldSize, newSize, publishedTiles(log, newSize)),
    collectPartials: (signal) => collectPartials(log, signal),
    failure: () => log.failure,
    close: () => rounds.close(),
  }
}

/** Proofs are only about published trees: tiles beyond them may still turn out different. Throws `log.range-wrong`. */
function publishedTiles(log: OpenedLog, size: bigint): TileReader {
  if (size <= log.published.size) return requireTile(log)
  throw logError('log.range-wrong', `only ${log.published.size} entries are published`)
}
