/** Extensions of certificates and lists (RFC 5280, 4.2 and 5.2; RFC 6962, 3.3 and 3.1). */
export const EXTENSION_OIDS = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  crlNumber: '2.5.29.20',
  reasonCode: '2.5.29.21',
  invalidityDate: '2.5.29.24',
  issuingDistributionPoint: '2.5.29.28',
  crlDistributionPoints: '2.5.29.31',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  authorityInformationAccess: '1.3.6.1.5.5.7.1.1',
  sctList: '1.3.6.1.4.1.11129.2.4.2',
  precertificatePoison: '1.3.6.1.4.1.11129.2.4.3',
} as const

/** Extended key usages by the word that this project uses for them (RFC 5280, 4.2.1.12). */
export const EXTENDED_KEY_USAGES = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  timeStamping: '1.3.6.1.5.5.7.3.8',
} as const

/** What a certificate may be used for; the word of `verifyChain` and `extendedKeyUsage`. */
export type Purpose = keyof typeof EXTENDED_KEY_USAGES

/** The otherName type of Fulcio's `username` identities. */
export const USERNAME_OID = '1.3.6.1.4.1.57264.1.7'

/** SHA-256 as a hash of other values (RFC 5754, 2.2). */
export const SHA256_OID = '2.16.840.1.101.3.4.2.1'
