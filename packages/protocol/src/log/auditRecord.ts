import { concatBytes, decodeBase64, encodeBase64 } from '../json/base64.ts'
import { canonicalJson, type JsonValue } from '../json/canonicalJson.ts'
import { parseJson } from '../json/parseJson.ts'
import { logError } from './errors.ts'
import { HASH_BYTES, type Hash, sha256 } from './merkle.ts'

/** One entry of the audit log. Actor and detail are only hashes, so that the log can be public. */
export interface AuditRecord {
  /** What happened, such as `login` or `key.used`: 1 to 64 of a–z, 0–9, `.` and `-`. */
  readonly kind: string
  readonly at: Date
  /** `saltedHash` of who did it. */
  readonly actorHash: Hash
  /** `saltedHash` of the particulars. */
  readonly detailHash: Hash
}

/** Bytes of a salt. With fewer, a guesser could try the few likely values behind a public hash. */
export const AUDIT_SALT_BYTES = 32

const MAX_RECORD_BYTES = 1024
const KIND = /^[a-z0-9][a-z0-9.-]{0,63}$/

/**
 * SHA-256(salt ‖ JCS of `value`): what the audit log shows of a value that only auditors may read. The salt is random,
 * 32 bytes, used once, and stays with the value. Throws `log.range-wrong` for another length.
 */
export function saltedHash(salt: Uint8Array, value: JsonValue): Hash {
  if (salt.length !== AUDIT_SALT_BYTES) throw logError('log.range-wrong', 'a salt has 32 bytes')
  return sha256(concatBytes(salt, canonicalJson(value)))
}

/**
 * The leaf of an audit record, version 1: JCS of {"v":1,"kind","at","actor","detail"}; `at` RFC 3339 in UTC with
 * milliseconds, the last two base64. Fixed for ever: a change is a new version. Throws `log.entry-malformed`.
 */
export function writeAuditRecord({ kind, at, actorHash, detailHash }: AuditRecord): Uint8Array {
  if (!KIND.test(kind)) throw logError('log.entry-malformed', 'the kind of an audit record is a short lower-case word')
  if (Number.isNaN(at.getTime()) || at.getUTCFullYear() < 1970 || at.getUTCFullYear() > 9999) {
    throw logError('log.entry-malformed', 'the time of an audit record is not a date that RFC 3339 can write')
  }
  if (actorHash.length !== HASH_BYTES || detailHash.length !== HASH_BYTES) {
    throw logError('log.entry-malformed', 'actor and detail of an audit record are 32-byte hashes')
  }
  return canonicalJson({
    v: 1,
    kind,
    at: at.toISOString(),
    actor: encodeBase64(actorHash),
    detail: encodeBase64(detailHash),
  })
}

/** Reads a leaf of the audit log. Only the exact bytes of `writeAuditRecord` are accepted. Throws `log.entry-malformed`. */
export function parseAuditRecord(leaf: Uint8Array): AuditRecord {
  const record = readRecord(leaf)
  if (!Buffer.from(writeAuditRecord(record)).equals(leaf)) {
    throw logError('log.entry-malformed', 'the audit record is not in its canonical form')
  }
  return record
}

function readRecord(leaf: Uint8Array): AuditRecord {
  try {
    const json = parseJson(leaf, { maxBytes: MAX_RECORD_BYTES, maxDepth: 2 }) as Readonly<Record<string, unknown>>
    return {
      kind: String(json.kind),
      at: new Date(String(json.at)),
      actorHash: decodeBase64(String(json.actor), 'actor'),
      detailHash: decodeBase64(String(json.detail), 'detail'),
    }
  } catch (cause) {
    throw logError('log.entry-malformed', 'the audit record is not JSON of the expected form', { cause })
  }
}
