import { createHash, verify } from 'node:crypto'
import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import { refusedCaller } from '@countersign/protocol/errors/codedError.ts'
import { decodeBase64, equalBytes, fromHex, toHex } from '@countersign/protocol/json/base64.ts'
import { certificationProof } from '@countersign/protocol/statement/certificationProof.ts'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
import { trustError } from '../errors.ts'
import { type TrustFacts, validatorsUrl } from '../facts.ts'
import type { CertificateIntentRow, CertificateResultRow, CertificationRow, TrustTables } from '../trustTables.ts'
import {
  type CertifyingValidator,
  certificationProfile,
  MAX_CERTIFICATION_DAYS,
  validatorUri,
} from './certificationProfile.ts'
import { lastNumber } from './certifications.ts'
import { type ClientKey, clientKeyFromSpki } from './clientKey.ts'
import { type CompleteDeps, completeCertificate } from './completeCertificate.ts'
import type { LeafTemplate } from './leafTemplate.ts'
import { recordedIntent, recordIntent } from './recordIntent.ts'

/** What issuing certificates of certifications stands on. */
export interface CertificationAuthority extends CompleteDeps {
  readonly facts: TrustFacts
  readonly clock: Clock
  readonly database: Database
  /** The certifications authority, prepared. */
  readonly template: LeafTemplate
  /** The next number of this authority; each is taken once, and one that a crash or refusal wastes is a gap. */
  takeNumber(): bigint
  /** Requests on their way in this process, by key id: who asks twice at once gets one certificate. */
  readonly underWay: Map<string, Promise<IssuedCertification>>
}

/** A request as it came over mutual TLS. */
export interface CertificationRequest {
  /** Base64 of the SPKI of a fresh P-256 key. */
  readonly publicKey: string
  /** Base64 of its signature over `certificationProof`. */
  readonly proofOfPossession: string
  /** Of the artifact, lower-case hex. */
  readonly sha256: string
  /** RFC 3339, whole seconds of UTC. */
  readonly notAfter: string
}

/** A certificate of a certification, and what it is called. */
export interface IssuedCertification {
  readonly authority: string
  readonly number: bigint
  /** PEM, the new certificate first, the root last. */
  readonly certificates: string[]
}

const DAY_MS = 86_400_000

/** The certifications authority with its counter, as the database left it. */
export async function openCertificationAuthority(
  deps: Omit<CertificationAuthority, 'takeNumber' | 'underWay'>,
  /** Numbers that somebody else has used: a record that ends one of them would end ours as well. */
  used: ReadonlySet<bigint> = new Set(),
): Promise<CertificationAuthority> {
  let last = await lastNumber(deps.database, deps.template.issuer.keyId)
  const takeNumber = () => {
    do last++
    while (used.has(last))
    return last
  }
  return { ...deps, takeNumber, underWay: new Map() }
}

/**
 * Issues the one certificate of one certification (design 1, 12) under the next number: possession of the key, the intent
 * with the exact precertificate, the log, the certificate, its lint, the result. Resolves once the certificate is logged
 * and recorded. The same key and artifact again, by the same validator: the same certificate and number, crash or not.
 * Trusts `validator` to be proved. Throws `trust.request-form`, `trust.key-unsupported`, `trust.validity-wrong`,
 * `trust.possession-wrong`, `trust.key-known`, `trust.artifact-blocked`, `trust.issuer-expiring`, and what the log throws.
 */
export async function issueCertification(
  authority: CertificationAuthority,
  validator: CertifyingValidator,
  request: CertificationRequest,
): Promise<IssuedCertification> {
  try {
    const key = readKey(request.publicKey)
    requirePossession(authority.facts, validator, request, key)
    const keyId = toHex(createHash('sha256').update(key.spki).digest())
    return await inTurn(authority.underWay, keyId, async () => {
      const known = await findKnown(authority.database, keyId)
      if (known !== undefined) return issueAgain(authority, validator, request, known)
      return issueFirst(authority, validator, request, { ...key, keyId })
    })
  } catch (error) {
    throw refusedCaller(error, { issuer: validatorsUrl(authority.facts), subject: validator.name })
  }
}

async function issueFirst(
  authority: CertificationAuthority,
  validator: CertifyingValidator,
  { sha256, notAfter: until }: CertificationRequest,
  key: ClientKey & { readonly keyId: string },
): Promise<IssuedCertification> {
  const { template, store, clock, facts, database } = authority
  const now = clock.now()
  const notAfter = readEnd(until, now)
  await refuseBlocked(database, sha256)
  const number = authority.takeNumber()
  const digest = fromHex(sha256, 'the digest')
  const profile = certificationProfile(template, facts, { validator, number, digest, spki: key.spki, notAfter }, now)
  const certification = {
    authority: template.issuer.keyId,
    number: Number(number),
    key_id: key.keyId,
    sha256,
    validator: validator.name,
    not_before_ms: profile.notBefore.getTime(),
    not_after_ms: notAfter.getTime(),
  }
  const identity = { issuer: validatorsUrl(facts), subject: validatorUri(facts, validator.name) }
  const intent = await recordIntent(store, template, { profile, identity, certification }, now)
  return answer(template, number, await completeCertificate(authority, template, intent))
}

