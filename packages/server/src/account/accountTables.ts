import type { Generated } from 'kysely'

/** One audit entry: the intent first, then the place it got in the log. */
export interface AuditEntryRow {
  readonly id: Generated<number>
  readonly kind: string
  /** Milliseconds since 1970; the leaf says the same time in RFC 3339. */
  readonly at_ms: number
  /** JSON of the values that the leaf hashes. Only here, never in the log. */
  readonly actor: string
  readonly detail: string
  /** 32 bytes each; null where the leaf is in the clear. */
  readonly actor_salt: Uint8Array | null
  readonly detail_salt: Uint8Array | null
  /** The exact bytes of the leaf; appended again after a crash. */
  readonly leaf: Uint8Array
  /** Null until the log has the leaf. */
  readonly log_index: number | null
}

/** Someone who can sign in at the embedded issuer. */
export interface PersonRow {
  readonly sub: string
  readonly email: string
  readonly since_ms: number
}

/** An invitation that is neither used nor expired. */
export interface InvitationRow {
  readonly id: string
  readonly email: string
  readonly code_hash: Uint8Array
  readonly expires_ms: number
  readonly failures: number
}

/** A signed-in browser. The cookie's value is stored hashed. */
export interface BrowserSessionRow {
  readonly token_hash: Uint8Array
  readonly sub: string
  readonly expires_ms: number
}

/** One record of the OpenID Connect provider. Bearer values are stored hashed, as `key`. */
export interface ProviderRecordRow {
  readonly model: string
  readonly key: string
  readonly payload: string
  readonly expires_ms: number | null
  readonly grant_id: string | null
  readonly account_id: string | null
  /** User code of a device code, or uid of a session. */
  readonly lookup: string | null
}

/** An issuer outside this instance whose tokens are taken. */
export interface OutsideIssuerRow {
  readonly url: string
  readonly kind: string
  readonly audience: string
}

/** The tables of the account folder, as Kysely sees them. */
export interface AccountTables {
  readonly account_audit_entries: AuditEntryRow
  readonly account_people: PersonRow
  readonly account_invitations: InvitationRow
  readonly account_browser_sessions: BrowserSessionRow
  readonly account_provider_records: ProviderRecordRow
  readonly account_outside_issuers: OutsideIssuerRow
}
