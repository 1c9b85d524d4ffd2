import { trustError } from '../errors.ts'

/** The two roots. Nothing chains to both. */
export type RootName = 'code-signing-root' | 'device-root'

/** The issuing authorities, each for one purpose only. */
export type IssuingName = 'identities' | 'certifications' | 'timestamps' | 'devices' | 'servers'

/** Whose certificates are kept as issuers: roots, issuing authorities, and the signer of timestamps. */
export type IssuerName = RootName | IssuingName | 'timestamp-signer'

/** What a certificate may be used for; the words of `verifyChain`. */
export type Purpose = 'codeSigning' | 'timeStamping' | 'serverAuth' | 'clientAuth'

/** What one issuing authority is for. */
export interface IssuingPurpose {
  readonly root: RootName
  readonly purpose: Purpose
  /** How many revocation lists its certificates are spread over. Fixed in the certificates, so it never changes for one key. */
  readonly crlShards: number
}

/**
 * Both roots and what stands under them. An advisory may end tens of thousands of certifications at once, so theirs are
 * spread widest.
 */
export const issuingPurposes: Readonly<Record<IssuingName, IssuingPurpose>> = {
  identities: { root: 'code-signing-root', purpose: 'codeSigning', crlShards: 16 },
  certifications: { root: 'code-signing-root', purpose: 'codeSigning', crlShards: 64 },
  timestamps: { root: 'code-signing-root', purpose: 'timeStamping', crlShards: 1 },
  devices: { root: 'device-root', purpose: 'clientAuth', crlShards: 16 },
  servers: { root: 'device-root', purpose: 'serverAuth', crlShards: 1 },
}

/** Every issuing authority, in the order in which they are made. */
export const issuingNames: readonly IssuingName[] = ['identities', 'certifications', 'timestamps', 'devices', 'servers']

/** Both roots. */
export const rootNames: readonly RootName[] = ['code-signing-root', 'device-root']

/** The name a stored row carries. Throws `trust.not-created` for one that this program does not know. */
export function issuerName(text: string): IssuerName {
  const known = [...rootNames, ...issuingNames, 'timestamp-signer'].find((name) => name === text)
  if (known === undefined)
    throw trustError('trust.not-created', 'the database names an issuer this program does not know')
  return known as IssuerName
}
