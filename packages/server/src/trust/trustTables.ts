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

/** The intent to issue one identity certificate, written before anything is logged. */
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
  readonly trust_revoked: RevokedRow
  readonly trust_state: TrustStateRow
}
