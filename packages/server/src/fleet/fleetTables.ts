import type { Generated } from 'kysely'
import type { AccountTables } from '../account/accountTables.ts'
import type { TrustTables } from '../trust/trustTables.ts'

/** Who client certificates are issued to. */
export type MemberKind = 'devices' | 'validators'

/** A device or validator: whoever holds, held or may get a client certificate. Never deleted. */
export interface MemberRow {
  readonly kind: string
  readonly name: string
  /** invited, pending, admitted or removed. Of validators `admitted` means enrolled. */
  readonly state: string
  /** Of devices; empty for validators. */
  readonly group_name: string
  /** 1 where the operator of the instance runs it. */
  readonly same_operator: number
  readonly created_ms: number
  readonly last_seen_ms: number | null
}

/** A ticket's one-time secret. Kept after its use, so that a repetition is told from a thief. */
export interface TicketRow {
  readonly id: Generated<number>
  readonly kind: string
  readonly name: string
  /** Hex SHA-256 of the secret, which has 256 random bits. */
  readonly secret_hash: string
  readonly expires_ms: number
  /** Key id that was certified with it, and the serial of that certificate; null until it is used. */
  readonly key_id: string | null
  readonly serial: string | null
}

/** A client certificate. Recorded before it leaves; one that is not recorded counts for nothing. Never deleted. */
export interface ClientCertificateRow {
  /** Lower-case hex. */
  readonly serial: string
  readonly issuer_key_id: string
  readonly kind: string
  readonly name: string
  /** Hex SHA-256 of its SPKI. */
  readonly key_id: string
  /** DER. */
  readonly certificate: Uint8Array
  readonly issued_ms: number
  readonly not_after_ms: number
  /** From when on it counts no more, because a newer one took its place; null: it has no successor. */
  readonly superseded_ms: number | null
  /** 1 once it stands on a revocation list. */
  readonly revoked: number
}

/** What a group or a device is to run. */
export interface AssignmentRow {
  /** group or device. */
  readonly to_kind: string
  readonly to_name: string
  readonly product: string
  readonly channel: string
  readonly pinned: string | null
}

/** The newest report of a device that did not go back. */
export interface ReportRow {
  readonly device: string
  /** The exact text that was signed, and base64 of the signature. */
  readonly report: string
  readonly signature: string
  readonly received_ms: number
  readonly counter: number
  /** Size of the revocation log that it acted on. */
  readonly acknowledged: number
  readonly tuf_root: number
  readonly tuf_targets: number
  readonly tuf_timestamp: number
  /** What a later report showed lower than this one, and when; null: nothing. */
  readonly went_back: string | null
  readonly went_back_ms: number | null
}

/** One certification that a device says it relies on. */
export interface RunningRow {
  readonly device: string
  readonly authority: string
  readonly number: number
}

/** A release: an intent with the exact bytes of its target, until it is published. Never deleted. */
export interface ReleaseRow {
  readonly id: Generated<number>
  readonly product: string
  readonly channel: string
  readonly counter: number
  readonly version: string
  /** Of its artifact, hex. */
  readonly sha256: string
  /** Exact bytes of the TUF target. */
  readonly target: Uint8Array
  readonly written_ms: number
  readonly published_ms: number | null
}

/** A file that a release needs: its artifact, or the bundle of a signature or certification. */
export interface ReleaseFileRow {
  readonly release_id: number
  readonly sha256: string
  /** artifact or bundle. */
  readonly kind: string
}

/** The tables of the fleet folder, as Kysely sees them, with those that its transactions write to as well. */
export interface FleetTables extends AccountTables, TrustTables {
  readonly fleet_members: MemberRow
  readonly fleet_tickets: TicketRow
  readonly fleet_certificates: ClientCertificateRow
  readonly fleet_assignments: AssignmentRow
  readonly fleet_reports: ReportRow
  readonly fleet_running: RunningRow
  readonly fleet_releases: ReleaseRow
  readonly fleet_release_files: ReleaseFileRow
}
