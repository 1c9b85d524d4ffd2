import { utf8Text, utf8Value } from '../der/derValues.ts'
import { readDer } from '../der/readDer.ts'
import { translateDerErrors } from '../der/translateDerErrors.ts'
import { utf8String } from '../der/writeDer.ts'
import type { Certificate } from './certificate.ts'
import { malformedCertificate, x509Error } from './errors.ts'
import type { Extension } from './extensions.ts'
import type { GeneralName } from './generalName.ts'
import { USERNAME_OID } from './oids.ts'

/**
 * What an identity token said, as Fulcio writes it into certificates (extension arc 1.3.6.1.4.1.57264.1; names after
 * Fulcio's `oid-info.md`). `issuer` is always there; absent claims have no extension.
 */
export interface FulcioClaims {
  /** .1 and .8 */
  readonly issuer: string
  /** .2, deprecated, as .3 to .6 */
  readonly githubWorkflowTrigger?: string
  readonly githubWorkflowSha?: string
  readonly githubWorkflowName?: string
  readonly githubWorkflowRepository?: string
  readonly githubWorkflowRef?: string
  /** .9 */
  readonly buildSignerUri?: string
  readonly buildSignerDigest?: string
  /** .11 */
  readonly runnerEnvironment?: string
  readonly sourceRepositoryUri?: string
  readonly sourceRepositoryDigest?: string
  readonly sourceRepositoryRef?: string
  readonly sourceRepositoryIdentifier?: string
  /** .16 */
  readonly sourceRepositoryOwnerUri?: string
  readonly sourceRepositoryOwnerIdentifier?: string
  readonly buildConfigUri?: string
  readonly buildConfigDigest?: string
  /** .20 */
  readonly buildTrigger?: string
  readonly runInvocationUri?: string
  readonly sourceRepositoryVisibilityAtSigning?: string
  readonly deploymentEnvironment?: string
  /** .24: the token's `sub`. */
  readonly tokenSubject?: string
}

/** The arc of the extensions that carry claims; the number of the claim follows. */
export const FULCIO_ARC = '1.3.6.1.4.1.57264.1'
const OID_ISSUER_V1 = `${FULCIO_ARC}.1`

// Position in the list + offset = last number of the OID. .7 is no extension but a kind of alternative name.
const rawClaims = [
  ['githubWorkflowTrigger', `${FULCIO_ARC}.2`],
  ['githubWorkflowSha', `${FULCIO_ARC}.3`],
  ['githubWorkflowName', `${FULCIO_ARC}.4`],
  ['githubWorkflowRepository', `${FULCIO_ARC}.5`],
  ['githubWorkflowRef', `${FULCIO_ARC}.6`],
] as const satisfies readonly (readonly [keyof FulcioClaims, string])[]

const stringClaims = [
  ['issuer', `${FULCIO_ARC}.8`],
  ['buildSignerUri', `${FULCIO_ARC}.9`],
  ['buildSignerDigest', `${FULCIO_ARC}.10`],
  ['runnerEnvironment', `${FULCIO_ARC}.11`],
  ['sourceRepositoryUri', `${FULCIO_ARC}.12`],
  ['sourceRepositoryDigest', `${FULCIO_ARC}.13`],
  ['sourceRepositoryRef', `${FULCIO_ARC}.14`],
  ['sourceRepositoryIdentifier', `${FULCIO_ARC}.15`],
  ['sourceRepositoryOwnerUri', `${FULCIO_ARC}.16`],
  ['sourceRepositoryOwnerIdentifier', `${FULCIO_ARC}.17`],
  ['buildConfigUri', `${FULCIO_ARC}.18`],
  ['buildConfigDigest', `${FULCIO_ARC}.19`],
  ['buildTrigger', `${FULCIO_ARC}.20`],
  ['runInvocationUri', `${FULCIO_ARC}.21`],
  ['sourceRepositoryVisibilityAtSigning', `${FULCIO_ARC}.22`],
  ['deploymentEnvironment', `${FULCIO_ARC}.23`],
  ['tokenSubject', `${FULCIO_ARC}.24`],
] as const satisfies readonly (readonly [keyof FulcioClaims, string])[]

