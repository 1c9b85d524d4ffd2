import type { Generated } from 'kysely'
import type { AccountTables } from '../account/accountTables.ts'
import type { TrustTables } from '../trust/trustTables.ts'

/** A stored artifact. Deleted where it was never submitted. */
export interface StoredArtifactRow {
  /** Lower-case hex. */
  readonly sha256: string
  readonly size_bytes: number
  /** Who stored it first; what one person may store is counted by this. */
  readonly issuer: string
  readonly subject: string
  /** When it was uploaded last. */
  readonly stored_ms: number
}

/** One submission to one validator. Never deleted. */
export interface SubmissionRow {
  /** Rises in the order of arrival. */
  readonly seq: Generated<number>
  /** 32 hex digits. */
  readonly id: string
  readonly sha256: string
  readonly size_bytes: number
  readonly name: string
  /** Of the text of the signature bundle. */
  readonly signature_sha256: string
  readonly product: string | null
  readonly version: string | null
  readonly validator: string
  readonly issuer: string
  readonly subject: string
  readonly submitted_ms: number
  readonly state: string
  /** 1 while the validator has to do something. */
  readonly open: number
  /** JSON, each null until it was told. */
  readonly verdict: string | null
  readonly decision: string | null
  readonly failure: string | null
  /** Decimal. */
  readonly certification_number: string | null
  readonly revision: number
}

/** A certification that verified, with where its bundles are. Never deleted. */
export interface StoredCertificationRow {
  readonly authority: string
  readonly number: number
  readonly sha256: string
  readonly product: string
  readonly version: string
  readonly validator: string
  readonly not_after_ms: number
  /** SHA-256 of the texts of the bundles: the developer's signature, and the three that the validator made. */
  readonly signature_sha256: string
  readonly certification_sha256: string
  readonly sbom_sha256: string
  readonly findings_sha256: string
  readonly stored_ms: number
}

/** The newest that a validator said of itself. */
export interface ValidatorStatusRow {
  readonly validator: string
  /** JSON. */
  readonly status: string
  readonly told_ms: number
}

/** What one advisory reaches, as its validator told last. */
export interface AdvisoryReachRow {
  readonly validator: string
  readonly advisory: string
  /** JSON list. */
  readonly aliases: string
  readonly told_ms: number
}

/** A name under which an advisory is found: its id, or an alias. */
export interface AdvisoryNameRow {
  readonly name: string
  readonly validator: string
  readonly advisory: string
}

/** One component through which an advisory reaches a certification. */
export interface ReachedRow {
  readonly validator: string
  readonly advisory: string
  readonly number: number
  /** Package URL. */
  readonly component: string
  /** JSON. */
  readonly finding: string
}

/** The tables of the artifacts folder, as Kysely sees them, with those that its transactions touch as well. */
export interface ArtifactsTables extends AccountTables, TrustTables {
  readonly artifacts_stored: StoredArtifactRow
  readonly artifacts_submissions: SubmissionRow
  readonly artifacts_certifications: StoredCertificationRow
  readonly artifacts_validators: ValidatorStatusRow
  readonly artifacts_advisories: AdvisoryReachRow
  readonly artifacts_advisory_names: AdvisoryNameRow
  readonly artifacts_reached: ReachedRow
}
