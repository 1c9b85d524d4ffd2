import { randomBytes } from 'node:crypto'
import { canonicalJson, type JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { AUDIT_SALT_BYTES, saltedHash, writeAuditRecord } from '@countersign/protocol/log/auditRecord.ts'

/** Something that auditors must be able to find: what, who, and the particulars. Never holds a secret. */
export interface AuditEvent {
  /** `<noun>.<verb>`, at most 64 of a–z, 0–9, `.` and `-`. */
  readonly kind: string
  readonly actor: JsonValue
  readonly detail: JsonValue
}

/** An event as it is written to the database, before its leaf goes to the log. Nothing random or timed is made later. */
export interface PreparedEntry {
  readonly kind: string
  readonly at: Date
  readonly actor: JsonValue
  readonly detail: JsonValue
  readonly salts: { readonly actor: Uint8Array; readonly detail: Uint8Array } | undefined
  /** The exact bytes of the leaf. */
  readonly leaf: Uint8Array
}

/** What one key signed within one interval. Public as it stands: keys that sign all the time say nothing about a person. */
export interface KeyInterval {
  readonly keyId: string
  readonly keyName: string
  readonly count: number
  readonly first: Date
  readonly last: Date
  /** Merkle root (RFC 6962) over the signed messages in the order of signing. */
  readonly root: Uint8Array
}

/** Prepares an entry whose leaf shows only salted hashes of actor and detail, so that the log can be public. */
export function prepareEntry(event: AuditEvent, at: Date): PreparedEntry {
  const salts = { actor: randomSalt(), detail: randomSalt() }
  const leaf = writeAuditRecord({
    kind: event.kind,
    at,
    actorHash: saltedHash(salts.actor, event.actor),
    detailHash: saltedHash(salts.detail, event.detail),
  })
  return { ...event, at, salts, leaf }
}

/**
 * Prepares the entry of one key and interval. Its leaf has the same five members as every audit leaf, but `actor` and
 * `detail` are the objects themselves: anyone may compare what a key signed with what the logs show.
 */
export function prepareKeyInterval(interval: KeyInterval, at: Date): PreparedEntry {
  const kind = 'key.interval'
  const actor = { key: interval.keyId, name: interval.keyName }
  const detail = {
    count: interval.count,
    first: interval.first.toISOString(),
    last: interval.last.toISOString(),
    root: interval.root.toBase64(),
  }
  return {
    kind,
    at,
    actor,
    detail,
    salts: undefined,
    leaf: canonicalJson({ v: 1, kind, at: at.toISOString(), actor, detail }),
  }
}

function randomSalt(): Uint8Array {
  return new Uint8Array(randomBytes(AUDIT_SALT_BYTES))
}
