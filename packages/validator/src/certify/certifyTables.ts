import type { Generated } from 'kysely'

/**
 * How far a submission is here. `asked`: the policy leaves it to the operator; `decided`: verdict and decision stand;
 * `intended`: a certification was begun.
 */
export type SubmissionStage = 'found' | 'asked' | 'decided' | 'intended' | 'certified' | 'refused' | 'failed'

/** One submission, as it was handed to this validator and what became of it. Never deleted. */
export interface SubmissionRow {
  /** The instance's. */
  readonly id: string
  /** Of the artifact, lower-case hex. */
  readonly sha256: string
  readonly size_bytes: number
  readonly name: string
  readonly signature_sha256: string
  /** The developer's bundle, its exact text. */
  readonly signature: string
  readonly product: string | null
  readonly version: string | null
  /** JSON {issuer, subject}. */
  readonly submitted_by: string
  readonly submitted_at: string
  readonly stage: SubmissionStage
  readonly catalogue_id: number | null
  /** JSON of the API's `verdict`. */
  readonly verdict: string | null
  /** JSON: the `ScanTimes` of the verdict. */
  readonly scan: string | null
  /** JSON: a `CertificationDecision`. */
  readonly decision: string | null
  /** JSON: what the operator decided where the policy asked, an `OperatorDecision`. */
  readonly operator: string | null
  /** JSON {code, message}. */
  readonly failure: string | null
  /** 1 once the instance has been told how it ended, or that the operator is asked. */
  readonly told: number
  readonly changed_ms: number
}

/** What one version of the inspector found in one artifact. Never changed. */
export interface CatalogueRow {
  readonly id: Generated<number>
  readonly sha256: string
  /** Name and version of the inspector. */
  readonly scanner: string
  /** JSON of a `Catalogue`. */
  readonly catalogue: string
}

/**
 * `pending`: intended, and not handed out; `doomed`: an advisory reached it before that; `active`: handed out;
 * `ending`: a signed record waits to be logged; `ended`: the record is logged; `void`: no certificate was issued.
 */
export type CertificationState = 'pending' | 'doomed' | 'active' | 'ending' | 'ended' | 'void'

/** One certification: the intent, which fixes every byte that is ours, then what the instance answered. Never deleted. */
export interface CertificationRow {
  /** Also its number in the watch index. */
  readonly id: Generated<number>
  readonly submission_id: string
  readonly sha256: string
  readonly product: string
  readonly version: string
  readonly catalogue_id: number
  /** What a newer inspector's catalogue took the place of, until everything new in that is decided. */
  readonly catalogue_before: number | null
  /** JSON: why the policy would not certify what the newer inspector sees, in words. */
  readonly doubts: string | null
  /** The advisory state that the verdict used. */
  readonly advisory_state: number
  /** DER of the public half; the private half is gone. */
  readonly spki: Uint8Array
  /** Proof of possession by that key. */
  readonly proof: Uint8Array
  /** RFC 3339, whole seconds. */
  readonly not_after: string
  /** JSON: `SignedStatementText` of the certification, the SBOM and the findings. */
  readonly statements: string
  readonly state: CertificationState
  /** Key id of the issuing CA and decimal number, once issued. */
  readonly authority: string | null
  readonly number: string | null
  /** DER. */
  readonly certificate: Uint8Array | null
  /** JSON: base64 of one RFC 3161 response for each statement. */
  readonly timestamps: string | null
  /** JSON: the three finished bundles. */
  readonly bundles: string | null
  readonly created_ms: number
}

/** The tables of the certify folder, as Kysely sees them. */
export interface CertifyTables {
  readonly certify_submissions: SubmissionRow
  readonly certify_catalogues: CatalogueRow
  readonly certify_certifications: CertificationRow
}
