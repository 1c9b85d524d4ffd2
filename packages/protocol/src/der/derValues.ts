import { derError } from './errors.ts'
import type { DerNode } from './readDer.ts'

/** `node` where it has exactly this identifier octet. Throws `der.unexpected`; `what` names the part in the message. */
export function expectTag(node: DerNode | undefined, tag: number, what: string): DerNode {
  if (node?.tag !== tag) throw derError('der.unexpected', `${what} is missing or of another type`)
  return node
}

/**
 * The parts of a SEQUENCE that has between `min` and `max` of them. Throws `der.unexpected`.
 * Callers read optional parts by tag and finish with `expectEnd`, so that nothing unknown passes unread.
 */
export function sequenceOf(node: DerNode | undefined, what: string, min = 0, max = Number.POSITIVE_INFINITY) {
  const { children } = expectTag(node, 0x30, what)
  if (children.length < min || children.length > max) throw derError('der.unexpected', `${what} has other parts`)
  return children
}

/** Reads the parts of one node in order, each of them once. */
export interface DerParts {
  /** The next part, which must have this tag. Throws `der.unexpected`. */
  take(tag: number, what: string): DerNode
  /** The next part if it has this tag. */
  takeIf(tag: number): DerNode | undefined
  /** The next part whatever its tag. Throws `der.unexpected` at the end. */
  takeAny(what: string): DerNode
  /** Throws `der.unexpected` where parts are left. */
  end(what: string): void
}

/** Reads the children of a SEQUENCE (or of the node with identifier octet `tag`) in order. Throws `der.unexpected`. */
export function partsOf(node: DerNode | undefined, what: string, tag = 0x30): DerParts {
  const { children } = expectTag(node, tag, what)
  let next = 0
  return {
    take: (partTag, partWhat) => expectTag(children[next++], partTag, partWhat),
    takeIf: (partTag) => (children[next]?.tag === partTag ? children[next++] : undefined),
    takeAny(partWhat) {
      const part = children[next++]
      if (part === undefined) throw derError('der.unexpected', `${partWhat} is missing`)
      return part
    },
    end(whole) {
      if (next < children.length) throw derError('der.unexpected', `${whole} has parts that are not expected`)
    },
  }
}

const MAX_KEPT_OIDS = 1024
const dottedForms = new Map<string, string>()

/** The dotted form of an OBJECT IDENTIFIER. Throws `der.unexpected` for another type. */
export function oidValue(node: DerNode | undefined, what: string): string {
  const hex = expectTag(node, 0x06, what).content.toHex()
  let text = dottedForms.get(hex)
  if (text === undefined) {
    text = dottedForm(Uint8Array.fromHex(hex))
    // The same few identifiers make up every certificate; strangers cannot fill the memory with others.
    if (dottedForms.size < MAX_KEPT_OIDS) dottedForms.set(hex, text)
  }
  return text
}

function dottedForm(content: Uint8Array): string {
  const numbers: bigint[] = []
  let value = 0n
  for (const byte of content) {
    value = (value << 7n) | BigInt(byte & 0x7f)
    if (byte < 0x80) {
      numbers.push(value)
      value = 0n
    }
  }
  const [joined = 0n, ...rest] = numbers
  // X.690, 8.19.4: the first number holds the first two components.
  const first = joined < 40n ? 0n : joined < 80n ? 1n : 2n
  return [first, joined - 40n * first, ...rest].join('.')
}

/** An INTEGER of any size. Throws `der.unexpected` for another type. */
export function integerValue(node: DerNode | undefined, what: string): bigint {
  const { content } = expectTag(node, 0x02, what)
  return BigInt.asIntN(8 * content.length, BigInt(`0x${content.toHex()}`))
}

/** An INTEGER or implicitly tagged one between 0 and 2^31 - 1. Throws `der.unexpected` outside. */
export function smallInteger(node: DerNode | undefined, what: string, tag = 0x02): number {
  const { content } = expectTag(node, tag, what)
  let value = 0
  for (const byte of content) value = value * 256 + byte
  // A value of 2^31 or more is either too large or, with its top bit set in fewer bytes, negative.
  if (content.length === 0 || content.length > 4 || (content[0] as number) >= 0x80) {
    throw derError('der.unexpected', `${what} is out of range`)
  }
  return value
}

/**
 * The magnitude of a positive INTEGER, big-endian without leading zero, as serial numbers are held here.
 * Throws `der.unexpected` for another type, zero, or a negative number.
 */
