/** Names of fields whose values are never written down. `keyId` and the like pass; `key`, `privateKey`, `api_token` do not. */
const SECRET_NAME = /(?:authorization|cookie|token|secret|passphrase|password|key)$/i

/** Compact JWS (RFC 7515, 7.1): whoever reads it can use it. */
const TOKEN = /eyJ[\w-]+\.[\w-]*\.?[\w-]*/g

const MAX_DEPTH = 6
const MAX_ITEMS = 50
const MAX_TEXT = 4096

/**
 * A copy of `value` that may be written to a log: secret fields and tokens blanked at any depth, bytes as their count,
 * errors as their code, message, detail, stack and causes, and all of it bounded in depth, items and text.
 */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_DEPTH) return '[deeper]'
  if (value instanceof Date) return value
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (value instanceof Error) return redactError(value, depth)
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => redact(item, depth + 1))
  const entries = Object.entries(value).slice(0, MAX_ITEMS)
  return Object.fromEntries(entries.map(([name, inner]) => [name, redactField(name, inner, depth)]))
}

/** The fields of one log line, redacted. */
export function redactFields(fields: object): Record<string, unknown> {
  return redact(fields) as Record<string, unknown>
}

function redactField(name: string, value: unknown, depth: number): unknown {
  if (SECRET_NAME.test(name) && value !== undefined && value !== null) return '[redacted]'
  return redact(value, depth + 1)
}

function redactText(text: string): string {
  const short = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text
  return short.includes('eyJ') ? short.replace(TOKEN, '[token]') : short
}

function redactError(error: Error & { code?: unknown; detail?: unknown }, depth: number): Record<string, unknown> {
  return {
    type: error.name,
    code: error.code,
    message: redactText(error.message),
    detail: redact(error.detail, depth + 1),
    stack: redactText(error.stack ?? ''),
    cause: error.cause === undefined ? undefined : redact(error.cause, depth + 1),
  }
}
