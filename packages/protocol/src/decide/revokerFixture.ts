import { generateKeyPairSync, hash, sign } from 'node:crypto'
import { encodeBase64 } from '../json/base64.ts'
import type { VerificationPolicy } from '../policy/verificationPolicy.ts'
import {
  parseRevocationLeaf,
  type RevocationSignature,
  revocationLeaf,
  revocationToSign,
} from '../revocation/envelope.ts'
import { type RevocationRecord, type RevocationScope, writeRecord } from '../revocation/record.ts'
import { authoriseRevocation } from './authoriseRevocation.ts'
import type { LoggedRevocation } from './facts.ts'

type PolicyKey = VerificationPolicy['revokers']['keys'][number]

/** A revoker of tests: what the policy says of it, and its signature over a payload. */
export interface TestRevoker {
  readonly named: PolicyKey
  sign(payload: Uint8Array): RevocationSignature
}

/** Issuing CA of tests. */
export const TEST_AUTHORITY = 'aa'.repeat(32)

/** A P-256 key that a policy names with these scopes, or as that of a validator under `TEST_AUTHORITY`. */
export function testRevoker(name: string, scopes: readonly RevocationScope[], authority?: string): TestRevoker {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
  const validator = authority === undefined ? {} : { validator: { name, authority } }
  return {
    named: { name, spki: encodeBase64(spki), scopes: [...scopes], ...validator },
    sign: (payload) => ({
      keyId: hash('sha256', spki, 'hex'),
      signature: new Uint8Array(sign('sha256', revocationToSign(payload), privateKey)),
    }),
  }
}

/** The part of a policy that names these revokers; `approvals` of them for everything. */
export function testRevokers(revokers: readonly TestRevoker[], approvals = 1): VerificationPolicy['revokers'] {
  return {
    keys: revokers.map(({ named }) => named),
    approvals: { certifications: approvals, digest: approvals, certificate: approvals, identity: approvals },
    reach: { maxPercentOfGroup: 20, minGroupDevices: 50, maxPercentOfCertifications: 50, passes: [] },
  }
}

/** The leaf of a record with the signatures of these revokers. */
export function signedLeaf(record: RevocationRecord, ...by: readonly TestRevoker[]): Uint8Array {
  const payload = writeRecord(record)
  return revocationLeaf(
    payload,
    by.map((one) => one.sign(payload)),
  )
}

/** The record as an approver who may do everything has signed it, in a log at this place. */
export function loggedRecord(record: RevocationRecord, number = 0n, by = everything): LoggedRevocation {
  const revocation = parseRevocationLeaf(signedLeaf(record, by))
  const authorised = authoriseRevocation(revocation, testRevokers([by]), 'development')
  return { number, origin: 'log.example.org/development/revocations', authorised }
}

const everything = testRevoker('anna', ['certifications', 'digest', 'certificate', 'identity'])

/** The record of tests that ends some certifications of `TEST_AUTHORITY`. */
export function endedNumbers(numbers: readonly bigint[], more: Partial<RevocationRecord> = {}): RevocationRecord {
  return {
    scope: 'certifications',
    effect: 'ended',
    authority: TEST_AUTHORITY,
    numbers,
    advisories: ['GHSA-jchw-25xp-jwwc'],
    severity: 'medium',
    reason: 'follow-redirects before 1.15.4',
    issuedAt: new Date('2026-03-01T00:00:00Z'),
    ...more,
  } as RevocationRecord
}
