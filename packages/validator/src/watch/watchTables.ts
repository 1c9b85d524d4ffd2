import type { Generated } from 'kysely'
import type { CertifyTables } from '../certify/certifyTables.ts'

/** One advisory that meets one component of a certified artifact, whether that ended the certification or not. */
export interface FindingRow {
  readonly certification_id: number
  readonly advisory: string
  /** Package URL. */
  readonly component: string
  /** JSON of the API's `finding`. */
  readonly finding: string
}

/** `signed`: waits to be logged; `waiting`: announced, and approvers decide. */
export type RecordState = 'signed' | 'logged' | 'waiting'

/** One signed revocation record. Never deleted. */
export interface RecordRow {
  readonly id: Generated<number>
  /** The leaf: a DSSE envelope, exact text. */
  readonly envelope: string
  /** JSON: ids of the advisories. */
  readonly advisories: string
  /** JSON: the certifications that it ends, by their numbers here. */
  readonly certifications: string
  readonly malware: number
  /** 1: one of the flaws is known to be exploited. */
  readonly known_exploited: number
  readonly state: RecordState
  /** Where logged: its number. Where waiting: that of the announcement. Decimal. */
  readonly record: string | null
  readonly request: string | null
  readonly signed_ms: number
  readonly logged_ms: number | null
}

/** One logged certificate that names this validator and whose key it never had. Never deleted. */
export interface ForgedRow {
  /** Origin of the certificate log, and the entry in it. */
  readonly log: string
  readonly log_index: number
  /** Key id of the issuing CA; null where the entry does not say it. */
  readonly authority: string | null
  /** Of the certification, decimal, and the hex SHA-256 of what it certifies; null where it is not one of a certification. */
  readonly number: string | null
  readonly sha256: string | null
  readonly serial: string
  /** RFC 3339. */
  readonly not_after: string
  /** 1 while a logged revocation ends it. */
  readonly ended: number
  readonly found_ms: number
}

/** How many entries of a certificate log were looked at. */
export interface WatchedLogRow {
  readonly origin: string
  readonly next: number
}

/** The tables of the watch folder, with those it reads and changes of the certify folder. */
export interface WatchTables extends CertifyTables {
  readonly watch_findings: FindingRow
  readonly watch_records: RecordRow
  readonly watch_forged: ForgedRow
  readonly watch_logs: WatchedLogRow
}
