import type { BundleVerification } from '../bundle/verifyBundle.ts'

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
}

/** An authorised, logged revocation that `endingsOf` found to cover this artifact, its signer or one of its certifications. */
export interface Ending {
  /** `certification` ends one certification; the others end trust in the artifact itself. */
  readonly covers: 'certification' | 'artifact' | 'certificate' | 'identity'
  /** For `certification`: which one. */
  readonly certification?: { readonly authority: string; readonly number: bigint }
  readonly reason: string
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

/** The anchors that the artifact was verified with. */
export interface AnchorFacts {
  readonly environment: 'development' | 'production'
  readonly rootSha256: string
  readonly expires: Date
}

/** Everything a decision looks at. Nothing is fetched and no clock is read while deciding. */
export interface RunFacts {
  readonly bundle: BundleVerification
  /** Certifications of this very digest; others are ignored. */
  readonly certifications: readonly VerifiedCertification[]
  readonly endings: EndingsKnowledge
  readonly anchors: AnchorFacts
  /** This machine's time, read once. */
  readonly now: Date
  /** How far that clock is from what the instance or stored proofs of time say, in milliseconds; absent: unknown. */
  readonly clockOffsetMs?: number
  /** The artifact's product where a certification or manifest names it. */
  readonly product?: string
}
