import { createPrivateKey, generateKeyPairSync, hash, type KeyObject, randomBytes, sign } from 'node:crypto'
import { type Certificate, parseCertificate } from './certificate.ts'
import {
  authorityInformationAccess,
  authorityKeyIdentifier,
  basicConstraints,
  crlDistributionPoints,
  type Extension,
  extendedKeyUsage,
  keyIdentifier,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from './extensions.ts'
import { type FulcioClaims, writeFulcioExtensions } from './fulcio.ts'
import type { GeneralName } from './generalName.ts'
import { EMPTY_NAME, writeName } from './name.ts'
import type { Purpose } from './oids.ts'
import {
  leafIndexExtension,
  poisonExtension,
  type Sct,
  sctListExtension,
  sctSignedInput,
  tbsWithoutScts,
} from './sct.ts'
import type { SignatureAlgorithm } from './signatureAlgorithm.ts'
import { assembleCertificate, type TbsCertificate, writeTbsCertificate } from './writeCertificate.ts'

/** A key for tests. */
export interface TestKey {
  readonly spki: Uint8Array
  readonly privateKey: KeyObject
  readonly signatureAlgorithm: SignatureAlgorithm
  /** ECDSA in DER. */
  sign(message: Uint8Array): Uint8Array
}

/** A key for tests of this signature algorithm: P-256, P-384, P-521, RSA 2048 or Ed25519. */
export function makeTestKey(signatureAlgorithm: SignatureAlgorithm = 'ecdsa-sha256'): TestKey {
  const { publicKey, privateKey } = generatePair(signatureAlgorithm)
  const hashName = signatureAlgorithm === 'ed25519' ? null : (signatureAlgorithm.split('-')[1] as string)
  return {
    spki: new Uint8Array(publicKey),
    privateKey,
    signatureAlgorithm,
    sign: (message) => new Uint8Array(sign(hashName, message, privateKey)),
  }
}

function generatePair(algorithm: SignatureAlgorithm): { publicKey: Uint8Array; privateKey: KeyObject } {
  const publicKeyEncoding = { type: 'spki', format: 'der' } as const
  const privateKeyEncoding = { type: 'pkcs8', format: 'der' } as const
  const curves = { 'ecdsa-sha256': 'P-256', 'ecdsa-sha384': 'P-384', 'ecdsa-sha512': 'P-521' } as const
  const pair =
    algorithm === 'ed25519'
      ? generateKeyPairSync('ed25519', { publicKeyEncoding, privateKeyEncoding })
      : algorithm.startsWith('rsa')
        ? generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding, privateKeyEncoding })
        : generateKeyPairSync('ec', {
            namedCurve: curves[algorithm as keyof typeof curves],
            publicKeyEncoding,
            privateKeyEncoding,
          })
  return {
    publicKey: pair.publicKey,
    privateKey: createPrivateKey({ key: pair.privateKey, format: 'der', type: 'pkcs8' }),
  }
}

/** A certificate for tests together with its key. */
export interface TestAuthority {
  readonly certificate: Certificate
  readonly key: TestKey
}

/** Time at which every certificate of these fixtures is valid. */
export const TEST_TIME: Date = new Date('2026-11-20T12:00:00Z')
const DAY_MS = 86_400_000

/** Time `days` after `TEST_TIME`; negative for before. */
export function testDay(days: number): Date {
  return new Date(TEST_TIME.getTime() + days * DAY_MS)
}

/** A serial number of 20 random bytes with its top bit clear. */
export function testSerial(): Uint8Array {
  const serial = new Uint8Array(randomBytes(20))
  serial[0] = ((serial[0] as number) & 0x3f) | 0x40
  return serial
}

/** What may differ from a sound certificate. */
export type TestCertificateParts = Partial<Omit<TbsCertificate, 'signatureAlgorithm'>> & { readonly spki: Uint8Array }

/** Signs a certificate with the key of `issuer`; undefined parts are those of a sound one. */
export function signTestCertificate(parts: TestCertificateParts, issuer: TestAuthority): Certificate {
  const tbs = writeTbsCertificate({
    serial: testSerial(),
    issuer: issuer.certificate.subject,
    subject: EMPTY_NAME,
    notBefore: testDay(-1),
    notAfter: testDay(365),
    extensions: [],
    ...parts,
    signatureAlgorithm: issuer.key.signatureAlgorithm,
  })
  return sealTestCertificate(tbs, issuer)
}

/** Signs exactly this TBSCertificate. */
export function sealTestCertificate(tbs: Uint8Array, issuer: { readonly key: TestKey }): Certificate {
  return parseCertificate(assembleCertificate(tbs, issuer.key.signatureAlgorithm, issuer.key.sign(tbs)))
}

/** A self-signed root. */
export function makeTestRoot(commonName: string, key: TestKey = makeTestKey('ecdsa-sha384')): TestAuthority {
  const name = writeName({ organization: 'Test', commonName })
  const tbs = writeTbsCertificate({
    serial: testSerial(),
    issuer: name,
    subject: name,
    notBefore: testDay(-100),
    notAfter: testDay(3650),
    spki: key.spki,
    extensions: [basicConstraints({ ca: true }), keyUsage(['keyCertSign', 'cRLSign']), subjectKeyIdentifier(key.spki)],
    signatureAlgorithm: key.signatureAlgorithm,
  })
  return { certificate: sealTestCertificate(tbs, { key }), key }
}

