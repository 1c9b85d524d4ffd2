import { decodeBase64 } from '../json/base64.ts'
import type { JsonValue } from '../json/canonicalJson.ts'

/** The fields of one message by their lowerCamel name; absent and null fields are undefined. */
export type ProtoFields<Name extends string> = Readonly<Record<Name, JsonValue | undefined>>

const INT64_LIMIT = 2n ** 63n
const NAME_LIMIT = 80

/**
 * Reads the JSON form of protocol buffers as sigstore servers do: lowerCamel or snake_case names, enums by name or
 * number, 64-bit integers as strings or numbers, bytes as standard base64, null as absent. Unknown fields are refused,
 * because a field that is not understood may change what the message means.
 * `refuse` makes the error that every function throws.
 */
export function protoReader(refuse: (message: string, cause?: unknown) => Error) {
  function message<Name extends string>(json: JsonValue | undefined, what: string, names: readonly Name[]) {
    if (!isObject(json)) throw refuse(`${what} is not an object`)
    const fields: Partial<Record<Name, JsonValue>> = {}
    const spellings = spellingsOf(names)
    for (const [key, value] of Object.entries(json)) {
      const name = spellings.get(key)
      if (name === undefined) throw refuse(`${what} has the unknown field ${JSON.stringify(key.slice(0, NAME_LIMIT))}`)
      if (Object.hasOwn(fields, name)) throw refuse(`${what} has the field ${name} twice`)
      if (value !== null) fields[name] = value
    }
    return fields as ProtoFields<Name>
  }

  function list(json: JsonValue | undefined, what: string, max: number): readonly JsonValue[] {
    if (json === undefined) return []
    if (!Array.isArray(json)) throw refuse(`${what} is not a list`)
    if (json.length > max) throw refuse(`${what} has more than ${max} members`)
    return json
  }

  function text(json: JsonValue | undefined, what: string): string {
    if (json === undefined) return ''
    if (typeof json !== 'string') throw refuse(`${what} is not a string`)
    return json
  }

  function bytes(json: JsonValue | undefined, what: string): Uint8Array {
    try {
      return decodeBase64(text(json, what), what)
    } catch (cause) {
      throw refuse(`${what} is not base64`, cause)
    }
  }

  /** A 64-bit integer that is not negative; 0 where absent. */
  function int64(json: JsonValue | undefined, what: string): bigint {
    const digits = typeof json === 'number' ? String(json) : json === undefined ? '0' : json
    if (typeof digits !== 'string' || !/^(0|[1-9]\d{0,18})$/.test(digits) || BigInt(digits) >= INT64_LIMIT) {
      throw refuse(`${what} is not a number between 0 and 2^63`)
    }
    return BigInt(digits)
  }

  function enumName<Name extends string>(
    json: JsonValue | undefined,
    what: string,
    names: Readonly<Record<Name, number>>,
  ): Name {
    const found = (Object.keys(names) as Name[]).find((name) => name === json || names[name] === json)
    if (found === undefined) throw refuse(`${what} has an unknown value`)
    return found
  }

  return { message, list, text, bytes, int64, enumName }
}

function isObject(json: JsonValue | undefined): json is { readonly [key: string]: JsonValue } {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

const knownSpellings = new Map<string, ReadonlyMap<string, string>>()

/** Each accepted spelling with its name. Kept, because the names are few and fixed and bundles are read often. */
function spellingsOf<Name extends string>(names: readonly Name[]): ReadonlyMap<string, Name> {
  const id = names.join()
  const known =
    knownSpellings.get(id) ??
    new Map(
      names.flatMap((name) => [
        [name, name],
        [snakeCase(name), name],
      ]),
    )
  knownSpellings.set(id, known)
  return known as ReadonlyMap<string, Name>
}

function snakeCase(name: string): string {
  // Sigstore's own names keep digits with the word before them: hashedRekordRequestV002 is hashed_rekord_request_v002.
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
