import type { BundleVerification, Check, VerifiedBundle } from '../bundle/verifyBundle.ts'
import type { VerificationPolicy } from '../policy/verificationPolicy.ts'
import type { Ending, EndingsKnowledge, RunFacts, VerifiedCertification } from './facts.ts'

/** When tests decide. */
export const now = new Date('2026-04-01T12:00:00Z')
/** A time before `now`. */
export const hoursAgo = (hours: number) => new Date(now.getTime() - hours * 3_600_000)
/** SHA-256 of the artifact of tests. */
export const digest = new Uint8Array(32).fill(7)
/** Who signed it. */
export const identity = { issuer: 'https://sign.example.org/oidc', subject: 'anna@example.org' }
/** A check of the bundle that passed. */
export const passed: Check = { name: 'certificate', result: 'passed', detail: 'chain to the root' }
/** One that failed. */
export const failed: Check = {
  name: 'signature',
  result: 'failed',
  code: 'bundle.signature-wrong',
  detail: 'does not verify',
}
/** One that could not run. */
export const skipped: Check = { name: 'sct', result: 'not checked', detail: 'no log key' }

/** Who issued the certificate of the signature. */
export const authority = { keyId: 'dd'.repeat(32), uri: 'https://sign.example.org', certifies: false }
/** A verified signature: only what a decision reads of it; the rest is `verifyBundle`'s business. */
export const verified = { identity, digest, authority } as unknown as VerifiedBundle
/** A bundle that verified. */
export const good: BundleVerification = { checks: [passed], verified }
/** News of an hour ago, without endings. */
export const fresh: EndingsKnowledge = { freshness: hoursAgo(1), source: 'fetched', witnessed: true, endings: [] }
/** Anchors for another day. */
export const anchors = { environment: 'production', rootSha256: '11'.repeat(32), expires: hoursAgo(-24) } as const
/** Signed, not certified, nothing against it. */
export const facts: RunFacts = { bundle: good, sha256: digest, certifications: [], endings: fresh, anchors, now }

/** A validator that `asks` names. */
export const validator = {
  name: 'lab',
  issuer: 'https://v.example.org/validators',
  subject: 'https://v.example.org/validators/lab',
}
/** Another one. */
export const second = { ...validator, name: 'other', subject: 'https://v.example.org/validators/other' }
/** The certification by `validator`. */
export const certification = {
  authority: 'aa'.repeat(32),
  number: 5n,
  validator,
  digest,
  notAfter: hoursAgo(-1),
  product: 'acme/pump',
  version: '1.0.0',
} as unknown as VerifiedCertification
/** `facts` with it. */
export const certified = { ...facts, certifications: [certification] }
/** A policy that asks for this many certifications. */
export const asks = (required: number): Partial<VerificationPolicy> => ({
  validators: { required, of: [validator, second] },
})
/** `fresh` with one ending. */
export const ending = (covers: Ending['covers'], more: Partial<Ending> = {}): EndingsKnowledge => ({
  ...fresh,
  endings: [
    {
      covers,
      effect: 'ended',
      record: { number: 12n, origin: 'log.example.org', by: ['anna'] },
      issuedAt: hoursAgo(2),
      reason: 'it leaks',
      advisories: ['CVE-2026-1'],
      severity: 'high',
      replacement: 'pump 1.0.1',
      ...more,
    },
  ],
})
/** What names `certification` in an ending. */
export const endedNumber = { authority: certification.authority, number: 5n }
/** A log that forked. */
export const problem = { code: 'feed.forked', detail: 'two roots of one size', broken: true }
/** Identities that may sign some products. */
export const limited = [{ issuer: identity.issuer, subject: { any: true }, products: ['acme/*'] }] as const