export function positiveIntegerBytes(node: DerNode | undefined, what: string): Uint8Array {
  const { content } = expectTag(node, 0x02, what)
  const first = content[0] as number
  const magnitude = first === 0 ? content.subarray(1) : content
  if (first >= 0x80 || magnitude.length === 0) throw derError('der.unexpected', `${what} is not positive`)
  return magnitude
}

/** A BOOLEAN. Throws `der.unexpected` for another type. */
export function booleanValue(node: DerNode | undefined, what: string): boolean {
  return expectTag(node, 0x01, what).content[0] === 0xff
}

/** The content of an OCTET STRING. Throws `der.unexpected` for another type. */
export function octets(node: DerNode | undefined, what: string): Uint8Array {
  return expectTag(node, 0x04, what).content
}

/** The bytes of a BIT STRING of whole bytes, such as a key or signature. Throws `der.unexpected` otherwise. */
export function bitStringBytes(node: DerNode | undefined, what: string): Uint8Array {
  const { content } = expectTag(node, 0x03, what)
  if (content[0] !== 0) throw derError('der.unexpected', `${what} is not made of whole bytes`)
  return content.subarray(1)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** `content` as UTF-8. Throws `der.bad-value`. */
export function utf8Text(content: Uint8Array, what: string): string {
  try {
    return utf8.decode(content)
  } catch (cause) {
    throw derError('der.bad-value', `${what} is not UTF-8`, { cause })
  }
}

/** `content` as ASCII. Throws `der.bad-value`. */
export function asciiText(content: Uint8Array, what: string): string {
  if (content.some((byte) => byte >= 0x80)) throw derError('der.bad-value', `${what} is not ASCII`)
  return utf8Text(content, what)
}

/** A UTF8String. Throws `der.unexpected`, `der.bad-value`. */
export function utf8Value(node: DerNode | undefined, what: string): string {
  return utf8Text(expectTag(node, 0x0c, what).content, what)
}

/** Any string type that names use: UTF8String, PrintableString, IA5String, TeletexString, BMPString. */
export function stringValue(node: DerNode | undefined, what: string): string {
  switch (node?.tag) {
    case 0x0c:
      return utf8Text(node.content, what)
    case 0x13:
    case 0x16:
      return asciiText(node.content, what)
    case 0x14:
      // T.61 in practice means Latin-1, one character a byte.
      return String.fromCharCode(...node.content)
    case 0x1e:
      return bmpText(node.content, what)
  }
  throw derError('der.unexpected', `${what} is not a string`)
}

function bmpText(content: Uint8Array, what: string): string {
  if (content.length % 2 !== 0) throw derError('der.bad-value', `${what} has half a character`)
  let text = ''
  for (let i = 0; i < content.length; i += 2) {
    text += String.fromCharCode(((content[i] as number) << 8) | (content[i + 1] as number))
  }
  if (!text.isWellFormed()) throw derError('der.bad-value', `${what} holds an unpaired surrogate`)
  return text
}

/**
 * A UTCTime or GeneralizedTime in UTC with seconds, as RFC 5280, 4.1.2.5 demands; a GeneralizedTime may carry a
 * fraction (RFC 3161, 2.4.2), of which milliseconds are kept. Throws `der.unexpected`, `der.bad-value`.
 */
export function timeValue(node: DerNode | undefined, what: string): Date {
  if (node?.tag !== 0x17 && node?.tag !== 0x18) throw derError('der.unexpected', `${what} is not a time`)
  const text = asciiText(node.content, what)
  const match = (node.tag === 0x17 ? utcPattern : generalizedPattern).exec(text)
  if (match === null) throw derError('der.bad-value', `${what} is not a time in UTC with seconds`)
  const [, yearText = '', ...rest] = match
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = rest.slice(0, 5).map(Number)
  const year = yearText.length === 4 ? Number(yearText) : Number(yearText) + (Number(yearText) < 50 ? 2000 : 1900)
  const milliseconds = Number((rest[5] ?? '').padEnd(3, '0').slice(0, 3))
  const date = new Date(0)
  // Date.UTC would take the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second, milliseconds)
  // Date rolls 31 February over instead of refusing it.
  const rolled = date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || date.getUTCHours() !== hour
  if (rolled || minute > 59 || second > 59) throw derError('der.bad-value', `${what} is not a date of the calendar`)
  return date
}

const utcPattern = /^([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})Z$/
// X.690, 11.7: a fraction never ends in zero.
const generalizedPattern = /^([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(?:\.([0-9]{0,17}[1-9]))?Z$/
