import type { FulcioClaims } from '@countersign/protocol/x509/fulcio.ts'

/** What kind of subject an issuer's tokens speak for. */
export type IssuerKind = 'email' | 'github-workflow'

/** Who a verified token speaks for, ready to be written into a certificate. */
export interface Identity {
  readonly issuer: string
  /** The token's `sub`. */
  readonly subject: string
  /** Only where the issuer vouches for addresses; verified by it. */
  readonly email?: string
  readonly kind: IssuerKind
  /** The one subject alternative name of the certificate. */
  readonly san: { readonly type: 'email' | 'uri'; readonly value: string }
  /** What the certificate says about the token; the names are those of the Fulcio extensions. */
  readonly claims: FulcioClaims
  /**
   * Values that a proof of possession may be signed over. Clients disagree: some take `email` wherever a token has one,
   * others `sub` for issuers they do not know.
   */
  readonly challenges: readonly string[]
}
