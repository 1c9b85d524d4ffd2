/** Size of a header and of the units that content is padded to. */
export const BLOCK_BYTES = 512

/** A header as it stands in the archive, before long names are put in. */
export interface TarHeader {
  readonly name: string
  readonly link: string
  /** One character of POSIX.1-1988, or of an extension. */
  readonly type: string
  readonly sizeBytes: number
  readonly isExecutable: boolean
}

/** The archive breaks a rule of its format; nothing after it can be trusted. */
export class TarFault extends Error {
  /** The gap it becomes. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.name = 'TarFault'
    this.code = code
  }
}

const CHECKSUM_START = 148
const CHECKSUM_END = 156

/**
 * Reads one header: POSIX.1-1988 ustar, the older form without magic, GNU's with base-256 numbers. Undefined for a block of
 * zeros, which ends an archive. Throws `TarFault`.
 */
export function readTarHeader(block: Uint8Array): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined
  if (readNumber(block, CHECKSUM_START, 8) !== checksum(block)) throw malformed('a header has a wrong checksum')
  // GNU writes times where POSIX has the prefix, under another magic.
  const prefix = text(block, 257, 8) === 'ustar' || text(block, 257, 6) === 'ustar' ? text(block, 345, 155) : ''
  const name = text(block, 0, 100)
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    link: text(block, 157, 100),
    type: String.fromCharCode(block[156] || 0x30),
    sizeBytes: readNumber(block, 124, 12),
    isExecutable: (readNumber(block, 100, 8) & 0o111) !== 0,
  }
}

/** Reads the records of a pax header (POSIX.1-2001). Throws `TarFault`. */
export function readPaxRecords(bytes: Uint8Array): ReadonlyMap<string, string> {
  const records = new Map<string, string>()
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at)
    const digits = decode(bytes.subarray(at, space < 0 ? at : Math.min(space, at + 10)))
    const length = /^\d+$/.test(digits) ? Number(digits) : 0
    if (length <= space - at + 1 || at + length > bytes.length || bytes[at + length - 1] !== 0x0a) {
      throw malformed('a pax header is cut off')
    }
    const record = decode(bytes.subarray(space + 1, at + length - 1))
    const equals = record.indexOf('=')
    if (equals <= 0) throw malformed('a pax header has no name')
    records.set(record.slice(0, equals), record.slice(equals + 1))
    at += length
  }
  return records
}

function readNumber(block: Uint8Array, offset: number, length: number): number {
  if (((block[offset] ?? 0) & 0x80) !== 0) return readBase256(block.subarray(offset, offset + length))
  const digits = text(block, offset, length).trim()
  if (!/^[0-7]{0,12}$/.test(digits)) throw malformed('a header holds a number that is not octal')
  return digits === '' ? 0 : Number.parseInt(digits, 8)
}

function readBase256(field: Uint8Array): number {
  let value = (field[0] ?? 0) & 0x7f
  for (const byte of field.subarray(1)) value = value * 256 + byte
  if (!Number.isSafeInteger(value)) throw malformed('a header holds a number that is too large')
  return value
}

function checksum(block: Uint8Array): number {
  let sum = 0
  // Every entry of a stranger's archive comes by here; an iterator would make an object of each byte.
  for (let at = 0; at < block.length; at++) {
    sum += at >= CHECKSUM_START && at < CHECKSUM_END ? 0x20 : (block[at] ?? 0)
  }
  return sum
}

function text(block: Uint8Array, offset: number, length: number): string {
  const field = block.subarray(offset, offset + length)
  const end = field.indexOf(0)
  return decode(end < 0 ? field : field.subarray(0, end))
}

/** Reads a text. Names that are not UTF-8 would be other names on disk: `TarFault`. */
export function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw malformed('a name is not UTF-8')
  }
}

function malformed(message: string): TarFault {
  return new TarFault('gap.archive-malformed', message)
}
