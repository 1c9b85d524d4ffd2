import type { SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { revocationLeaf, revocationToSign } from '@countersign/protocol/revocation/envelope.ts'
import { encodeNumbers } from '@countersign/protocol/revocation/numbers.ts'
import { type CertificationsRecord, type Severity, writeRecord } from '@countersign/protocol/revocation/record.ts'

/** Certifications that end for the same reason. */
export interface Endings {
  /** Key id of the issuing CA. */
  readonly authority: string
  /** By number, with the certification's number here. */
  readonly certifications: readonly { readonly id: number; readonly number: bigint }[]
  /** At least one; 32 are named, those of malware first. */
  readonly advisories: readonly string[]
  readonly severity: Severity
  readonly reason: string
  readonly replacement?: string
}

/** One signed record and what it ends. */
export interface SignedRecord {
  /** The leaf, exact text. */
  readonly envelope: string
  readonly certifications: readonly number[]
}

/** Of one record (protocol/revocation). */
const MAX_NUMBERS = 50_000
const MAX_ADVISORIES = 32
/**
 * Of the coded numbers. They stand in the payload as base64, and that in a leaf of at most 65,535 bytes as base64 again,
 * beside 12 KB for everything else at its longest.
 */
const MAX_NUMBER_BYTES = 30_000

/**
 * Signs the records that end these certifications (design 4 and 5): one, or as many as the size of a leaf makes necessary.
 * The revoker key may do nothing else than this.
 */
export async function signRecords(endings: Endings, key: SigningKey, issuedAt: Date): Promise<SignedRecord[]> {
  const sorted = endings.certifications.toSorted((a, b) => (a.number < b.number ? -1 : 1))
  return signSorted({ ...endings, certifications: sorted }, key, issuedAt)
}

async function signSorted(endings: Endings, key: SigningKey, issuedAt: Date): Promise<SignedRecord[]> {
  const { certifications } = endings
  const numbers = certifications.map(({ number }) => number)
  if (numbers.length > MAX_NUMBERS || encodeNumbers(numbers).length > MAX_NUMBER_BYTES) {
    const half = Math.ceil(certifications.length / 2)
    const first = await signSorted({ ...endings, certifications: certifications.slice(0, half) }, key, issuedAt)
    const second = await signSorted({ ...endings, certifications: certifications.slice(half) }, key, issuedAt)
    return [...first, ...second]
  }
  const payload = writeRecord(recordOf(endings, issuedAt))
  const signature = await key.sign(revocationToSign(payload))
  const leaf = revocationLeaf(payload, [{ keyId: key.keyId, signature }])
  return [{ envelope: new TextDecoder().decode(leaf), certifications: certifications.map(({ id }) => id) }]
}

/** What the policy may let pass the reach limit has to stand in the record. */
function named(advisories: readonly string[]): string[] {
  const isMalware = (id: string) => id.startsWith('MAL-')
  return advisories.toSorted((a, b) => Number(isMalware(b)) - Number(isMalware(a))).slice(0, MAX_ADVISORIES)
}

function recordOf(endings: Endings, issuedAt: Date): CertificationsRecord {
  return {
    scope: 'certifications',
    effect: 'ended',
    authority: endings.authority,
    numbers: endings.certifications.map(({ number }) => number),
    advisories: named(endings.advisories),
    severity: endings.severity,
    action: 'goBack',
    ...(endings.replacement !== undefined && { replacement: endings.replacement }),
    reason: endings.reason.slice(0, 512),
    issuedAt: new Date(Math.floor(issuedAt.getTime() / 1000) * 1000),
  }
}
