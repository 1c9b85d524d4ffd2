import { equalBytes, fromHex } from '../json/base64.ts'
import type { JsonValue } from '../json/canonicalJson.ts'
import { parseJson } from '../json/parseJson.ts'
import { bundleError } from './errors.ts'
import { MAX_BUNDLE_BYTES } from './parseBundle.ts'

/** What a signed in-toto statement says. Unknown predicates are kept as they are. */
export interface Statement {
  readonly subjects: readonly StatementSubject[]
  readonly predicateType: string
  readonly predicate: JsonValue
}

/** One artifact that a statement is about. */
export interface StatementSubject {
  readonly name: string
  /** SHA-256, 32 bytes. */
  readonly sha256: Uint8Array
}

const PAYLOAD_TYPE = 'application/vnd.in-toto+json'
const STATEMENT_TYPES: readonly unknown[] = ['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1']
const MAX_SUBJECTS = 1024

type JsonObject = { readonly [key: string]: JsonValue }

/**
 * Reads the payload of a DSSE envelope as an in-toto statement (v1 or v0.1) about 1 to 1024 artifacts, each named by its
 * SHA-256. Fields that are not known are ignored, as in-toto asks. Trusts nothing: verify the envelope as well.
 * Throws `bundle.statement-malformed`, and the `json.*` codes of `parseJson` for what is not JSON.
 */
export function parseStatement(payloadType: string, payload: Uint8Array): Statement {
  if (payloadType !== PAYLOAD_TYPE) throw malformed('the payload is not an in-toto statement')
  const json = parseJson(payload, { maxBytes: MAX_BUNDLE_BYTES, maxDepth: 32 })
  if (!isObject(json) || !STATEMENT_TYPES.includes(json._type) || typeof json.predicateType !== 'string') {
    throw malformed('the payload is not an in-toto statement v1')
  }
  const { subject } = json
  if (!Array.isArray(subject) || subject.length === 0 || subject.length > MAX_SUBJECTS) {
    throw malformed('a statement has 1 to 1024 subjects')
  }
  return { subjects: subject.map(parseSubject), predicateType: json.predicateType, predicate: json.predicate ?? null }
}

/** True if the statement is about the artifact with this SHA-256. */
export function isAbout({ subjects }: Statement, sha256: Uint8Array): boolean {
  return subjects.some((subject) => equalBytes(subject.sha256, sha256))
}

function parseSubject(json: JsonValue): StatementSubject {
  if (!isObject(json) || !isObject(json.digest) || typeof json.digest.sha256 !== 'string') {
    throw malformed('a subject of the statement has no SHA-256')
  }
  const { name } = json
  if (!/^[0-9a-f]{64}$/.test(json.digest.sha256)) throw malformed('the SHA-256 of a subject is not 64 hex digits')
  return { name: typeof name === 'string' ? name : '', sha256: fromHex(json.digest.sha256, 'subject digest') }
}

function isObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

function malformed(message: string) {
  return bundleError('bundle.statement-malformed', message)
}
