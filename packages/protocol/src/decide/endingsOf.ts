import type { VerifiedBundle } from '../bundle/verifyBundle.ts'
import type { CertificateRecord, IdentityRecord, RevocationRecord } from '../revocation/record.ts'
import type { Ending, LoggedRevocation, VerifiedCertification } from './facts.ts'

/**
 * A certification as far as its ending depends on it. Of one that was never seen whole, when and where it was signed is
 * not known: then no date saves it.
 */
export type EndableCertification = Pick<VerifiedCertification, 'authority' | 'number' | 'serialHex'> &
  Partial<Pick<VerifiedCertification, 'validator' | 'signedAt' | 'entry'>>

/** What is asked about: an artifact, who signed it, and who certified it. */
export interface EndableSubject {
  /** Of the artifact, lower-case hex. */
  readonly sha256: string
  readonly signature?: VerifiedBundle
  readonly certifications: readonly EndableCertification[]
}

/**
 * Which of `records` cover this artifact, its signature or one of its certifications, as they stand after later records
 * narrowed or lifted earlier ones. Design, decisions 2 to 4: certifications by authority and number, never by a place in
 * a log; the two kinds of ending never mixed. The order of `records` does not matter.
 * Trusts every record to be authorised and logged, and the subject to be verified.
 */
export function endingsOf(records: readonly LoggedRevocation[], subject: EndableSubject): Ending[] {
  if (records.length === 0) return []
  const standing = standingRecords(records)
  const claims = [
    ...subject.certifications.map((one) => certificationClaim(one, subject.sha256)),
    artifactClaim(subject.sha256),
    ...(subject.signature === undefined ? [] : [signatureClaim(subject.signature)]),
  ]
  return claims.flatMap((claim) =>
    keysOfClaim(claim).flatMap((key) =>
      (standing.get(key) ?? []).filter((one) => coversNow(one, claim)).map((one) => ending(one, claim)),
    ),
  )
}

/** What a record may end: a certification, trust in an artifact, or trust in a signature over it. */
interface Claim {
  readonly covers: 'certification' | 'artifact' | 'signature'
  readonly sha256?: string
  /** Issuing CA of the certificate, and for a certification its number. */
  readonly authority?: string
  readonly number?: bigint
  readonly serialHex?: string
  readonly identity?: { readonly issuer: string; readonly subject: string }
  readonly signedAt?: Date
  readonly entry?: { readonly origin: string; readonly index: bigint }
}

function certificationClaim(one: EndableCertification, sha256: string): Claim {
  const { authority, number, serialHex, validator: identity, signedAt, entry } = one
  const when = { ...(signedAt && { signedAt }), ...(entry && { entry }) }
  return { covers: 'certification', sha256, authority, number, serialHex, ...(identity && { identity }), ...when }
}

function artifactClaim(sha256: string): Claim {
  return { covers: 'artifact', sha256 }
}

function signatureClaim({ authority, certificate, identity, signedAt, entry }: VerifiedBundle): Claim {
  const { serialHex } = certificate
  return { covers: 'signature', authority: authority.keyId, serialHex, identity, signedAt, entry }
}

/** A record that was not lifted, and the records that narrow it. */
interface StandingRecord extends LoggedRevocation {
  readonly narrowedBy: readonly LoggedRevocation[]
}

const indexes = new WeakMap<readonly LoggedRevocation[], ReadonlyMap<string, readonly StandingRecord[]>>()

/** By what they cover, so that a decision looks only at records that may matter. Made once for each list. */
function standingRecords(records: readonly LoggedRevocation[]): ReadonlyMap<string, readonly StandingRecord[]> {
  const made = indexes.get(records)
  if (made !== undefined) return made
  const amendments = amendmentsOf(records)
  const index = new Map<string, StandingRecord[]>()
  for (const logged of records) {
    const { record, payloadHash } = logged.authorised
    if (record.effect === 'lifted' || record.effect === 'narrowed') continue
    const amending = (amendments.get(payloadHash) ?? []).filter((one) => one.authorised.record.scope === record.scope)
    if (amending.some((one) => one.authorised.record.effect === 'lifted')) continue
    const standing = { ...logged, narrowedBy: amending }
    for (const key of keysOfRecord(record)) {
      const same = index.get(key)
      if (same === undefined) index.set(key, [standing])
      else same.push(standing)
    }
  }
  indexes.set(records, index)
  return index
}

/**
 * The records that narrow or lift, by the payload they amend: a lifted record that somebody logs again with its signatures
 * changed from (r, s) to (r, n-s) has another leaf hash, and stays lifted. A validator's key amends nothing.
 */
