import type { BundleVerification } from '../bundle/verifyBundle.ts'
import type { AdvisedAction, RevocationRecord, Severity } from '../revocation/record.ts'
import type { CertificationClaims } from '../statement/certificationStatement.ts'
import type { Certificate } from '../x509/certificate.ts'

/** A certification whose statement, certificate and chain are verified, as far as a decision needs it. */
export interface VerifiedCertification {
  /** Key id of the issuing CA that numbered it; endings go by authority and number. */
  readonly authority: string
  readonly number: bigint
  readonly validator: { readonly issuer: string; readonly subject: string }
  /** SHA-256 of the certified artifact, 32 bytes. */
  readonly digest: Uint8Array
  readonly notAfter: Date
  readonly product: string
  readonly version: string
  /** What the signed statement says, the accepted findings and gaps included. */
  readonly claims: CertificationClaims
  /** Oldest timestamp over the certification. */
  readonly signedAt: Date
  /** Of the certificate, lower-case hex. */
  readonly serialHex: string
  /** Whether one operator runs the instance and the validator, as the instance says in the certificate. */
  readonly sameOperator: boolean
  readonly certificate: Certificate
  /** Where it is in the artifact log. */
  readonly entry: { readonly origin: string; readonly index: bigint }
}

/** A revocation record that someone with the right to do so signed. Made by `authoriseRevocation`. */
export interface AuthorisedRevocation {
  readonly record: RevocationRecord
  /** Hex SHA-256 of the signed payload: the same however often and with whatever signatures it is logged. */
  readonly payloadHash: string
  /** Hex leaf hash: what a later record names in `amends`. */
  readonly leafHash: string
  /** Names of the keys that authorised it, as the verification policy has them. */
  readonly by: readonly string[]
  /** Where a validator's own key did: only certifications under this validator's name end. */
  readonly validator?: string
}

/** An authorised record that is proved to be in a revocation log. */
export interface LoggedRevocation {
  /** Its leaf index. */
  readonly number: bigint
  readonly origin: string
  readonly authorised: AuthorisedRevocation
}

/** An authorised, logged revocation that `endingsOf` found to cover this artifact, its signer or one of its certifications. */
export interface Ending {
  /** `certification` ends one certification; the others end trust in the artifact itself. */
  readonly covers: 'certification' | 'artifact' | 'certificate' | 'identity'
  /** For `certification`: which one. */
  readonly certification?: { readonly authority: string; readonly number: bigint }
  /** For `artifact`: a certification that still stands makes it good again. */
  readonly unlessCertified?: boolean
  /** `ended` counts from the record on for every use; `distrusted` for what was not signed before `from`. */
  readonly effect: 'ended' | 'blocked' | 'distrusted'
  readonly from?: Date
  /** The record: its number in the log of this origin, and who signed it. */
  readonly record: { readonly number: bigint; readonly origin: string; readonly by: readonly string[] }
  readonly issuedAt: Date
  readonly reason: string
  readonly advisories: readonly string[]
  readonly severity?: Severity
  readonly action?: AdvisedAction
  readonly replacement?: string
}

/** What is known about endings, and how good that knowledge is. */
export interface EndingsKnowledge {
  /** Quorum-th newest time at which witnesses saw that nothing newer exists; absent: nothing is known. */
  readonly freshness?: Date
  /** Where it came from: fetched just now, or kept on this machine. */
  readonly source: 'fetched' | 'stored' | 'none'
  /** Whether a witness of another operator vouches for it. */
  readonly witnessed: boolean
  readonly endings: readonly Ending[]
  /** A log that went back, forked or holds a record this program cannot read: code and words of what was found. */
  readonly problem?: { readonly code: string; readonly detail: string; readonly broken: boolean }
}

/** What is known of the revocation logs, before it is asked what of it covers an artifact. */
export type Knowledge = Omit<EndingsKnowledge, 'endings'> & { readonly records: readonly LoggedRevocation[] }

/** The anchors that the artifact was verified with. */
export interface AnchorFacts {
  readonly environment: 'development' | 'production'
  readonly rootSha256: string
  readonly expires: Date
}

/** Everything a decision looks at. Nothing is fetched and no clock is read while deciding. */
export interface RunFacts {
  readonly bundle: BundleVerification
  /** SHA-256 of the artifact. */
  readonly sha256: Uint8Array
  /** Certifications of this very digest; others are ignored. */
  readonly certifications: readonly VerifiedCertification[]
  readonly endings: EndingsKnowledge
  readonly anchors: AnchorFacts
  /** This machine's time, read once. */
  readonly now: Date
  /** How far that clock is from what the instance or stored proofs of time say, in milliseconds; absent: unknown. */
  readonly clockOffsetMs?: number
  /** What the artifact has to be, where the caller knows: only certifications of this product and version count. */
  readonly product?: string
  readonly version?: string
}

/** How a component is known: by equal content, by what it says where it is installed, or by a lockfile alone. */
export type Evidence = 'content' | 'installed metadata' | 'declared'

/** One advisory meeting one component of an artifact. */
export interface Finding {
  readonly advisory: string
  readonly aliases: readonly string[]
  /** Package URL. */
  readonly component: string
  /** `low`, `medium`, `high`, `critical`; anything else counts as `unknown`. */
  readonly severity: string
}

/** What could not be read or attributed, and where. */
export interface FoundGap {
  readonly code: string
  readonly path: string
  readonly detail: string
}

/** The outcome of matching one catalogue against one state of the advisories. */
export interface VerdictFacts {
  readonly answer: 'clean' | 'affected' | 'incomplete'
  /** How many components were found. */
  readonly components: number
  readonly findings: readonly Finding[]
  readonly gaps: readonly FoundGap[]
  readonly advisories: { readonly asOf?: string; readonly records: number }
}

/** What a certification policy looks at. */
export interface CertificationFacts {
  readonly verdict: VerdictFacts
  readonly product: string
  /** How each component is known; as many as the verdict counts. */
  readonly evidence: readonly { readonly component: string; readonly evidence: Evidence }[]
  /** Who submitted it: an exception never counts from the submitter alone. */
  readonly submittedBy: { readonly issuer: string; readonly subject: string }
}
