import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { decodeEntryBundle, MAX_ENTRY_BYTES } from '@countersign/protocol/log/entryBundle.ts'
import { HASH_BYTES } from '@countersign/protocol/log/merkle.ts'
import type { TileReader } from '@countersign/protocol/log/proof.ts'
import {
  type EntryBundleKind,
  entryBundlePath,
  TILE_WIDTH,
  tilePath,
  tileWidth,
} from '@countersign/protocol/log/tiles.ts'
import { type TlsTrust, trustedRequest } from '../anchors/trustedRequest.ts'
import type { Clock } from '../clock/clock.ts'
import { feedError } from './errors.ts'

/** How a log is read. */
export interface ReadDeps {
  readonly clock: Clock
  readonly trust: TlsTrust
  /** For every single resource. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** The static files of one log. Everything it returns is unverified. */
export interface LogReader {
  /** The newest checkpoint, and this clock minus the server's `Date` in milliseconds. */
  checkpoint(): Promise<{ note: string; clockOffsetMs?: number }>
  /** Tiles as they are at tree size `size`, cut to the width asked for, each fetched once. */
  tiles(size: bigint): TileReader
  /** The entries of bundle `index` at tree size `size`. */
  entries(index: bigint, size: bigint, kind: EntryBundleKind): Promise<Uint8Array>
}

const MAX_CHECKPOINT_BYTES = 262_144
const MAX_BUNDLE_BYTES = TILE_WIDTH * (MAX_ENTRY_BYTES + 2) * 2
const unzip = promisify(gunzip)

/** Opens the log below `url`, its prefix without a final slash. Methods throw `feed.unreachable` and `feed.tiles-wrong`. */
export function openLogReader(url: string, deps: ReadDeps): LogReader {
  async function get(path: string, maxBytes: number) {
    const reply = await trustedRequest(
      {
        url: `${url.replace(/\/$/, '')}/${path}`,
        maxBytes,
        timeoutMs: deps.timeoutMs,
        ...(deps.signal && { signal: deps.signal }),
        fail: (failure, message, cause) =>
          failure === 'too-large'
            ? feedError('feed.tiles-wrong', message)
            : feedError('feed.unreachable', message, { cause }),
      },
      deps.trust,
    )
    if (reply.status !== 200) throw feedError('feed.unreachable', `${url}/${path} answered ${reply.status}`)
    if (reply.headers['content-encoding'] !== 'gzip') return reply
    return { ...reply, bytes: await inflate(reply.bytes, maxBytes) }
  }

  return {
    async checkpoint() {
      const { bytes, headers } = await get('checkpoint', MAX_CHECKPOINT_BYTES)
      const date = Date.parse(headers.date ?? '')
      const offset = Number.isNaN(date) ? {} : { clockOffsetMs: deps.clock.now().getTime() - date }
      return { note: Buffer.from(bytes).toString(), ...offset }
    },
    tiles(size) {
      const fetched = new Map<string, Promise<Uint8Array>>()
      return async (level, index, width) => {
        const path = tilePath(level, index, tileWidth(level, index, size))
        const tile = fetched.get(path) ?? get(path, TILE_WIDTH * HASH_BYTES).then((reply) => reply.bytes)
        fetched.set(path, tile)
        return (await tile).subarray(0, width * HASH_BYTES)
      }
    },
    async entries(index, size, kind) {
      const { bytes } = await get(entryBundlePath(index, tileWidth(0, index, size), kind), MAX_BUNDLE_BYTES)
      return bytes
    },
  }
}

/** The entries of a bundle as a list of exactly `width`. Throws `feed.tiles-wrong`. */
export function readEntries(bundle: Uint8Array, width: number): Uint8Array[] {
  const entries = decodeEntryBundle(bundle, { maxEntries: TILE_WIDTH })
  if (entries.length < width)
    throw feedError('feed.tiles-wrong', `an entry bundle has ${entries.length} of ${width} entries`)
  return entries.slice(0, width)
}

async function inflate(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  try {
    return new Uint8Array(await unzip(bytes, { maxOutputLength: maxBytes }))
  } catch (cause) {
    throw feedError('feed.tiles-wrong', 'a compressed resource of the log cannot be unpacked', { cause })
  }
}
