import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { trustError } from '../errors.ts'

const encoder = new TextEncoder()

/**
 * The form of `value` that TUF signatures and key ids are made over: "OLPC canonical JSON" (TUF specification 1.0, 4.2.1).
 * It differs from RFC 8785 in strings, where only backslash and quotation mark are escaped and a line feed stands as
 * itself, and in numbers, which are integers. Throws `trust.anchors-wrong` for what it cannot express.
 */
export function tufCanonicalJson(value: JsonValue): Uint8Array {
  return encoder.encode(canonicalText(value))
}

function canonicalText(value: JsonValue): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return `"${value.replace(/[\\"]/g, '\\$&')}"`
  if (Number.isSafeInteger(value)) return String(value)
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`
  if (typeof value !== 'object') throw trustError('trust.anchors-wrong', `TUF metadata cannot hold a ${typeof value}`)
  const record = value as { readonly [key: string]: JsonValue }
  const members = Object.keys(record)
    .sort()
    .map((key) => `${canonicalText(key)}:${canonicalText(record[key] as JsonValue)}`)
  return `{${members.join(',')}}`
}