/** The extensions that every certificate below a root carries. */
export function identifierExtensions(spki: Uint8Array, issuer: TestAuthority): Extension[] {
  return [subjectKeyIdentifier(spki), authorityKeyIdentifier(keyIdentifier(issuer.certificate.spki))]
}

/** An issuing authority limited to `purpose`. */
export function makeTestIssuer(
  root: TestAuthority,
  purpose: Purpose,
  parts: Partial<TestCertificateParts> = {},
  key: TestKey = makeTestKey(),
): TestAuthority {
  const certificate = signTestCertificate(
    {
      subject: writeName({ organization: 'Test', commonName: `${purpose} authority` }),
      notBefore: testDay(-50),
      notAfter: testDay(1000),
      spki: key.spki,
      extensions: [
        basicConstraints({ ca: true, pathLength: 0 }),
        keyUsage(['keyCertSign', 'cRLSign']),
        extendedKeyUsage([purpose]),
        ...identifierExtensions(key.spki, root),
      ],
      ...parts,
    },
    root,
  )
  return { certificate, key }
}

/** A timestamp authority's leaf. */
export function makeTestTimestampLeaf(
  issuer: TestAuthority,
  parts: Partial<TestCertificateParts> = {},
  key: TestKey = makeTestKey(),
): TestAuthority {
  const certificate = signTestCertificate(
    {
      subject: writeName({ organization: 'Test', commonName: 'timestamps' }),
      spki: key.spki,
      extensions: [
        keyUsage(['digitalSignature']),
        extendedKeyUsage(['timeStamping'], true),
        ...identifierExtensions(key.spki, issuer),
      ],
      ...parts,
    },
    issuer,
  )
  return { certificate, key }
}

/** What may differ from a sound identity certificate. */
export interface TestIdentityParts {
  readonly name?: GeneralName
  readonly claims?: FulcioClaims
  readonly notBefore?: Date
  readonly notAfter?: Date
  readonly subject?: Uint8Array
  readonly serial?: Uint8Array
  /** Changes the extensions of a sound certificate. */
  readonly extensions?: (sound: Extension[]) => Extension[]
  readonly key?: TestKey
  /** 0-based. */
  readonly leafIndex?: bigint
}

/** An identity certificate with an SCT by `log`, with its key. */
export function makeTestIdentity(
  issuer: TestAuthority,
  log: TestKey,
  parts: TestIdentityParts = {},
): TestAuthority & { readonly sct: Sct } {
  const key = parts.key ?? makeTestKey()
  const { extensions: change = (sound) => sound } = parts
  const fields = {
    serial: parts.serial ?? testSerial(),
    issuer: issuer.certificate.subject,
    subject: parts.subject ?? EMPTY_NAME,
    notBefore: parts.notBefore ?? TEST_TIME,
    notAfter: parts.notAfter ?? new Date(TEST_TIME.getTime() + 600_000),
    spki: key.spki,
    signatureAlgorithm: issuer.key.signatureAlgorithm,
  }
  const extensions = identityExtensions(key.spki, issuer, parts)
  const precertificate = writeTbsCertificate({ ...fields, extensions: change([...extensions, poisonExtension()]) })
  const sct = makeTestSct(precertificate, issuer.certificate, log, parts.leafIndex)
  const promised = [...extensions, sctListExtension([sct])]
  const certificate = sealTestCertificate(writeTbsCertificate({ ...fields, extensions: change(promised) }), issuer)
  return { certificate, key, sct }
}

function identityExtensions(spki: Uint8Array, issuer: TestAuthority, parts: TestIdentityParts): Extension[] {
  const name = parts.name ?? { type: 'email', value: 'dev@example.com' }
  return [
    keyUsage(['digitalSignature']),
    extendedKeyUsage(['codeSigning']),
    ...identifierExtensions(spki, issuer),
    subjectAltName([name], true),
    crlDistributionPoints(['http://sign.example.com/crl/1.crl']),
    authorityInformationAccess({ caIssuers: 'http://sign.example.com/issuer/1.cer' }),
    ...writeFulcioExtensions(parts.claims ?? { issuer: 'https://sign.example.com/oidc' }),
  ]
}

/** The promise of `log` for a TBSCertificate with or without poison or SCTs. */
export function makeTestSct(tbs: Uint8Array, issuer: Certificate, log: TestKey, leafIndex = 7n): Sct {
  const timestampMs = BigInt(TEST_TIME.getTime())
  const extensions = leafIndexExtension(leafIndex)
  const signed = sctSignedInput({
    timestampMs,
    issuerKeyHash: hash('sha256', issuer.spki, 'buffer'),
    tbs: tbsWithoutScts(tbs),
    extensions,
  })
  const logId = new Uint8Array(hash('sha256', log.spki, 'buffer'))
  return { version: 0, logId, timestampMs, extensions, signature: log.sign(signed) }
}
