import { logError } from './errors.ts'
import { TILE_WIDTH } from './tiles.ts'

/** Largest entry of a log, in bytes: what the 16-bit length of tlog-tiles can say. */
export const MAX_ENTRY_BYTES = 65_535

/**
 * Writes 1 to 256 entries as one entry bundle: each entry after its 16-bit big-endian length. C2SP tlog-tiles.
 * Throws `log.entry-too-large` for an entry above 65,535 bytes, `log.range-wrong` for another number of entries.
 */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  if (entries.length < 1 || entries.length > TILE_WIDTH) {
    throw logError('log.range-wrong', 'an entry bundle has 1 to 256 entries')
  }
  const bundle = new Uint8Array(entries.reduce((bytes, entry) => bytes + 2 + entry.length, 0))
  const view = new DataView(bundle.buffer)
  let at = 0
  for (const entry of entries) {
    if (entry.length > MAX_ENTRY_BYTES) throw logError('log.entry-too-large', `an entry has ${entry.length} bytes`)
    view.setUint16(at, entry.length)
    bundle.set(entry, at + 2)
    at += 2 + entry.length
  }
  return bundle
}

/**
 * Reads an entry bundle (not compressed): at most `maxEntries` entries, each a view into `bytes`. C2SP tlog-tiles.
 * Does not check the entries against the log: hash them with `leafHash` and compare. Throws `log.entry-bundle-wrong`.
 */
export function decodeEntryBundle(bytes: Uint8Array, { maxEntries }: { maxEntries: number }): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const entries: Uint8Array[] = []
  let at = 0
  while (at < bytes.length) {
    if (entries.length === maxEntries) throw logError('log.entry-bundle-wrong', `more than ${maxEntries} entries`)
    if (at + 2 > bytes.length) throw logError('log.entry-bundle-wrong', 'the bundle ends within a length')
    const end = at + 2 + view.getUint16(at)
    if (end > bytes.length) throw logError('log.entry-bundle-wrong', 'the bundle ends within an entry')
    entries.push(bytes.subarray(at + 2, end))
    at = end
  }
  return entries
}
