import { derError } from './errors.ts'
import { compareEncodings } from './writeDer.ts'

/** How much a stranger's structure may ask of us. */
export interface DerLimits {
  /** Of the whole encoding; 1 MiB where not given. */
  readonly maxBytes?: number
  /** Levels of nesting; 24 where not given (a certificate inside a timestamp token needs 12). */
  readonly maxDepth?: number
  /** Tag-length-values in total; 20,000 where not given. */
  readonly maxNodes?: number
}

const NO_CHILDREN: readonly DerNode[] = []

/**
 * One tag-length-value that was checked down to its leaves. A class only so that `raw` and `content` are cut out
 * of the input on demand: most nodes of a certificate are never looked at. Both share memory with the input.
 */
export class DerNode {
  /** The whole identifier octet: 0x30 for SEQUENCE, 0xa0 for constructed `[0]`. */
  readonly tag: number
  /** The parts of a constructed node, in order; empty for a primitive one. */
  readonly children: readonly DerNode[]
  readonly #bytes: Uint8Array
  readonly #start: number
  readonly #contentStart: number
  readonly #end: number

  constructor(tag: number, children: readonly DerNode[], bytes: Uint8Array, bounds: readonly [number, number, number]) {
    this.tag = tag
    this.children = children
    this.#bytes = bytes
    this.#start = bounds[0]
    this.#contentStart = bounds[1]
    this.#end = bounds[2]
  }

  /** Whether the content is made of further nodes. */
  get constructed(): boolean {
    return (this.tag & 0x20) !== 0
  }

  /** Tag, length and content: the bytes a signature over this part covers. */
  get raw(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end)
  }

  /** The content alone. */
  get content(): Uint8Array {
    return this.#bytes.subarray(this.#contentStart, this.#end)
  }
}

interface Reading {
  readonly bytes: Uint8Array
  readonly maxDepth: number
  nodesLeft: number
}

/**
 * Reads one DER structure (ITU-T X.690, 10 and 11) that fills `bytes` to the last one, down to its leaves. What BER
 * allows and DER does not is refused, so that equal values have equal bytes. Tag numbers above 30 are not used in
 * the formats here and refused. OCTET STRING and BIT STRING contents stay opaque.
 * Throws `der.too-large`, `der.too-deep`, `der.too-many-nodes`, `der.truncated`, `der.trailing-bytes`,
 * `der.bad-length`, `der.bad-tag`, `der.bad-value`, `der.unsorted-set`.
 */
export function readDer(bytes: Uint8Array, limits: DerLimits = {}): DerNode {
  const maxBytes = limits.maxBytes ?? 1 << 20
  if (bytes.length > maxBytes) throw derError('der.too-large', `the structure is larger than ${maxBytes} bytes`)
  const reading = { bytes, maxDepth: limits.maxDepth ?? 24, nodesLeft: limits.maxNodes ?? 20_000 }
  const [node, end] = readNode(reading, 0, bytes.length, 1)
  if (end !== bytes.length) throw derError('der.trailing-bytes', 'bytes follow the structure')
  return node
}

function readNode(reading: Reading, start: number, limit: number, depth: number): [DerNode, number] {
  if (depth > reading.maxDepth) throw derError('der.too-deep', `nested deeper than ${reading.maxDepth} levels`)
  if (--reading.nodesLeft < 0) throw derError('der.too-many-nodes', 'the structure has too many parts')
  const { bytes } = reading
  if (start + 2 > limit) throw derError('der.truncated', 'the structure ends inside a header')
  const tag = bytes[start] as number
  if ((tag & 0x1f) === 0x1f) throw derError('der.bad-tag', 'tag numbers above 30 are not used here')
  const [contentStart, length] = readLength(bytes, start + 1, limit)
  const end = contentStart + length
  if (end > limit) throw derError('der.truncated', 'a length points past the end of its part')
  if ((tag & 0x20) === 0) checkPrimitive(tag, bytes, contentStart, length)
  const children = (tag & 0x20) === 0 ? NO_CHILDREN : readChildren(reading, contentStart, end, depth)
  if (tag === 0x31) checkSetOrder(children)
  else checkConstructed(tag)
  return [new DerNode(tag, children, bytes, [start, contentStart, end]), end]
}

