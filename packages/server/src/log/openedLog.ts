import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import type { VerifiedCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import type { GrowingTree } from './growingTree.ts'
import type { KnownEntries } from './knownEntries.ts'
import type { StagedFile } from './staging.ts'
import type { LogDeps, LogLimits, LogSpec, PublicationListener } from './transparencyLog.ts'

/** What the log has committed to, and what is needed to build on it. Never changed: a round makes a new one. */
export interface Committed {
  /** As in the database: signed by the log, without cosignatures. */
  readonly checkpoint: VerifiedCheckpoint
  readonly timeMs: bigint
  /** Path of the bundle of the last growth below the log's folder; null before the first. */
  readonly staging: string | null
  readonly tree: GrowingTree
  /** The stored form of the entries in the last bundle, if that is partial. */
  readonly partialBundle: readonly Uint8Array[]
}

/** An open log in memory. Only one round at a time changes it. */
export interface OpenedLog {
  readonly deps: LogDeps
  readonly spec: LogSpec
  readonly limits: LogLimits
  readonly known: KnownEntries
  committed: Committed
  /** Committed files that may not be stored yet: the next round begins with them. */
  owed: readonly StagedFile[]
  /** The newest published checkpoint, cosignatures included; its size is at most that of `committed`. */
  published: VerifiedCheckpoint
  /** Bundles of this process that may still lie in storage. */
  readonly leftovers: Set<string>
  /** For each kind of tile, the first full one beside which partial tiles have not been looked for since the start. */
  readonly collected: Map<string, bigint>
  /** Who hears of publications. */
  readonly listeners: Set<PublicationListener>
  failure: Error | undefined
}

/** True while something that is committed is not published. */
export function isBehind({ owed, published, committed }: OpenedLog): boolean {
  return owed.length > 0 || published.size !== committed.checkpoint.size
}

/** Failures of storage that pass: nothing was stored, and the same write may succeed later. After any other the log stops. */
const PASSING = ['files.no-space', 'files.not-writable', 'database.no-space', 'database.busy'] as const

/** True for a failure of storage after which the log may go on. */
export function passes(error: unknown): boolean {
  return PASSING.some((code) => hasCode(error, code))
}

/** Stops the log for good: from now on only a restart, which looks at what is really stored, may build on it. Returns `error`. */
export function stop(log: OpenedLog, error: unknown): Error {
  const failure = error instanceof Error ? error : new Error('the log failed', { cause: error })
  if (log.failure === undefined) {
    log.failure = failure
    log.deps.logger.fatal({ err: failure, log: log.spec.name }, 'the log stopped')
    log.deps.onStopped?.(log.spec.name, failure)
  }
  return failure
}
