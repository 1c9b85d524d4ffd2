import { derError } from './errors.ts'

/**
 * One tag-length-value. `tag` is the whole identifier octet (0x30 for SEQUENCE); `contents` are joined in order.
 * The one place where lengths are written; everything is copied once a level, which is cheap at the sizes written here.
 */
export function tagged(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const content of contents) length += content.length
  const header = length < 0x80 ? 2 : length < 0x100 ? 3 : length < 0x10000 ? 4 : length < 0x1000000 ? 5 : 6
  const out = allocate(header + length)
  out[0] = tag
  if (header === 2) out[1] = length
  else {
    out[1] = 0x80 | (header - 2)
    for (let i = header - 1, rest = length; i >= 2; i--, rest >>>= 8) out[i] = rest
  }
  let offset = header
  for (const content of contents) {
    out.set(content, offset)
    offset += content.length
  }
  return out
}

// Above 64 bytes V8 gives every typed array a store of its own, which costs ten times as much as a view into a shared
// one (measured: 1600 against 130 ns). Large results get their own, so that keeping one does not keep the rest.
const SLAB_BYTES = 16 << 10
const MAX_IN_SLAB_BYTES = 2 << 10
let slab = new ArrayBuffer(SLAB_BYTES)
let slabUsed = 0

/** An array that the caller fills to the last byte. May be a view: never look at its `buffer` without `byteOffset`. */
function allocate(size: number): Uint8Array {
  if (size <= 64 || size > MAX_IN_SLAB_BYTES) return new Uint8Array(size)
  if (slabUsed + size > SLAB_BYTES) {
    slab = new ArrayBuffer(SLAB_BYTES)
    slabUsed = 0
  }
  const out = new Uint8Array(slab, slabUsed, size)
  slabUsed += size
  return out
}

/** SEQUENCE or SEQUENCE OF, members in the given order. */
export function sequence(...members: readonly Uint8Array[]): Uint8Array {
  return tagged(0x30, ...members)
}

/** SET OF: members are put into the order that DER demands (X.690, 11.6). */
export function set(...members: readonly Uint8Array[]): Uint8Array {
  return tagged(0x31, ...(members.length < 2 ? members : sortedMembers(members)))
}

/** `members` in the order of their encodings, as a SET OF holds them (X.690, 11.6). */
export function sortedMembers(members: readonly Uint8Array[]): Uint8Array[] {
  return members.toSorted(compareEncodings)
}

/** Order of two encodings (X.690, 11.6): bytewise; a prefix comes first. Negative, zero or positive. */
export function compareEncodings(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/**
 * INTEGER. A `Uint8Array` is an unsigned big-endian number, as serial numbers are held here; numbers and bigints may be
 * negative. Numbers beyond 2^53 throw `der.unwritable`.
 */
export function integer(value: bigint | number | Uint8Array): Uint8Array {
  if (value instanceof Uint8Array) return unsignedInteger(value)
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw derError('der.unwritable', 'a number beyond 2^53 is written as a bigint')
    if (value >= 0 && value < 0x80) return Uint8Array.of(0x02, 1, value)
    return integer(BigInt(value))
  }
  return value >= 0n ? unsignedInteger(bigEndian(value)) : negativeInteger(value)
}

function unsignedInteger(bytes: Uint8Array): Uint8Array {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const digits = bytes.subarray(start)
  if (digits.length === 0) return Uint8Array.of(0x02, 1, 0)
  // A set top bit would read as a negative number.
  return (digits[0] as number) >= 0x80 ? tagged(0x02, Uint8Array.of(0), digits) : tagged(0x02, digits)
}

function bigEndian(value: bigint): Uint8Array {
  const hex = value.toString(16)
  return Uint8Array.fromHex(hex.length % 2 === 0 ? hex : `0${hex}`)
}

function negativeInteger(value: bigint): Uint8Array {
  let size = 1
  while (value < -(1n << BigInt(8 * size - 1))) size++
  return tagged(0x02, bigEndian(BigInt.asUintN(8 * size, value)))
}

/** BOOLEAN: 0xFF for true (X.690, 11.1). */
export function boolean(value: boolean): Uint8Array {
  return Uint8Array.of(0x01, 1, value ? 0xff : 0)
}

/** NULL, as algorithm parameters and the poison of precertificates hold it. */
export function nullValue(): Uint8Array {
  return Uint8Array.of(0x05, 0)
}

/** OCTET STRING. */
export function octetString(bytes: Uint8Array): Uint8Array {
  return tagged(0x04, bytes)
}