function readChildren(reading: Reading, start: number, end: number, depth: number): DerNode[] {
  const children: DerNode[] = []
  let at = start
  while (at < end) {
    const [child, next] = readNode(reading, at, end, depth + 1)
    children.push(child)
    at = next
  }
  return children
}

/** Where the content starts, and its length (X.690, 8.1.3 and 10.1: definite, in as few bytes as possible). */
function readLength(bytes: Uint8Array, at: number, limit: number): [number, number] {
  const first = bytes[at] as number
  if (first < 0x80) return [at + 1, first]
  const count = first & 0x7f
  // 0x80 is the indefinite form; more than four bytes is more than any limit allows.
  if (count === 0 || count > 4) throw derError('der.bad-length', 'indefinite or oversized length')
  if (at + 1 + count > limit) throw derError('der.truncated', 'the structure ends inside a length')
  let length = 0
  for (let i = 1; i <= count; i++) length = length * 256 + (bytes[at + i] as number)
  if (bytes[at + 1] === 0 || length < 0x80) throw derError('der.bad-length', 'a length is longer than needed')
  return [at + 1 + count, length]
}

/** Universal types are constructed exactly where DER says so: SEQUENCE and SET; strings never are (X.690, 10.2). */
function checkConstructed(tag: number): void {
  if (tag < 0x40 && (tag & 0x20) !== 0 && tag !== 0x30) throw derError('der.bad-tag', 'a primitive type is constructed')
}

function checkSetOrder(members: readonly DerNode[]): void {
  for (let i = 1; i < members.length; i++) {
    const [before, after] = [members[i - 1] as DerNode, members[i] as DerNode]
    if (compareEncodings(before.raw, after.raw) > 0) throw derError('der.unsorted-set', 'a set is not in order')
  }
}

/** The one form of each universal primitive type (X.690, 8 and 11). Strings are checked where they are read. */
function checkPrimitive(tag: number, bytes: Uint8Array, start: number, length: number): void {
  if (tag === 0x00 || tag === 0x10 || tag === 0x11) {
    throw derError('der.bad-tag', 'end-of-contents, or a primitive SEQUENCE or SET')
  }
  if (!isOneForm(tag, bytes, start, length)) {
    throw derError('der.bad-value', `a value with tag ${tag} is not in its one DER form`)
  }
}

function isOneForm(tag: number, bytes: Uint8Array, start: number, length: number): boolean {
  switch (tag) {
    case 0x01:
      return length === 1 && (bytes[start] === 0 || bytes[start] === 0xff)
    case 0x02:
    case 0x0a:
      return isMinimalInteger(bytes, start, length)
    case 0x03:
      return isBitString(bytes, start, length)
    case 0x05:
      return length === 0
    case 0x06:
      return isObjectIdentifier(bytes, start, length)
  }
  return true
}

function isMinimalInteger(bytes: Uint8Array, start: number, length: number): boolean {
  if (length < 2) return length === 1
  const top = (bytes[start + 1] as number) & 0x80
  return !((bytes[start] === 0 && top === 0) || (bytes[start] === 0xff && top !== 0))
}

function isBitString(bytes: Uint8Array, start: number, length: number): boolean {
  const unused = bytes[start] as number
  if (length < 2) return length === 1 && unused === 0
  return unused <= 7 && ((bytes[start + length - 1] as number) & ((1 << unused) - 1)) === 0
}

function isObjectIdentifier(bytes: Uint8Array, start: number, length: number): boolean {
  const end = start + length
  if (length === 0 || length > 64 || (bytes[end - 1] as number) >= 0x80) return false
  for (let i = start; i < end; i++) {
    // A number starts after a byte without the continuation bit, and never with a padding byte.
    if (bytes[i] === 0x80 && (i === start || (bytes[i - 1] as number) < 0x80)) return false
  }
  return true
}