function amendmentsOf(records: readonly LoggedRevocation[]): ReadonlyMap<string, LoggedRevocation[]> {
  const payloads = new Map(records.map(({ authorised }) => [authorised.leafHash, authorised.payloadHash]))
  const amendments = new Map<string, LoggedRevocation[]>()
  for (const logged of records) {
    const payload = payloads.get(logged.authorised.record.amends ?? '')
    if (payload === undefined) continue
    amendments.set(payload, [...(amendments.get(payload) ?? []), logged])
  }
  return amendments
}

/** A record of more numbers stands under its authority: there are few of those, and each would fill the index. */
const MAX_NUMBERS_BY_THEMSELVES = 64

function keysOfRecord(record: Exclude<RevocationRecord, { effect: 'lifted' }>): string[] {
  if (record.scope === 'certifications') {
    if (record.numbers.length > MAX_NUMBERS_BY_THEMSELVES) return [`certifications ${record.authority}`]
    // Without the authority, which would make the key five times as long; `covers` compares it.
    return record.numbers.map((number) => `number ${number}`)
  }
  if (record.scope === 'digest') return [`digest ${record.digest}`]
  if (record.scope === 'certificate') return [`certificate ${record.authority} ${record.certificate}`]
  return [`identity ${record.identity.issuer} ${record.identity.subject}`]
}

function keysOfClaim({ covers, sha256, authority, number, serialHex, identity }: Claim): string[] {
  return [
    ...(covers === 'certification' ? [`certifications ${authority}`, `number ${number}`] : []),
    ...(covers === 'signature' ? [] : [`digest ${sha256}`]),
    ...(covers === 'artifact'
      ? []
      : [`certificate ${authority} ${serialHex}`, `identity ${identity?.issuer} ${identity?.subject}`]),
  ]
}

/** A narrowing keeps of what the record covers only what it covers itself; it can never add anything. */
function coversNow({ narrowedBy, ...logged }: StandingRecord, claim: Claim): boolean {
  return covers(logged, claim) && narrowedBy.every((one) => covers(one, claim))
}

function covers({ authorised: { record, validator } }: LoggedRevocation, claim: Claim): boolean {
  if (record.effect === 'lifted') return false
  if (record.scope === 'certifications') {
    return record.authority === claim.authority && includes(record.numbers, claim.number) && isOwn(validator, claim)
  }
  if (record.scope === 'digest') {
    if (record.digest !== claim.sha256) return false
    if (record.effect === 'blocked' || claim.number === undefined) return true
    return record.authority === claim.authority && claim.number <= record.upTo
  }
  if (record.scope === 'certificate') {
    if (record.authority !== claim.authority || record.certificate !== claim.serialHex) return false
  } else if (record.identity.issuer !== claim.identity?.issuer || record.identity.subject !== claim.identity.subject) {
    return false
  }
  return !isBefore(record, claim)
}

/** A validator ends certifications under its own name; its issuer's other validators have numbers of the same counter. */
function isOwn(validator: string | undefined, { identity }: Claim): boolean {
  return validator === undefined || identity?.subject === `${identity?.issuer}/${validator}`
}

/** Whether it is proved that the signature was there before the date: by its time, and by its place in a log. */
function isBefore({ from, logs }: CertificateRecord | IdentityRecord, { signedAt, entry }: Claim): boolean {
  if (signedAt === undefined || entry === undefined || signedAt.getTime() >= from.getTime()) return false
  return logs.some(({ origin, size }) => origin === entry.origin && entry.index < size)
}

/** `numbers` ascend, and one record has up to 50,000 of them. */
function includes(numbers: readonly bigint[], number: bigint | undefined): boolean {
  if (number === undefined) return false
  let low = 0
  let high = numbers.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((numbers[middle] as bigint) < number) low = middle + 1
    else high = middle
  }
  return numbers[low] === number
}

function ending({ number, origin, authorised: { record, by }, narrowedBy }: StandingRecord, claim: Claim): Ending {
  const { advisories = [], severity, action, replacement, reason, issuedAt } = record
  const isFinal = record.effect === 'blocked' && narrowedBy.length === 0
  return {
    ...coverage(record, claim),
    ...(claim.covers === 'artifact' && { unlessCertified: !isFinal }),
    effect: record.effect as Ending['effect'],
    ...('from' in record && { from: record.from }),
    record: { number, origin, by },
    issuedAt,
    reason,
    advisories,
    ...(severity !== undefined && { severity }),
    ...(action !== undefined && { action }),
    ...(replacement !== undefined && { replacement }),
  }
}

function coverage({ scope }: RevocationRecord, { covers, authority, number }: Claim) {
  if (covers === 'artifact') return { covers }
  if (covers === 'signature') return { covers: scope === 'identity' ? scope : 'certificate' } as const
  return { covers, certification: { authority: authority ?? '', number: number ?? 0n } }
}
