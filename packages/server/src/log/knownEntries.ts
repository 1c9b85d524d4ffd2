import { randomBytes } from 'node:crypto'
import type { Database } from '@countersign/platform/database/database.ts'
import { equalBytes } from '@countersign/protocol/json/base64.ts'
import { HASH_BYTES, type Hash } from '@countersign/protocol/log/merkle.ts'
import { TILE_WIDTH } from '@countersign/protocol/log/tiles.ts'
import { logKeepingError } from './errors.ts'
import { FingerprintIndex } from './fingerprintIndex.ts'
import { type KeyTile, readKeyTile, readKeyTiles } from './store.ts'
import type { LogName } from './transparencyLog.ts'

/** Tiles of keys read at once when a log opens: 4 MB. */
const PAGE_TILES = 512

/**
 * Which entry has which dedupe key: exact, because the keys are committed with the checkpoint. In memory only what
 * finds the row; rebuilt from the rows when the log opens.
 */
export class KnownEntries {
  readonly #database: Database
  readonly #log: LogName
  readonly #index = new FingerprintIndex(randomBytes(4).readUInt32BE())
  /** Keys of the last, partial tile. */
  #tail = new Uint8Array()
  #size = 0

  private constructor(database: Database, log: LogName) {
    this.#database = database
    this.#log = log
  }

  /** Reads the keys of all `size` entries. Throws `log.keys-missing` unless there are exactly so many. */
  static async load(database: Database, log: LogName, size: number): Promise<KnownEntries> {
    const known = new KnownEntries(database, log)
    for (let first = 0; ; first += PAGE_TILES) {
      const page = await readKeyTiles(database, log, first, PAGE_TILES)
      for (const tile of page) known.#take(tile)
      if (page.length < PAGE_TILES) break
    }
    if (known.#size !== size) {
      throw logKeepingError('log.keys-missing', `the database has ${known.#size} keys for ${size} entries of ${log}`)
    }
    return known
  }

  /** The index of the entry with each of `keys`, or undefined for those that are not in the log. */
  async find(keys: readonly Hash[]): Promise<(number | undefined)[]> {
    const found: (number | undefined)[] = []
    for (const key of keys) found.push(await this.#find(key))
    return found
  }

  /** The tiles to commit when entries with `keys` follow: the last partial one, filled up, and new ones. */
  tilesWith(keys: readonly Hash[]): KeyTile[] {
    const joined = Buffer.concat([this.#tail, ...keys])
    const first = Math.floor(this.#size / TILE_WIDTH)
    const tiles: KeyTile[] = []
    for (let at = 0; at < joined.length; at += TILE_WIDTH * HASH_BYTES) {
      tiles.push({ tile: first + tiles.length, keys: joined.subarray(at, at + TILE_WIDTH * HASH_BYTES) })
    }
    return tiles
  }

  /** Remembers the entries with `keys`, once they are committed. */
  add(keys: readonly Hash[]): void {
    const last = this.tilesWith(keys).at(-1)
    keys.forEach((key, at) => {
      this.#index.add(key, this.#size + at)
    })
    this.#size += keys.length
    if (last !== undefined) this.#tail = this.#size % TILE_WIDTH === 0 ? new Uint8Array() : Uint8Array.from(last.keys)
  }

  #take({ tile, keys }: KeyTile): void {
    if (tile * TILE_WIDTH !== this.#size || keys.length % HASH_BYTES !== 0) {
      throw logKeepingError('log.keys-missing', `the keys of ${this.#log} from ${this.#size} on are missing`)
    }
    for (let at = 0; at < keys.length; at += HASH_BYTES) {
      this.#index.add(keys.subarray(at, at + HASH_BYTES), this.#size++)
    }
    this.#tail = keys.length === TILE_WIDTH * HASH_BYTES ? new Uint8Array() : Uint8Array.from(keys)
  }

  async #find(key: Hash): Promise<number | undefined> {
    for (const candidate of this.#index.candidates(key)) {
      const tile = await readKeyTile(this.#database, this.#log, Math.floor(candidate / TILE_WIDTH))
      const start = (candidate % TILE_WIDTH) * HASH_BYTES
      if (tile !== undefined && equalBytes(tile.subarray(start, start + HASH_BYTES), key)) return candidate
    }
    return undefined
  }
}
