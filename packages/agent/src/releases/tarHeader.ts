import { releasesError } from './errors.ts'

/** Size of a header and of the units that content is padded to. */
export const BLOCK_BYTES = 512

/** A header as it stands in the archive, before long names are put in. */
export interface TarHeader {
  readonly name: string
  readonly link: string
  /** One character of POSIX.1-1988 or an extension. */
  readonly type: string
  readonly sizeBytes: number
  readonly isExecutable: boolean
}

const CHECKSUM_START = 148
const CHECKSUM_END = 156

/**
 * Reads one header (POSIX.1-1988 ustar and the same with GNU's magic). Undefined for a block of zeros, which ends an archive.
 * Throws `releases.archive-malformed`.
 */
export function readTarHeader(block: Uint8Array): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined
  if (readNumber(block, CHECKSUM_START, 8) !== checksum(block)) throw malformed('a header has a wrong checksum')
  const isUstar = text(block, 257, 6) === 'ustar'
  const prefix = isUstar ? text(block, 345, 155) : ''
  const name = text(block, 0, 100)
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    link: text(block, 157, 100),
    type: String.fromCharCode(block[156] || 0x30),
    sizeBytes: readNumber(block, 124, 12),
    isExecutable: (readNumber(block, 100, 8) & 0o111) !== 0,
  }
}

/**
 * Reads the records of a pax header (POSIX.1-2001): `path`, `linkpath` and `size`, which override the next header.
 * Others are times and owners, which a device does not take over. Throws `releases.archive-malformed`.
 */
export function readPaxRecords(bytes: Uint8Array): ReadonlyMap<string, string> {
  const records = new Map<string, string>()
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at)
    const length = Number(decode(bytes.subarray(at, space < 0 ? at : space)))
    const isWhole = Number.isSafeInteger(length) && length > space - at + 1 && at + length <= bytes.length
    if (!isWhole || bytes[at + length - 1] !== 0x0a) throw malformed('a pax header is cut off')
    const record = decode(bytes.subarray(space + 1, at + length - 1))
    const equals = record.indexOf('=')
    if (equals <= 0) throw malformed('a pax header has no name')
    records.set(record.slice(0, equals), record.slice(equals + 1))
    at += length
  }
  return records
}

/** Octal digits, as every writer writes them; GNU's base-256 numbers only above 8 GiB, which no device takes. */
function readNumber(block: Uint8Array, offset: number, length: number): number {
  const digits = text(block, offset, length).trim()
  if (!/^[0-7]{0,12}$/.test(digits)) throw malformed('a header holds a number that is not octal')
  return digits === '' ? 0 : Number.parseInt(digits, 8)
}

function checksum(block: Uint8Array): number {
  let sum = 0
  for (const [at, byte] of block.entries()) sum += at >= CHECKSUM_START && at < CHECKSUM_END ? 0x20 : byte
  return sum
}

function text(block: Uint8Array, offset: number, length: number): string {
  const field = block.subarray(offset, offset + length)
  const end = field.indexOf(0)
  return decode(end < 0 ? field : field.subarray(0, end))
}

/** Names that are not UTF-8 would be other names on disk. */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw malformed('a name is not UTF-8', cause)
  }
}

function malformed(message: string, cause?: unknown) {
  return releasesError('releases.archive-malformed', message, { cause })
}
