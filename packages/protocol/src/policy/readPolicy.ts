import type { JsonValue } from '../json/canonicalJson.ts'
import { parseJson } from '../json/parseJson.ts'
import { policyError } from './errors.ts'
import { type Shape, ShapeProblem } from './shape.ts'

/** A policy file is smaller than this; larger ones are refused unread. */
export const MAX_POLICY_BYTES = 1024 * 1024

/** The JSON of a policy file. Throws `policy.invalid` for what is not one JSON document of at most `MAX_POLICY_BYTES`. */
export function parsePolicyJson(bytes: Uint8Array | string): JsonValue {
  try {
    return parseJson(bytes, { maxBytes: MAX_POLICY_BYTES, maxDepth: 16 })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unreadable'
    throw policyError('policy.invalid', `not a JSON document: ${why}`, { cause })
  }
}

/**
 * Reads one kind of policy. Throws `policy.version-newer` before anything else of a version above `newest` is looked at,
 * then `policy.unknown-field` or `policy.invalid`, each naming the path.
 */
export function readPolicy<T>(json: JsonValue, shape: Shape<T>, newest: number): T {
  refuseNewerVersion(json, newest)
  try {
    return shape(json, '')
  } catch (error) {
    if (!(error instanceof ShapeProblem)) throw error
    const code = error.kind === 'unknown field' ? 'policy.unknown-field' : 'policy.invalid'
    throw policyError(code, error.message, { detail: { path: error.path } })
  }
}

/** Which kind of policy a file says that it is: only certification policies have a field `kind`. */
export function policyKind(json: JsonValue): 'verification' | 'certification' {
  return fieldOf(json, 'kind') === 'certification' ? 'certification' : 'verification'
}

function refuseNewerVersion(json: JsonValue, newest: number): void {
  const v = fieldOf(json, 'v')
  if (typeof v === 'number' && Number.isSafeInteger(v) && v > newest) {
    throw policyError(
      'policy.version-newer',
      `v is ${v}, this program reads up to ${newest}: cannot tell, update Countersign`,
    )
  }
}

function fieldOf(json: JsonValue, name: string): JsonValue | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined
  return (json as { readonly [key: string]: JsonValue })[name]
}
