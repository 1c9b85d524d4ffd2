import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { Logger } from '@countersign/platform/telemetry/logger.ts'
import type { VerifiedCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import type { Hash } from '@countersign/protocol/log/merkle.ts'
import type { NoteKey } from '@countersign/protocol/log/note.ts'
import type { EntryBundleKind } from '@countersign/protocol/log/tiles.ts'
import type { Cosigner, LogSigner } from './signers.ts'

/** The four logs of an instance. */
export type LogName = 'artifacts' | 'certificates' | 'revocations' | 'audit'

/** What a log stands on. */
export interface LogDeps {
  /** Trusted: it holds the commit point and which entries exist. */
  readonly database: Database
  /** Not trusted: what is read from it is checked against the database before anything is built on it. */
  readonly blobs: Blobs
  readonly clock: Clock
  readonly logger: Logger
  /** Told once when the log stops for good; whoever runs the process ends it, and the next start repairs. */
  readonly onStopped?: (name: LogName, error: Error) => void
}

/** Which log to open. */
export interface LogSpec {
  readonly name: LogName
  /** First line of every checkpoint, and the name of its keys. */
  readonly origin: string
  /** Prefix of the log's objects in `Blobs`, such as `logs/artifacts`. */
  readonly folder: string
  readonly entriesAs: EntryBundleKind
  /** At least one; the first one's key opens the checkpoints that `head` gives. */
  readonly signers: readonly LogSigner[]
  readonly cosigners: readonly Cosigner[]
  /** Certificates (DER) that are published under `issuer/<hex SHA-256>` when the log opens: the issuers of its entries. */
  readonly issuers?: readonly Uint8Array[]
  readonly limits?: Partial<LogLimits>
}

/** How much a log takes on. */
export interface LogLimits {
  /** Entries of one round at most. */
  readonly maxBatch: number
  /** Entries that wait at most; above it `append` throws `log.busy`. */
  readonly maxQueue: number
  /** A round starts at once after a pause, and no sooner than this many milliseconds after the one before it started. */
  readonly batchMs: number
  /** A cosigner that has not answered after this many milliseconds is left out. */
  readonly cosignMs: number
}

/** Something to log. Nothing of it may depend on time or chance, so that the same entry gives the same bytes again. */
export interface LogEntry {
  /** 32 bytes, equal for entries that are the same. An output of a hash: it is spread evenly. */
  readonly dedupeKey: Hash
  /**
   * The entry at its place. `leaf` is what `leafHash` covers, `stored` what the entry bundle or data tile holds.
   * Called once, when the index is known; what it throws is thrown to the caller of `append`, and the index stays free.
   */
  encode(index: bigint): { readonly leaf: Uint8Array; readonly stored: Uint8Array }
}

/** Where an entry is, with the proof. The checkpoint is published: anyone can fetch it and the tiles under it. */
export interface Appended {
  readonly index: bigint
  readonly leafHash: Hash
  /** Of the tree that `checkpoint` commits to. */
  readonly size: bigint
  readonly root: Hash
  /** For `verifyInclusion`; the leaf's sibling first. */
  readonly proof: readonly Hash[]
  /** The signed note, cosignatures included. */
  readonly checkpoint: string
  /** The entry was in the log, or on its way into it, before this call. */
  readonly duplicate: boolean
}

/** What was published just now. */
export interface Publication {
  readonly checkpoint: VerifiedCheckpoint
  /** Size of the tree that was published before. */
  readonly previousSize: bigint
  /** The stored form of the newest entries: of those in the last, partial bundle. Empty where that is full. */
  readonly partialBundle: readonly Uint8Array[]
}

/** Hears of publications. */
export type PublicationListener = (publication: Publication) => void

/** A log that is open for writing. One process writes; a second one loses the race for the commit point and stops. */
export interface TransparencyLog {
  readonly name: LogName
  readonly origin: string
  readonly entriesAs: EntryBundleKind
  /** The log's own keys, in the order of the signers. */
  readonly noteKeys: readonly NoteKey[]
  /** The cosigners' keys. */
  readonly cosignerKeys: readonly NoteKey[]
  /**
   * Logs `entry`, once: an equal `dedupeKey` gives the index that the first one got, also after restarts.
   * When this resolves, the entry survives power loss, never moves, and is published with everything that proves it.
   * When it rejects, the entry may be in the log nevertheless; appending it again finds out.
   * Throws `log.busy`, `log.closed`, `log.not-stored`, `log.clock-behind`, `log.entry-too-large`, `log.full`, `log.stopped`,
   * and what storage reports (`files.no-space` …).
   */
  append(entry: LogEntry): Promise<Appended>
  /** Publishes the checkpoint anew with the present time and fresh cosignatures, whether or not the tree has grown. */
  heartbeat(): Promise<void>
  /** The newest published checkpoint. */
  head(): VerifiedCheckpoint
  /**
   * Tells `listener` of every checkpoint from now on, heartbeats too, right after it is published and in order. It is called
   * inside the round, so it must be quick and must not throw. Returns the function that ends it.
   */
  onPublished(listener: PublicationListener): () => void
  /** The hashes of a tile of exactly this width, or undefined where there is none. */
  readTile(level: number, index: bigint, width: number): Promise<Uint8Array | undefined>
  /** An entry bundle or data tile of exactly this width, or undefined where there is none. */
  readEntries(index: bigint, width: number): Promise<Uint8Array | undefined>
  /** A certificate by the lower-case hex SHA-256 of its DER, or undefined. */
  readIssuer(fingerprint: string): Promise<Uint8Array | undefined>
  /** Proves entry `index` in the published tree of `size` entries. Throws `log.range-wrong`, `log.files-missing`. */
  inclusionProof(index: bigint, size: bigint): Promise<Hash[]>
  /** Proves that the published tree of `newSize` entries extends that of `oldSize`. Throws `log.range-wrong`, `log.files-missing`. */
  consistencyProof(oldSize: bigint, newSize: bigint): Promise<Hash[]>
  /** Removes partial tiles whose full tile is published. Returns how many objects went. */
  collectPartials(signal?: AbortSignal): Promise<number>
  /** Why the log stopped, or undefined while it runs. */
  failure(): Error | undefined
  /** Finishes the rounds that have begun, refuses what waits and what comes. Calling it again does nothing. */
  close(): Promise<void>
}
