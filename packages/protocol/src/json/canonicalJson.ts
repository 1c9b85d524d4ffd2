import { jsonError } from './errors.ts'

/** What JSON can express. Integers beyond 2^53 are strings; absent is absent, never `undefined`. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue }

const MAX_DEPTH = 64
const encoder = new TextEncoder()

/**
 * The one UTF-8 form of `value` that signatures and log leaves are made over (RFC 8785, JCS).
 * Throws `json.not-json` for what JSON cannot express (`undefined`, bigint, NaN, infinities), `json.bad-text` for an
 * unpaired surrogate, `json.too-deep` beyond 64 levels (and so for cycles).
 */
export function canonicalJson(value: JsonValue): Uint8Array {
  return encoder.encode(canonicalText(value, 0))
}

function canonicalText(value: JsonValue, depth: number): string {
  if (depth > MAX_DEPTH) throw jsonError('json.too-deep', `the value is nested deeper than ${MAX_DEPTH} levels`)
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return canonicalString(value)
  if (typeof value === 'number') return canonicalNumber(value)
  if (Array.isArray(value)) return `[${value.map((item) => canonicalText(item, depth + 1)).join(',')}]`
  if (typeof value === 'object') return canonicalObject(value as { readonly [key: string]: JsonValue }, depth)
  throw jsonError('json.not-json', `a ${typeof value} has no JSON form`)
}

function canonicalObject(value: { readonly [key: string]: JsonValue }, depth: number): string {
  // RFC 8785, 3.2.3: keys in the order of their UTF-16 code units, which is how JavaScript compares strings.
  const members = Object.keys(value)
    .sort()
    .map((key) => `${canonicalString(key)}:${canonicalText(value[key] as JsonValue, depth + 1)}`)
  return `{${members.join(',')}}`
}

function canonicalString(text: string): string {
  // RFC 8785, 3.2.2.2: the escapes are those of ECMAScript; unpaired surrogates end the procedure.
  if (!text.isWellFormed()) throw jsonError('json.bad-text', 'a string holds an unpaired surrogate')
  return JSON.stringify(text)
}

function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) throw jsonError('json.not-json', `${value} has no JSON form`)
  // RFC 8785, 3.2.2.3: ECMAScript's shortest form, and -0 is written 0.
  return String(value === 0 ? 0 : value)
}