/** BIT STRING of whole bytes, or with `unusedBits` (0 to 7) bits of the last byte not used. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  return tagged(0x03, Uint8Array.of(unusedBits), bytes)
}

const oids = new Map<string, Uint8Array>()

/** OBJECT IDENTIFIER from its dotted form. Only for identifiers named in code: each is encoded once and kept. */
export function oid(dotted: string): Uint8Array {
  let encoded = oids.get(dotted)
  if (encoded === undefined) {
    encoded = encodeOid(dotted)
    // Bounded, should a caller ever pass identifiers from outside.
    if (oids.size < 1024) oids.set(dotted, encoded)
  }
  return encoded
}

function encodeOid(dotted: string): Uint8Array {
  if (!/^[0-2](\.(0|[1-9][0-9]{0,18}))+$/.test(dotted)) throw derError('der.unwritable', 'not an object identifier')
  const [first = 0n, second = 0n, ...rest] = dotted.split('.').map(BigInt)
  if (first < 2n && second > 39n) throw derError('der.unwritable', 'not an object identifier')
  return tagged(0x06, Uint8Array.from([first * 40n + second, ...rest].flatMap(base128)))
}

function base128(value: bigint): number[] {
  const digits = [Number(value & 0x7fn)]
  for (let rest = value >> 7n; rest > 0n; rest >>= 7n) digits.unshift(Number(rest & 0x7fn) | 0x80)
  return digits
}

const encoder = new TextEncoder()

/** UTF8String. Throws `der.unwritable` for an unpaired surrogate. */
export function utf8String(text: string): Uint8Array {
  if (!text.isWellFormed()) throw derError('der.unwritable', 'an unpaired surrogate has no UTF-8 form')
  return tagged(0x0c, encoder.encode(text))
}

/** The bytes of an ASCII text, for implicitly tagged IA5Strings. Throws `der.unwritable` for other characters. */
export function asciiBytes(text: string): Uint8Array {
  const bytes = encoder.encode(text)
  if (bytes.some((byte) => byte >= 0x80)) throw derError('der.unwritable', 'not an IA5String')
  return bytes
}

/** GeneralizedTime in UTC, whole seconds (RFC 5280, 4.1.2.5.2): fractions of `date` are cut off. */
export function generalizedTime(date: Date): Uint8Array {
  const year = date.getUTCFullYear()
  if (!(year >= 0 && year <= 9999)) throw derError('der.unwritable', 'the year does not have four digits')
  const bytes = new Uint8Array(17)
  bytes[0] = 0x18
  bytes[1] = 15
  writeTwoDigits(bytes, 2, Math.floor(year / 100))
  writeTwoDigits(bytes, 4, year % 100)
  return writeMonthToZone(bytes, 6, date)
}

/** UTCTime (RFC 5280, 4.1.2.5.1) for the years 1950 to 2049; throws `der.unwritable` outside. */
export function utcTime(date: Date): Uint8Array {
  const year = date.getUTCFullYear()
  if (!isUtcTimeYear(year)) throw derError('der.unwritable', 'UTCTime covers 1950 to 2049')
  const bytes = new Uint8Array(15)
  bytes[0] = 0x17
  bytes[1] = 13
  writeTwoDigits(bytes, 2, year % 100)
  return writeMonthToZone(bytes, 4, date)
}

/** Time as certificates and CRLs write it: UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280, 4.1.2.5). */
export function time(date: Date): Uint8Array {
  return isUtcTimeYear(date.getUTCFullYear()) ? utcTime(date) : generalizedTime(date)
}

function isUtcTimeYear(year: number): boolean {
  return year >= 1950 && year < 2050
}

function writeMonthToZone(bytes: Uint8Array, start: number, date: Date): Uint8Array {
  writeTwoDigits(bytes, start, date.getUTCMonth() + 1)
  writeTwoDigits(bytes, start + 2, date.getUTCDate())
  writeTwoDigits(bytes, start + 4, date.getUTCHours())
  writeTwoDigits(bytes, start + 6, date.getUTCMinutes())
  writeTwoDigits(bytes, start + 8, date.getUTCSeconds())
  bytes[start + 10] = 0x5a
  return bytes
}

function writeTwoDigits(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = 0x30 + Math.floor(value / 10)
  bytes[at + 1] = 0x30 + (value % 10)
}

/** `inner` under an explicit context tag `[number]` (0 to 30). */
export function explicit(number: number, inner: Uint8Array): Uint8Array {
  return tagged(0xa0 | number, inner)
}
