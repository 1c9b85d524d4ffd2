import type { Generated } from 'kysely'

/** One authority's certificate: a root, an issuing authority, or the timestamp signer. Never deleted. */
export interface IssuerRow {
  /** Lower-case hex SHA-256 of the SPKI. */
  readonly key_id: string
  /** What it is for, as in `IssuerName`. */
  readonly name: string
  /** 1 for the first of this name; a renewal makes the next. The highest one issues. */
  readonly generation: number
  /** Name of the private key in its key store. */
  readonly key_name: string
  /** Key id of what signed it; its own for a root. */
  readonly issuer_key_id: string
  /** DER. */
  readonly certificate: Uint8Array
  /** How many revocation lists its certificates are spread over; 0 where it issues none. Fixed for good. */
  readonly crl_shards: number
  /** Milliseconds since 1970. */
  readonly created_ms: number
}

/** The intent to issue one logged certificate, written before anything is logged. */
export interface CertificateIntentRow {
  /** In order of writing; given by the process, which is the only writer. */
  readonly id: number
  /** Lower-case hex, 20 bytes. */
  readonly serial: string
  readonly issuer_key_id: string
  /** Who vouched for the identity, and the identity: the values in the certificate. */
  readonly identity_issuer: string
  readonly identity_subject: string
  readonly not_after_ms: number
  /** The time in the SCT and in the log's leaf; fixed here, so that a repetition logs the same bytes. */
  readonly sct_time_ms: number
  /** Exact DER of the signed precertificate. */
  readonly precertificate: Uint8Array
}

/** What became of an intent: the certificate was logged and is complete. */
export interface CertificateResultRow {
  /** That of the intent. */
  readonly id: number
  readonly log_index: number
  /** DER. */
  readonly certificate: Uint8Array
}

/** One certification: its number, and what became of it. Never deleted. */
export interface CertificationRow {
  /** That of the intent to issue its certificate. */
  readonly id: number
  /** Key id of the issuing authority, and its counter: together they name the certification for good. */
  readonly authority: string
  readonly number: number
  /** Lower-case hex SHA-256 of the SPKI of its one key. */
  readonly key_id: string
  /** Of the artifact, lower-case hex. */
  readonly sha256: string
  /** Name of the validator. */
  readonly validator: string
  readonly not_before_ms: number
  readonly not_after_ms: number
  /** Id of the revocation record that ended it, or null while nothing did. */
  readonly ended_by: number | null
}

/** A certification that is logged and that nobody here issued: somebody else has a key. Never deleted. */
export interface UnrecordedRow {
  /** Its entry in the certificate log. */
  readonly log_index: number
  /** Key id of the issuing authority, and the number that the certificate claims, decimal. */
  readonly authority: string
  readonly number: string
  /** Of what it certifies, lower-case hex. */
  readonly sha256: string
  /** Whom it names. */
  readonly subject: string
  readonly serial: string
  readonly not_after_ms: number
  readonly found_ms: number
  /** Id of the revocation record that ended it, or null while nothing did. */
  readonly ended_by: number | null
}

/** A leaf for the revocation log, written before it is appended. Never deleted. */
export interface RevocationRow {
  readonly id: Generated<number>
  /** Exact bytes of the leaf. */
  readonly leaf: Uint8Array
  /** Hex SHA-256 of its payload. */
  readonly payload_hash: string
  /** `record`: it takes effect. `announcement`: it only says what waits for approvers. */
  readonly kind: string
  /** The validator whose own record passed below the reach limit, and so counts towards it; null for every other. */
  readonly automatic_by: string | null
  /** Of a record with effect `blocked`: the hex SHA-256 of what is never certified again. */
  readonly blocked: string | null
  /** JSON: how far it was computed to reach before it was written. */
  readonly reach: string
  readonly written_ms: number
  /** Its leaf index, which is its number; null until the log has it and its effects are stored. */
  readonly log_index: number | null
}

/** What waits for approvers, or waited. */
export interface RevocationRequestRow {
  /** 32 hex digits. */
  readonly id: string
  /** The exact payload that approvers sign. */
  readonly payload: Uint8Array
  /** Hex SHA-256 of it. */
  readonly payload_hash: string
  readonly requested_by: string
  readonly requested_ms: number
  /** How many approvers the policy asked for at that time. */
  readonly required: number
  /** JSON, as it was at that time. */
  readonly reach: string
  /** Of the announcement in the log, where there is one. */
  readonly announcement: number | null
  /** Of the record that the approvals made; null while it waits. */
  readonly record: number | null
}

/** One approver's signature over a request. */
export interface RevocationApprovalRow {
  readonly request: string
  readonly key_id: string
  /** As the policy named the approver at that time. */
  readonly name: string
  readonly signature: Uint8Array
  readonly approved_ms: number
}

/** A revoked certificate. Never deleted: code signing lists keep an entry for ten years after expiry and more. */
export interface RevokedRow {
  readonly issuer_key_id: string
  readonly serial: string
  /** The shard whose list carries it. */
  readonly shard: number
  /** When the revocation counts from, and its copy as InvalidityDate; equal by the baseline requirements. */
  readonly revoked_from_ms: number
  /** CRL reason code (RFC 5280, 5.3.1); 0 is unspecified. */
  readonly reason: number
  /** When it was entered here. */
  readonly recorded_ms: number
}

/** Small values that survive a restart. */
export interface TrustStateRow {
  readonly name: string
  readonly value: string
}

/** The tables of the trust folder, as Kysely sees them. */
export interface TrustTables {
  readonly trust_issuers: IssuerRow
  readonly trust_certificate_intents: CertificateIntentRow
  readonly trust_certificate_results: CertificateResultRow
  readonly trust_certifications: CertificationRow
  readonly trust_unrecorded: UnrecordedRow
  readonly trust_revocations: RevocationRow
  readonly trust_revocation_requests: RevocationRequestRow
  readonly trust_revocation_approvals: RevocationApprovalRow
  readonly trust_revoked: RevokedRow
  readonly trust_state: TrustStateRow
}
