import { type Blobs, type BlobWrite, checkBlobKey } from '@countersign/platform/blobs/blobs.ts'
import { blobsError } from '@countersign/platform/blobs/errors.ts'
import { equalBytes } from '@countersign/protocol/json/base64.ts'

/** What goes wrong with one write: nothing is stored, or it is stored and the writer is not told. */
export type Fault = 'lost' | 'stored'

/** A fault that a test asks for, and the error that the writer sees. */
export interface PlannedFault {
  readonly fault: Fault
  readonly error: Error
}

/** Objects in memory, for tests of what is built on `Blobs`. */
export interface TestBlobs extends Blobs {
  readonly objects: Map<string, Uint8Array>
  /** Every write in order: the crash point and the key. */
  readonly writes: { readonly point: string; readonly key: string }[]
  /** What writers did that no writer may do; a test ends with this empty. */
  readonly violations: string[]
  /** Asked before each write. */
  plan: ((point: string, key: string) => PlannedFault | undefined) | undefined
}

/**
 * Makes a store that notes it as a violation when an object that is written once is written with other bytes, is replaced,
 * or comes back after it was deleted.
 */
export function testBlobs(): TestBlobs {
  const objects = new Map<string, Uint8Array>()
  const once = new Map<string, Uint8Array>()
  const violations: string[] = []
  const store: TestBlobs = {
    objects,
    writes: [],
    violations,
    plan: undefined,
    putOnce: (key, bytes, write) => store.putAllOnce([{ key, bytes }], write),
    putAllOnce: async (given, write) => {
      for (const { key, bytes } of given) putOnce(key, bytes, write)
    },
    replace: async (key, bytes, write) =>
      attempt(store, key, write, () => {
        if (once.has(key)) violations.push(`${key} is written once and was replaced`)
        objects.set(key, bytes.slice())
      }),
    delete: async (key, write) => attempt(store, key, write, () => void objects.delete(key)),
    get: async (key) => read(key, objects.get(key)?.slice()),
    stat: async (key) => {
      const found = read(key, objects.get(key))
      return found && { sizeBytes: found.length }
    },
    async *list(prefix) {
      for (const key of [...objects.keys()]) if (prefix === '' || key.startsWith(`${prefix}/`)) yield key
    },
  }
  return store

  function putOnce(key: string, bytes: Uint8Array, write: BlobWrite): void {
    attempt(store, key, write, () => {
      const first = once.get(key)
      if (first !== undefined && !equalBytes(first, bytes)) violations.push(`${key} was written with other bytes`)
      const present = objects.get(key)
      if (present !== undefined && !equalBytes(present, bytes)) {
        throw blobsError('blobs.conflict', `${key} has other content`)
      }
      once.set(key, bytes.slice())
      objects.set(key, bytes.slice())
    })
  }
}

function read<Found>(key: string, found: Found): Found {
  checkBlobKey(key)
  return found
}

function attempt(store: TestBlobs, key: string, { point }: BlobWrite, write: () => void): void {
  checkBlobKey(key)
  store.writes.push({ point, key })
  const planned = store.plan?.(point, key)
  if (planned?.fault !== 'lost') write()
  if (planned !== undefined) throw planned.error
}
