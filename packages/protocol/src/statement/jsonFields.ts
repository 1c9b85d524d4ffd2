import type { JsonValue } from '../json/canonicalJson.ts'
import { SHORT_NAME } from '../x509/validatorName.ts'

/** An object as JSON has it. */
export type JsonObject = { readonly [key: string]: JsonValue }

const HEX_SHA256 = /^[0-9a-f]{64}$/
// RFC 3339 in UTC, with at most nanoseconds.
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/
const NAME_LIMIT = 80

/**
 * Reads the fields of a document of our own: absent is absent, never null, and one value has one form. `refuse` makes the
 * error that every function throws; `what` names the field in its message. Sizes are limited by the caller's document.
 */
export function jsonFields(refuse: (message: string) => Error) {
  function object(json: JsonValue | undefined, what: string): JsonObject {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) throw refuse(`${what} is not an object`)
    return json as JsonObject
  }

  /** An object with no other fields than `names`: one that is not understood may change what the others mean. */
  function closed(json: JsonValue | undefined, what: string, names: readonly string[]): JsonObject {
    const given = object(json, what)
    const unknown = Object.keys(given).find((name) => !names.includes(name))
    if (unknown === undefined) return given
    throw refuse(`${what} has the unknown field ${JSON.stringify(unknown.slice(0, NAME_LIMIT))}`)
  }

  function list<T>(
    json: JsonValue | undefined,
    what: string,
    { min = 0, max }: { readonly min?: number; readonly max: number },
    item: (json: JsonValue, what: string) => T,
  ): T[] {
    if (!Array.isArray(json)) throw refuse(`${what} is not a list`)
    if (json.length < min || json.length > max) throw refuse(`${what} has ${json.length} members, not ${min} to ${max}`)
    return json.map((one, at) => item(one, `${what}[${at}]`))
  }

  /** A string of `min` (1 where not given) to `max` UTF-16 units that `pattern`, where given, matches whole. */
  function text(
    json: JsonValue | undefined,
    what: string,
    { min = 1, max, pattern }: { readonly min?: number; readonly max: number; readonly pattern?: RegExp },
  ): string {
    if (typeof json !== 'string') throw refuse(`${what} is not a text`)
    if (json.length < min || json.length > max)
      throw refuse(`${what} has ${json.length} characters, not ${min} to ${max}`)
    if (pattern !== undefined && !pattern.test(json)) throw refuse(`${what} is not of the form that is asked for`)
    return json
  }

  function name(json: JsonValue | undefined, what: string): string {
    if (typeof json !== 'string' || !SHORT_NAME.test(json)) {
      throw refuse(`${what} is not 1 to 128 letters, digits, dots, dashes and underscores, the first a letter or digit`)
    }
    return json
  }

  /** A whole number from `min` to `max`, both included. */
  function count(json: JsonValue | undefined, what: string, max = Number.MAX_SAFE_INTEGER, min = 0): number {
    if (typeof json !== 'number' || !Number.isSafeInteger(json) || json < min || json > max) {
      throw refuse(`${what} is not a whole number from ${min} to ${max}`)
    }
    return json
  }

  function flag(json: JsonValue | undefined, what: string): boolean {
    if (typeof json !== 'boolean') throw refuse(`${what} is not true or false`)
    return json
  }

  /** Lower-case hex SHA-256. */
  function sha256(json: JsonValue | undefined, what: string): string {
    if (typeof json !== 'string' || !HEX_SHA256.test(json)) throw refuse(`${what} is not 64 lower-case hex digits`)
    return json
  }

  /** RFC 3339 in UTC. Digits below milliseconds are dropped. */
  function time(json: JsonValue | undefined, what: string): Date {
    const date = new Date(typeof json === 'string' && TIME.test(json) ? json : Number.NaN)
    // Date rolls 30 February over instead of refusing it.
    if (Number.isNaN(date.getTime()) || date.toISOString().slice(0, 19) !== String(json).slice(0, 19)) {
      throw refuse(`${what} is not a time of RFC 3339 in UTC`)
    }
    return date
  }

  return { object, closed, list, text, name, count, flag, sha256, time }
}
