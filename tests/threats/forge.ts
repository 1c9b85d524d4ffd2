import { generateKeyPairSync, hash, sign } from 'node:crypto'
import { writeStatementBundle } from '@countersign/protocol/bundle/writeBundle.ts'
import { encodeBase64 } from '@countersign/protocol/json/base64.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { pae } from '@countersign/protocol/log/pae.ts'
import { revocationLeaf, revocationToSign } from '@countersign/protocol/revocation/envelope.ts'
import { type RevocationRecord, writeRecord } from '@countersign/protocol/revocation/record.ts'
import { certificationProof } from '@countersign/protocol/statement/certificationProof.ts'
import { writeCertificationStatement } from '@countersign/protocol/statement/certificationStatement.ts'
import { STATEMENT_PAYLOAD_TYPE } from '@countersign/protocol/statement/statementJson.ts'
import { parsePemCertificates } from '@countersign/protocol/x509/certificate.ts'
import type { Authority } from 'countersign-validator/certify/authority.ts'
import type { CertifiedKey } from '../journeys/bad-input/signing.ts'
import type { PackedProduct } from './product.ts'
import type { StolenValidator } from './stolenKeys.ts'

/** Who can sign a revocation record: a key of the key store, or one that a thief made. */
export interface RecordSigner {
  readonly keyId: string
  sign(message: Uint8Array): Promise<Uint8Array>
}

/** What is claimed to be certified: the thief copies what an honest certification would say. */
export type ForgedProduct = PackedProduct & { readonly signature: string }

/** A certificate for a certification of these bytes, as whoever has the validator's client key gets it. */
export async function certificationKey(
  { authority, subject }: StolenValidator,
  sha256: string,
): Promise<CertifiedKey & { readonly number: bigint; readonly authority: string }> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const notAfter = new Date(Math.floor(Date.now() / 1000) * 1000 + 30 * 86_400_000)
  const proof = certificationProof({ sha256, notAfter, validator: subject })
  const reply = await authority.issue({
    publicKey: encodeBase64(publicKey.export({ format: 'der', type: 'spki' })),
    proofOfPossession: encodeBase64(sign('sha256', proof, privateKey)),
    sha256,
    notAfter: `${notAfter.toISOString().slice(0, 19)}Z`,
  })
  const [leaf] = parsePemCertificates(reply.certificates[0] ?? '')
  if (leaf === undefined) throw new Error('the authority answered no certificate')
  return { privateKey, certificate: leaf.raw, number: BigInt(reply.number), authority: reply.authority }
}

/** The claims of a certification by hand: no inspector has looked, no advisory was matched. */
export function forgedClaims({ sha256, product, version, signature }: ForgedProduct, validator: string): Uint8Array {
  const nothing = '00'.repeat(32)
  return writeCertificationStatement({
    ...{ sha256, product, version, validator, name: `${product}-${version}.tar.gz`, verifiedAt: new Date() },
    policy: { uri: `${validator}/certification-policy.json`, sha256: nothing },
    signature: hash('sha256', signature, 'hex'),
    ...{ sbom: nothing, findings: nothing, components: 1 },
    advisories: { asOf: new Date().toISOString(), records: 5, sample: false, state: 9 },
    accepted: { findings: [], gaps: [] },
    scanner: { name: 'countersign-inspector', version: '0.1.0' },
  })
}

/** Signs, stamps and logs a statement with a key, whatever its certificate is worth; resolves with the bundle's text. */
export async function statementBundle(authority: Authority, key: CertifiedKey, payload: Uint8Array): Promise<string> {
  const toSign = pae(STATEMENT_PAYLOAD_TYPE, payload)
  const signature = new Uint8Array(sign('sha256', toSign, key.privateKey))
  const timestamp = await authority.stamp(signature, 1n)
  const digest = new Uint8Array(hash('sha256', toSign, 'buffer'))
  const entry = (await authority.log(digest, signature, key.certificate)) as JsonValue
  const { certificate } = key
  return writeStatementBundle({
    ...{ certificate, payloadType: STATEMENT_PAYLOAD_TYPE, payload, signature, entry, timestamps: [timestamp] },
  })
}

/** A whole certification that nobody decided. */
export async function forgeCertification(
  validator: StolenValidator,
  product: ForgedProduct,
): Promise<{ readonly bundle: string; readonly number: bigint; readonly authority: string }> {
  const key = await certificationKey(validator, product.sha256)
  const bundle = await statementBundle(validator.authority, key, forgedClaims(product, validator.subject))
  return { bundle, number: key.number, authority: key.authority }
}

/** The leaf of a record, signed by all of these. */
export async function signedRecord(record: RevocationRecord, ...by: readonly RecordSigner[]): Promise<Uint8Array> {
  const payload = writeRecord(record)
  const toSign = revocationToSign(payload)
  const signatures = await Promise.all(by.map(async (one) => ({ keyId: one.keyId, signature: await one.sign(toSign) })))
  return revocationLeaf(payload, signatures)
}

/** The record that ends certifications, dated now, as an automatic revoker writes it. */
export function endsNumbers(authority: string, ...numbers: readonly (bigint | string)[]): RevocationRecord {
  return {
    ...{ scope: 'certifications', effect: 'ended', authority, numbers: numbers.map(BigInt) },
    ...{ advisories: ['GHSA-jchw-25xp-jwwc'], severity: 'medium', reason: 'because the thief says so' },
    issuedAt: wholeSeconds(),
  }
}

/** Now, as records have it. */
export function wholeSeconds(): Date {
  return new Date(Math.floor(Date.now() / 1000) * 1000)
}

/** A key of the thief's own, for records. */
export function ownSigner(): RecordSigner & { readonly spki: Uint8Array } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
  return {
    keyId: hash('sha256', spki, 'hex'),
    spki,
    sign: async (message) => new Uint8Array(sign('sha256', message, privateKey)),
  }
}
