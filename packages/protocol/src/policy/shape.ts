import type { JsonValue } from '../json/canonicalJson.ts'

/**
 * A closed shape of JSON: reads a value of this shape or throws a `ShapeProblem` that names the path.
 * Used in place of zod on the path of `countersign verify`, where loading zod alone costs half of the cold-start budget.
 */
export type Shape<T> = (value: JsonValue, path: string) => T

/** The type that a shape reads. */
export type Shaped<S> = S extends Shape<infer T> ? T : never

/** What a value did not satisfy. `path` reads like `logs.artifacts[0].origin`, or is empty for the whole document. */
export class ShapeProblem extends Error {
  readonly kind: 'unknown field' | 'invalid'
  readonly path: string

  constructor(kind: 'unknown field' | 'invalid', path: string, message: string) {
    super(path === '' ? message : `${path}: ${message}`)
    this.name = 'ShapeProblem'
    this.kind = kind
    this.path = path
  }
}

/** Marks a field that may be absent; null is never absent. */
export interface OptionalShape<T> {
  readonly optional: Shape<T>
}

type Field = Shape<unknown> | OptionalShape<unknown>
type FieldsShaped<F extends Readonly<Record<string, Field>>> = {
  readonly [K in keyof F as F[K] extends Shape<unknown> ? K : never]: Shaped<F[K]>
} & {
  readonly [K in keyof F as F[K] extends OptionalShape<unknown> ? K : never]?: F[K] extends OptionalShape<infer T>
    ? T
    : never
}

/** A field that may be absent. */
export function optional<T>(shape: Shape<T>): OptionalShape<T> {
  return { optional: shape }
}

/** An object with exactly these fields: an unknown one is refused before any known one is read. */
export function objectShape<F extends Readonly<Record<string, Field>>>(fields: F): Shape<FieldsShaped<F>> {
  return (value, path) => {
    const given = asObject(value, path)
    for (const name of Object.keys(given)) {
      if (!Object.hasOwn(fields, name)) throw new ShapeProblem('unknown field', join(path, name), 'unknown field')
    }
    const read: Record<string, unknown> = {}
    for (const [name, field] of Object.entries(fields)) {
      const inner = given[name]
      if (inner !== undefined)
        read[name] = (typeof field === 'function' ? field : field.optional)(inner, join(path, name))
      else if (typeof field === 'function') throw new ShapeProblem('invalid', join(path, name), 'missing')
    }
    return read as FieldsShaped<F>
  }
}

/** An object of one of several kinds, told apart by which one of these fields it has. */
export function oneFieldShape<F extends Readonly<Record<string, Shape<unknown>>>>(
  fields: F,
): Shape<{ [K in keyof F]: { readonly [P in K]: Shaped<F[K]> } }[keyof F]> {
  const names = Object.keys(fields)
  return (value, path) => {
    const given = Object.keys(asObject(value, path))
    const unknown = given.find((name) => !names.includes(name))
    if (unknown !== undefined) throw new ShapeProblem('unknown field', join(path, unknown), 'unknown field')
    const [name, ...more] = given
    if (name === undefined || more.length > 0) {
      throw new ShapeProblem('invalid', path, `needs exactly one of: ${names.join(', ')}`)
    }
    return objectShape({ [name]: fields[name] as Shape<unknown> })(value, path) as never
  }
}

/** A list of `min` to `max` items. */
export function arrayShape<T>(item: Shape<T>, { min = 0, max }: { min?: number; max: number }): Shape<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw new ShapeProblem('invalid', path, 'must be a list')
    if (value.length < min) throw new ShapeProblem('invalid', path, `needs at least ${min} item${min === 1 ? '' : 's'}`)
    if (value.length > max) throw new ShapeProblem('invalid', path, `has more than ${max} items`)
    return value.map((one, index) => item(one, `${path}[${index}]`))
  }
}

/** A string that `pattern` matches whole; `what` says in words what it must be. */
export function stringShape(what: string, pattern: RegExp, maxLength = 512): Shape<string> {
  return (value, path) => {
    if (typeof value !== 'string' || value.length > maxLength || !pattern.test(value)) {
      throw new ShapeProblem('invalid', path, `must be ${what}`)
    }
    return value
  }
}

/** One of these words. */
export function wordShape<const W extends string>(...words: readonly W[]): Shape<W> {
  return (value, path) => {
    const found = words.find((word) => word === value)
    if (found === undefined) throw new ShapeProblem('invalid', path, `must be one of: ${words.join(', ')}`)
    return found
  }
}

/** A whole number from `min` to `max`, both included. */
export function countShape(min: number, max: number): Shape<number> {
  return (value, path) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
      throw new ShapeProblem('invalid', path, `must be a whole number from ${min} to ${max}`)
    }
    return value
  }
}

/** `true` or `false`. */
export const flagShape: Shape<boolean> = (value, path) => {
  if (typeof value !== 'boolean') throw new ShapeProblem('invalid', path, 'must be true or false')
  return value
}

/** `inner`, then `rule`, which returns what is wrong in words, or undefined. */
export function checked<T>(inner: Shape<T>, rule: (value: T) => string | undefined): Shape<T> {
  return (value, path) => {
    const read = inner(value, path)
    const wrong = rule(read)
    if (wrong !== undefined) throw new ShapeProblem('invalid', path, wrong)
    return read
  }
}

function asObject(value: JsonValue, path: string): Readonly<Record<string, JsonValue>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ShapeProblem('invalid', path, 'must be an object')
  }
  return value as Readonly<Record<string, JsonValue>>
}

function join(path: string, name: string): string {
  const shown = name.length > 64 ? `${name.slice(0, 64)}…` : name
  return path === '' ? shown : `${path}.${shown}`
}