interface Known {
  readonly certification: CertificationRow
  readonly intent: CertificateIntentRow
  readonly result: CertificateResultRow | undefined
}

async function issueAgain(
  authority: CertificationAuthority,
  validator: CertifyingValidator,
  { sha256, notAfter }: CertificationRequest,
  { certification, intent, result }: Known,
): Promise<IssuedCertification> {
  const isSame =
    certification.sha256 === sha256 &&
    certification.validator === validator.name &&
    certification.not_after_ms === Date.parse(notAfter)
  if (!isSame) throw trustError('trust.key-known', `the key is that of certification ${certification.number}`)
  const { template } = authority
  if (certification.authority !== template.issuer.keyId) {
    throw trustError('trust.key-known', 'the key is that of a certification by an earlier issuing certificate')
  }
  if (result !== undefined && equalBytes(result.certificate, intent.precertificate)) {
    throw trustError('trust.key-known', 'the certificate of this key broke its profile and was revoked')
  }
  const number = BigInt(certification.number)
  if (result !== undefined) return answer(template, number, new Uint8Array(result.certificate))
  // The log refused or the disk was full after the intent: the same bytes go on from there.
  return answer(template, number, await completeCertificate(authority, template, recordedIntent(intent)))
}

/** Carries out requests for one key one after the other. */
function inTurn(
  underWay: CertificationAuthority['underWay'],
  keyId: string,
  work: () => Promise<IssuedCertification>,
): Promise<IssuedCertification> {
  const before = underWay.get(keyId)
  const turn = before === undefined ? work() : before.then(work, work)
  underWay.set(keyId, turn)
  const leave = () => {
    if (underWay.get(keyId) === turn) underWay.delete(keyId)
  }
  turn.then(leave, leave)
  return turn
}

async function findKnown(database: Database, keyId: string): Promise<Known | undefined> {
  const tables = database.tables<TrustTables>()
  const certification = await tables
    .selectFrom('trust_certifications')
    .selectAll()
    .where('key_id', '=', keyId)
    .executeTakeFirst()
  if (certification === undefined) return undefined
  const intent = await tables
    .selectFrom('trust_certificate_intents')
    .selectAll()
    .where('id', '=', certification.id)
    .executeTakeFirstOrThrow()
  const result = await tables
    .selectFrom('trust_certificate_results')
    .selectAll()
    .where('id', '=', certification.id)
    .executeTakeFirst()
  return { certification, intent, result }
}

async function refuseBlocked(database: Database, sha256: string): Promise<void> {
  const record = await database
    .tables<TrustTables>()
    .selectFrom('trust_revocations')
    .select('id')
    .where('blocked', '=', sha256)
    .executeTakeFirst()
  if (record !== undefined) throw trustError('trust.artifact-blocked', 'these bytes are blocked')
}

/** P-256 only: it is used once, by programs of ours, and every verifier reads it. */
function readKey(publicKey: string): ClientKey {
  const key = clientKeyFromSpki(decodeBase64(publicKey, 'the public key'))
  if (key.key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw trustError('trust.key-unsupported', 'the key of a certification is ECDSA P-256')
  }
  return key
}

function readEnd(text: string, now: Date): Date {
  const end = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.0+)?Z$/.test(text) ? new Date(text) : undefined
  const aheadMs = (end?.getTime() ?? Number.NaN) - now.getTime()
  if (end === undefined || !(aheadMs > 0 && aheadMs <= MAX_CERTIFICATION_DAYS * DAY_MS)) {
    throw trustError('trust.validity-wrong', 'notAfter is no time between now and 400 days from now')
  }
  return end
}

function requirePossession(
  facts: TrustFacts,
  { name }: CertifyingValidator,
  { sha256, notAfter, proofOfPossession }: CertificationRequest,
  { key }: ClientKey,
): void {
  const end = new Date(notAfter)
  if (Number.isNaN(end.getTime())) throw trustError('trust.validity-wrong', 'notAfter is no time')
  const proved = certificationProof({ sha256, notAfter: end, validator: validatorUri(facts, name) })
  if (!verify('sha256', proved, key, decodeBase64(proofOfPossession, 'the proof of possession'))) {
    throw trustError('trust.possession-wrong', 'the proof of possession does not verify with the key')
  }
}

function answer({ issuer, chainPem }: LeafTemplate, number: bigint, certificate: Uint8Array): IssuedCertification {
  return { authority: issuer.keyId, number, certificates: [toPem(certificate), ...chainPem] }
}
