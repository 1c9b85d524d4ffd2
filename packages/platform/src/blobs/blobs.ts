import { blobsError } from './errors.ts'

/** How one write is done: the name of its crash point, a literal at the call site. */
export interface BlobWrite {
  readonly point: string
}

/** An object under its name. */
export interface BlobObject {
  readonly key: string
  readonly bytes: Uint8Array
}

/**
 * Objects under names, durable one by one; what is too large or too static for the database: tiles, CRLs, TUF metadata.
 * A key is up to 1,024 characters: segments of letters, digits, `.`, `_`, `~`, `-`, joined by `/`; no segment starts with `.`.
 * Every method throws `blobs.bad-key` for anything else, so a key taken from a URL cannot leave the store.
 */
export interface Blobs {
  /**
   * Stores `bytes` under `key` once. When this resolves, the object survives power loss.
   * Same key and same bytes again: success, so callers may retry after a crash. Same key, other bytes: `blobs.conflict`.
   */
  putOnce(key: string, bytes: Uint8Array, write: BlobWrite): Promise<void>
  /**
   * As `putOnce` for several objects, for as many waits for the disk as one of them takes. When this rejects, some of them may be
   * stored, each one whole.
   */
  putAllOnce(objects: readonly BlobObject[], write: BlobWrite): Promise<void>
  /** Stores `bytes` under `key`, whatever was there; readers see the old object or the new. When this resolves, it survives power loss. */
  replace(key: string, bytes: Uint8Array, write: BlobWrite): Promise<void>
  /** The whole object, or undefined where there is none. */
  get(key: string): Promise<Uint8Array | undefined>
  /** The size of the object in bytes, or undefined where there is none. */
  stat(key: string): Promise<{ readonly sizeBytes: number } | undefined>
  /** Removes the object; none there: success. When this resolves, it does not come back after power loss. */
  delete(key: string, write: BlobWrite): Promise<void>
  /**
   * The keys of all objects under `prefix`, which is whole segments (`logs/artifacts`) or empty for everything.
   * In no order. What is written or deleted meanwhile may or may not be listed.
   */
  list(prefix: string): AsyncIterable<string>
}

const KEY = /^[A-Za-z0-9_~-][A-Za-z0-9._~-]*(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$/
const MAX_KEY_LENGTH = 1024

/** Refuses, with `blobs.bad-key`, what no back end may be asked for. */
export function checkBlobKey(key: string): void {
  if (key.length > MAX_KEY_LENGTH || !KEY.test(key))
    throw blobsError('blobs.bad-key', 'this cannot be the name of an object')
}
