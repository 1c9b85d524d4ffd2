import type { JsonValue } from './canonicalJson.ts'
import { jsonError } from './errors.ts'

/** How much a stranger's document may ask of us. */
export interface JsonLimits {
  /** Of the UTF-8 form. */
  readonly maxBytes: number
  /** Levels of arrays and objects; 32 where not given. */
  readonly maxDepth?: number
}

const DEFAULT_MAX_DEPTH = 32
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads one JSON document (RFC 8259) as strictly as I-JSON (RFC 7493): valid UTF-8 without a byte order mark, no key
 * twice in an object, no number that a double cannot hold exactly (integers) or at all.
 * Throws `json.too-large`, `json.bad-text`, `json.syntax`, `json.too-deep`, `json.duplicate-key`,
 * `json.number-out-of-range`.
 */
export function parseJson(bytes: Uint8Array | string, limits: JsonLimits): JsonValue {
  const text = decodeText(bytes, limits.maxBytes)
  let value: JsonValue
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw jsonError('json.syntax', 'the document is not JSON', { cause })
  }
  checkStructure(text, limits.maxDepth ?? DEFAULT_MAX_DEPTH)
  return value
}

function decodeText(bytes: Uint8Array | string, maxBytes: number): string {
  if (isLarger(bytes, maxBytes)) throw jsonError('json.too-large', `the document is larger than ${maxBytes} bytes`)
  if (typeof bytes === 'string') return checkWellFormed(bytes)
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw jsonError('json.bad-text', 'the document is not UTF-8', { cause })
  }
}

/** A UTF-16 unit takes one to three bytes of UTF-8, so most texts need not be encoded to be measured. */
function isLarger(document: Uint8Array | string, maxBytes: number): boolean {
  if (typeof document !== 'string' || document.length > maxBytes) return document.length > maxBytes
  return document.length * 3 > maxBytes && new TextEncoder().encode(document).length > maxBytes
}

function checkWellFormed(text: string): string {
  if (!text.isWellFormed()) throw jsonError('json.bad-text', 'the document holds an unpaired surrogate')
  return text
}

/**
 * Walks the tokens of a text that `JSON.parse` accepted, for what it accepts silently. A second pass because
 * `JSON.parse` is native and several times faster than a parser written here.
 */
function checkStructure(text: string, maxDepth: number): void {
  // One entry for each open level: the keys seen so far, or undefined inside an array.
  const open: (Set<string> | undefined)[] = []
  let at = 0
  while (at < text.length) {
    const character = text[at] as string
    if (character === '"') {
      at = checkString(text, at, open[open.length - 1])
      continue
    }
    if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : undefined)
      if (open.length > maxDepth)
        throw jsonError('json.too-deep', `the document is nested deeper than ${maxDepth} levels`)
    } else if (character === '}' || character === ']') open.pop()
    else if (character === '-' || (character >= '0' && character <= '9')) {
      at = checkNumber(text, at)
      continue
    }
    at++
  }
}

/** Steps over the string that starts at `start`; where it is a key, it must be new among `keys`. */
function checkString(text: string, start: number, keys: Set<string> | undefined): number {
  let end = text.indexOf('"', start + 1)
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1)
  const literal = text.slice(start, end + 1)
  const escaped = literal.includes('\\')
  const value = escaped ? (JSON.parse(literal) as string) : literal.slice(1, -1)
  if (escaped) checkWellFormed(value)
  if (keys !== undefined && isKey(text, end + 1)) {
    if (keys.has(value)) throw jsonError('json.duplicate-key', 'an object holds the same key twice')
    keys.add(value)
  }
  return end + 1
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0
  while (text[quote - 1 - backslashes] === '\\') backslashes++
  return backslashes % 2 === 1
}

/** In valid JSON a string is a key exactly where a colon follows it. */
function isKey(text: string, after: number): boolean {
  let at = after
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++
  return text[at] === ':'
}

const numberPattern = /-?[0-9.eE+-]+/y

function checkNumber(text: string, start: number): number {
  numberPattern.lastIndex = start
  const literal = numberPattern.exec(text)?.[0] ?? ''
  const value = Number(literal)
  const exact = /[.eE]/.test(literal) ? Number.isFinite(value) : Number.isSafeInteger(value)
  if (!exact) throw jsonError('json.number-out-of-range', 'a number of the document cannot be held exactly')
  return start + literal.length
}
