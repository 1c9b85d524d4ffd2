import { readBounded } from '@countersign/local/files/readBounded.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import type { Shape } from '@countersign/protocol/policy/shape.ts'
import { stateError } from './errors.ts'

/** Reads the JSON file `path` of at most `maxBytes` and of this shape. Throws `state.damaged`, `files.*` where it cannot be read. */
export async function readJsonFile<T>(path: string, shape: Shape<T>, maxBytes: number): Promise<T> {
  const bytes = await readBounded(path, maxBytes)
  try {
    return shape(parseJson(bytes, { maxBytes, maxDepth: 8 }), '')
  } catch (cause) {
    throw stateError('state.damaged', `${path} cannot be read`, { cause })
  }
}