const encoder = new TextEncoder()

/** The extensions for `claims`, not critical, in the order of their numbers: .1 to .6 raw UTF-8, the others DER UTF8String. */
export function writeFulcioExtensions(claims: FulcioClaims): Extension[] {
  const extensions: Extension[] = [{ oid: OID_ISSUER_V1, critical: false, value: encoder.encode(claims.issuer) }]
  for (const [name, oid] of rawClaims) {
    const claim = claims[name]
    if (claim !== undefined) extensions.push({ oid, critical: false, value: encoder.encode(claim) })
  }
  for (const [name, oid] of stringClaims) {
    const claim = claims[name]
    if (claim !== undefined) extensions.push({ oid, critical: false, value: utf8String(claim) })
  }
  return extensions
}

/**
 * The claims in a certificate. Certificates of before Fulcio 1.0 carry the issuer only in .1; where both are there,
 * they must agree. Throws `x509.no-identity` without an issuer or with two different ones, `x509.malformed`.
 * Trust them only after `verifyChain`.
 */
export function readFulcioClaims(certificate: Pick<Certificate, 'extensions'>): FulcioClaims {
  return translateDerErrors(malformedCertificate, () => readClaims(certificate))
}

function readClaims(certificate: Pick<Certificate, 'extensions'>): FulcioClaims {
  const values = new Map(certificate.extensions.map(({ oid, value }) => [oid, value]))
  const claims: { -readonly [Name in keyof FulcioClaims]?: string } = {}
  for (const [name, oid] of rawClaims) {
    const value = values.get(oid)
    if (value !== undefined) claims[name] = utf8Text(value, 'a claim')
  }
  for (const [name, oid] of stringClaims) {
    const value = values.get(oid)
    if (value !== undefined) claims[name] = utf8Value(readDer(value), 'a claim')
  }
  return { ...claims, issuer: agreedIssuer(values.get(OID_ISSUER_V1), claims.issuer) }
}

function agreedIssuer(rawIssuer: Uint8Array | undefined, issuer: string | undefined): string {
  const older = rawIssuer === undefined ? undefined : utf8Text(rawIssuer, 'the issuer claim')
  const agreed = issuer ?? older
  if (agreed === undefined) throw x509Error('x509.no-identity', 'the certificate names no identity issuer')
  if (older !== undefined && older !== agreed) {
    throw x509Error('x509.no-identity', 'the certificate names two different identity issuers')
  }
  return agreed
}

/** Who a certificate was issued to, and who said so. */
export interface CertificateIdentity {
  /** URL of the OpenID Connect issuer. */
  readonly issuer: string
  /** The one alternative name: e-mail address, URI or user name. */
  readonly subject: string
  readonly subjectType: 'email' | 'uri' | 'username'
}

/**
 * The identity in a certificate: exactly one alternative name of the kinds Fulcio issues, and the issuer claim.
 * Throws `x509.no-identity`, `x509.malformed`. Trust it only after `verifyChain`.
 */
export function readIdentity(certificate: Certificate): CertificateIdentity {
  const [name, ...others] = certificate.subjectAltNames
  const subjectType = name === undefined ? undefined : identityType(name)
  if (name === undefined || subjectType === undefined || others.length > 0 || name.value === '') {
    throw x509Error('x509.no-identity', 'the certificate does not have exactly one alternative name of a known kind')
  }
  return { issuer: readFulcioClaims(certificate).issuer, subject: name.value, subjectType }
}

function identityType({ type, oid }: GeneralName): CertificateIdentity['subjectType'] | undefined {
  if (type === 'email' || type === 'uri') return type
  return oid === USERNAME_OID ? 'username' : undefined
}
