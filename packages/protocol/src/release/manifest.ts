import { CodedError } from '../errors/codedError.ts'
import type { JsonValue } from '../json/canonicalJson.ts'
import { parseJson } from '../json/parseJson.ts'
import { jsonFields } from '../statement/jsonFields.ts'
import { releaseError } from './errors.ts'
import { MAX_GLOB_LENGTH, whatIsWrongWithGlob } from './glob.ts'

/** Name of the manifest at the root of an artifact that runs on a device. */
export const MANIFEST_NAME = 'countersign.json'

/** Largest manifest that is read, in bytes. */
export const MAX_MANIFEST_BYTES: number = 64 * 1024

/** The one substitution in `start`: the port that the agent assigned. */
export const PORT_PLACEHOLDER =
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder, not a template.
  '${PORT}'

/** What an artifact says of itself; it stands under the developer's signature. */
export interface Manifest {
  readonly product: string
  readonly version: string
  /**
   * Program and arguments, at least the program: `node` for the agent's own runtime, or the path of a file in the
   * artifact. `${PORT}` in an argument becomes the assigned port.
   */
  readonly start: readonly string[]
  /** Globs (`matchesGlob`) of the product's own source. */
  readonly firstParty: readonly string[]
  /** From SIGTERM to SIGKILL, 0 to 10 minutes. */
  readonly stopTimeoutMs: number
}

const VERSION = 1
const MAX_ARGUMENTS = 64
const MAX_ARGUMENT_LENGTH = 4096
const MAX_GLOBS = 256
const MAX_STOP_TIMEOUT_MS = 600_000
const DEFAULT_STOP_TIMEOUT_MS = 10_000
const read = jsonFields(malformed)

/**
 * Reads a manifest: {"v":1,"product","version","start":[…]} and, where not left out, "firstParty" (no globs) and
 * "stopTimeoutMs" (10 seconds). At most 64 KiB, no other field. What it says is only as good as the signature of the
 * artifact it came from. Throws `release.manifest-version` for another version, else `release.manifest-malformed`.
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  const json = parseDocument(bytes)
  const { v } = read.object(json, 'the manifest')
  if (v !== VERSION) throw releaseError('release.manifest-version', `the manifest is not of version ${VERSION}`)
  const names = ['v', 'product', 'version', 'start', 'firstParty', 'stopTimeoutMs']
  const { product, version, start, firstParty, stopTimeoutMs } = read.closed(json, 'the manifest', names)
  return {
    product: read.name(product, 'product'),
    version: read.name(version, 'version'),
    start: readStart(start),
    firstParty: firstParty === undefined ? [] : read.list(firstParty, 'firstParty', { max: MAX_GLOBS }, readGlob),
    stopTimeoutMs:
      stopTimeoutMs === undefined
        ? DEFAULT_STOP_TIMEOUT_MS
        : read.count(stopTimeoutMs, 'stopTimeoutMs', MAX_STOP_TIMEOUT_MS),
  }
}

function parseDocument(bytes: Uint8Array): JsonValue {
  try {
    return parseJson(bytes, { maxBytes: MAX_MANIFEST_BYTES, maxDepth: 4 })
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause
    throw releaseError('release.manifest-malformed', `the manifest is not JSON: ${cause.message}`, { cause })
  }
}

function readStart(json: JsonValue | undefined): string[] {
  const start = read.list(json, 'start', { min: 1, max: MAX_ARGUMENTS }, readArgument)
  const [program = ''] = start
  const segments = program.split('/')
  const isInside = !segments.some((segment, at) => segment === '' || segment === '..' || (segment === '.' && at > 0))
  if (!isInside || program === '.' || program.includes('\\') || program.includes('$')) {
    throw malformed('start[0] is neither node nor the path of a file in the artifact')
  }
  return start
}

function readArgument(json: JsonValue, what: string): string {
  const argument = read.text(json, what, { min: 0, max: MAX_ARGUMENT_LENGTH })
  if (argument.includes('\0')) throw malformed(`${what} holds a NUL character`)
  if (argument.replaceAll(PORT_PLACEHOLDER, '').includes('${')) {
    throw malformed(`${what} asks for a substitution; there is only ${PORT_PLACEHOLDER}`)
  }
  return argument
}

function readGlob(json: JsonValue, what: string): string {
  const glob = read.text(json, what, { max: MAX_GLOB_LENGTH })
  const wrong = whatIsWrongWithGlob(glob)
  if (wrong !== undefined) throw malformed(`${what} ${wrong}`)
  return glob
}

function malformed(message: string) {
  return releaseError('release.manifest-malformed', message)
}
