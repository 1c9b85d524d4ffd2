import type { SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { equalBytes, toHex } from '@countersign/protocol/json/base64.ts'
import type { Certificate } from '@countersign/protocol/x509/certificate.ts'
import {
  assembleCrl,
  type CrlEntry,
  type CrlScope,
  parseCrl,
  verifyCrl,
  writeTbsCertList,
} from '@countersign/protocol/x509/crl.ts'
import { trustError } from '../errors.ts'

/** A list that is about to be made. */
export interface NextCrl {
  readonly issuer: { readonly certificate: Certificate; readonly key: SigningKey }
  readonly url: string
  readonly scope: CrlScope
  readonly thisUpdate: Date
  readonly nextUpdate: Date
  readonly entries: readonly CrlEntry[]
}

/** A list as it was read back. */
export type ReadCrl = ReturnType<typeof parseCrl>

/**
 * Signs a list and then reads it as a stranger would: it must parse, verify, and say what was intended; against
 * `previous`, its number must be greater and no entry may be missing. What this returns may be published.
 * The number is `thisUpdate` in nanoseconds since 1970, so it rises without a counter that could be lost.
 * Throws `trust.crl-malformed`, `trust.crl-not-newer`, `trust.crl-lost-entry`, and what `parseCrl` and `verifyCrl` throw.
 */
export async function signCrl(
  next: NextCrl,
  previous: ReadCrl | undefined,
): Promise<{ der: Uint8Array; crl: ReadCrl }> {
  const { certificate, key } = next.issuer
  const number = BigInt(next.thisUpdate.getTime()) * 1_000_000n
  const tbs = writeTbsCertList({
    issuer: certificate.subject,
    thisUpdate: next.thisUpdate,
    nextUpdate: next.nextUpdate,
    number,
    entries: next.entries,
    distributionPointUrl: next.url,
    authorityKeyId: certificate.subjectKeyId ?? new Uint8Array(0),
    signatureAlgorithm: key.signatureAlgorithm,
    scope: next.scope,
  })
  const der = assembleCrl(tbs, key.signatureAlgorithm, await key.sign(tbs))
  const crl = parseCrl(der)
  verifyCrl(crl, certificate)
  checkIntended(crl, next, number)
  if (previous !== undefined) checkSuccession(crl, previous)
  return { der, crl }
}

function checkIntended(crl: ReadCrl, next: NextCrl, number: bigint): void {
  const same =
    crl.number === number &&
    crl.distributionPointUrl === next.url &&
    equalBytes(crl.issuer, next.issuer.certificate.subject) &&
    sameEntries(crl.entries, next.entries)
  if (!same) throw trustError('trust.crl-malformed', 'a revocation list does not say what it was made to say')
}

/** True where both hold the same certificates with the same dates and reasons, in the same order. */
export function sameEntries(one: readonly CrlEntry[], other: readonly CrlEntry[]): boolean {
  return (
    one.length === other.length &&
    one.every((entry, index) => {
      const twin = other[index]
      return twin !== undefined && entryText(entry) === entryText(twin)
    })
  )
}

function entryText({ serial, revocationDate, invalidityDate, reason }: CrlEntry): string {
  const seconds = (date: Date | undefined) => (date === undefined ? '' : Math.floor(date.getTime() / 1000))
  return [toHex(serial), seconds(revocationDate), seconds(invalidityDate), reason ?? 'unspecified'].join(' ')
}

/** A list may only grow: what was revoked for one reader is revoked for the next. */
function checkSuccession(crl: ReadCrl, previous: ReadCrl): void {
  if (crl.number <= previous.number) {
    throw trustError(
      'trust.crl-not-newer',
      'the number of a revocation list is not greater than that of the published one',
    )
  }
  const revoked = new Map(crl.entries.map((entry) => [toHex(entry.serial), entry.revocationDate.getTime()]))
  for (const { serial, revocationDate } of previous.entries) {
    const from = revoked.get(toHex(serial))
    if (from === undefined || from > revocationDate.getTime()) {
      throw trustError('trust.crl-lost-entry', 'a revocation list would forget what the published one says', {
        detail: { serial: toHex(serial) },
      })
    }
  }
}
