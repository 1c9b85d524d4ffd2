import { CodedError } from '../errors/codedError.ts'
import { equalBytes } from '../json/base64.ts'
import { canonicalJson, type JsonValue } from '../json/canonicalJson.ts'
import { parseJson } from '../json/parseJson.ts'
import { jsonFields } from '../statement/jsonFields.ts'
import { releaseError } from './errors.ts'

/** Largest release target that is read, in bytes. */
export const MAX_RELEASE_TARGET_BYTES: number = 256 * 1024

/** One version of one product on one channel: what a TUF target of a release says. */
export interface ReleaseTarget {
  readonly product: string
  readonly channel: string
  /** Counts the releases of this product and channel from 1; a device takes none below its highest. */
  readonly counter: number
  readonly version: string
  readonly artifacts: readonly ReleaseArtifact[]
}

/** One artifact of a release, with what proves it. Digests are lower-case hex SHA-256. */
export interface ReleaseArtifact {
  readonly sha256: string
  readonly sizeBytes: number
  /** Of the text of the developer's signature bundle. */
  readonly signature: string
  /** Of the texts of the certification bundles; empty where the policy asks for none. */
  readonly certifications: readonly string[]
}

const VERSION = 1
const MAX_ARTIFACTS = 64
const MAX_CERTIFICATIONS = 16
const read = jsonFields(malformed)

/** The name of the TUF target: `releases/<product>/<channel>/<counter>.json`. Throws `release.unwritable`. */
export function releaseTargetName(product: string, channel: string, counter: number): string {
  return writable(() => {
    const parts = [read.name(product, 'product'), read.name(channel, 'channel'), readCounter(counter)]
    return `releases/${parts.join('/')}.json`
  })
}

/**
 * The content of the TUF target, JCS: {"v":1, product, channel, counter, version, artifacts: [{sha256, sizeBytes,
 * signature, certification, certifications}]}, where `certification` is the first of `certifications`.
 * Throws `release.unwritable` for what `parseReleaseTarget` would refuse.
 */
export function writeReleaseTarget(release: ReleaseTarget): Uint8Array {
  return writable(() => canonicalJson(toJson(readTarget(toJson(release)))))
}

/**
 * Reads a release target; only the exact bytes of `writeReleaseTarget` are accepted, at most 256 KiB. That it is a target,
 * and which name it has, is the business of TUF. Throws `release.target-malformed`.
 */
export function parseReleaseTarget(bytes: Uint8Array): ReleaseTarget {
  const release = readTarget(parseDocument(bytes))
  if (!equalBytes(canonicalJson(toJson(release)), bytes)) throw malformed('the release is not in its canonical form')
  return release
}

function parseDocument(bytes: Uint8Array): JsonValue {
  try {
    return parseJson(bytes, { maxBytes: MAX_RELEASE_TARGET_BYTES, maxDepth: 6 })
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause
    throw releaseError('release.target-malformed', `the release is not JSON: ${cause.message}`, { cause })
  }
}

function toJson({ product, channel, counter, version, artifacts }: ReleaseTarget): JsonValue {
  return {
    v: VERSION,
    product,
    channel,
    counter,
    version,
    artifacts: artifacts.map(({ sha256, sizeBytes, signature, certifications }) => {
      const artifact: JsonValue = { sha256, sizeBytes, signature, certifications }
      const [certification] = certifications
      return certification === undefined ? artifact : { ...artifact, certification }
    }),
  }
}

function readTarget(json: JsonValue): ReleaseTarget {
  const names = ['v', 'product', 'channel', 'counter', 'version', 'artifacts']
  const fields = read.closed(json, 'the release', names)
  if (fields.v !== VERSION) throw malformed('the release is described in another version')
  return {
    product: read.name(fields.product, 'product'),
    channel: read.name(fields.channel, 'channel'),
    counter: readCounter(fields.counter),
    version: read.name(fields.version, 'version'),
    artifacts: read.list(fields.artifacts, 'artifacts', { min: 1, max: MAX_ARTIFACTS }, readArtifact),
  }
}

function readCounter(json: JsonValue | undefined): number {
  return read.count(json, 'counter', Number.MAX_SAFE_INTEGER, 1)
}

function readArtifact(json: JsonValue, what: string): ReleaseArtifact {
  const names = ['sha256', 'sizeBytes', 'signature', 'certification', 'certifications']
  const fields = read.closed(json, what, names)
  return {
    sha256: read.sha256(fields.sha256, `${what}.sha256`),
    sizeBytes: read.count(fields.sizeBytes, `${what}.sizeBytes`),
    signature: read.sha256(fields.signature, `${what}.signature`),
    certifications: read.list(
      fields.certifications,
      `${what}.certifications`,
      { max: MAX_CERTIFICATIONS },
      read.sha256,
    ),
  }
}

function writable<T>(write: () => T): T {
  try {
    return write()
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause
    throw releaseError('release.unwritable', `the release cannot be written: ${cause.message}`, { cause })
  }
}

function malformed(message: string) {
  return releaseError('release.target-malformed', message)
}
