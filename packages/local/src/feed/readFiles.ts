import { type BigIntStats, statSync } from 'node:fs'

/** What was made of a file, and which file that was. */
interface Made<Value> {
  readonly stamp: string
  readonly value: Value
  readonly sizeBytes: number
}

/**
 * Values that were made of files, for as long as the files are the same: whoever follows a feed looks at them at every push.
 * A file that somebody replaces or changes has another number, size or time of change, and is read again.
 */
export class ReadFiles<Value> {
  readonly #made = new Map<string, Made<Value>>()
  readonly #maxBytes: number
  #sizeBytes = 0

  /** Forgets the oldest files where what is remembered comes from more than `maxBytes` of them. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** What `make` made of the file `path`; undefined where there is no such file. Rejects with what `make` throws. */
  async get(path: string, make: () => Promise<Value>): Promise<Value | undefined> {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
    if (stats === undefined) return undefined
    const known = this.#made.get(path)
    if (known?.stamp === stampOf(stats)) return known.value
    const value = await make()
    // A file that changed while it was read is read again the next time.
    this.#set(path, stats, value)
    return value
  }

  /** Remembers what the caller has just written to `path`. */
  set(path: string, value: Value): void {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
    if (stats !== undefined) this.#set(path, stats, value)
  }

  #set(path: string, stats: BigIntStats, value: Value): void {
    this.#forget(path)
    const sizeBytes = Number(stats.size)
    this.#made.set(path, { stamp: stampOf(stats), value, sizeBytes })
    this.#sizeBytes += sizeBytes
    for (const oldest of this.#made.keys()) {
      if (this.#sizeBytes <= this.#maxBytes) break
      this.#forget(oldest)
    }
  }

  #forget(path: string): void {
    this.#sizeBytes -= this.#made.get(path)?.sizeBytes ?? 0
    this.#made.delete(path)
  }
}

/** `ctime` changes with every change of content, and nobody can set it. */
function stampOf({ ino, size, ctimeNs }: BigIntStats): string {
  return `${ino} ${size} ${ctimeNs}`
}
