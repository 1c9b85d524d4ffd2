import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import {
  type CertificationChanges,
  certifyTestArtifact,
  malleate,
  validatorsOf,
} from '../../../../tests/vectors/bundle/certification.ts'
import {
  createTestInstance,
  signTestArtifact,
  signTestStatement,
  TEST_ARTIFACT,
} from '../../../../tests/vectors/bundle/fixture.ts'
import { parseBundle } from '../bundle/parseBundle.ts'
import { artifactBytes } from '../bundle/signedArtifact.ts'
import { verifyBundle } from '../bundle/verifyBundle.ts'
import { testPolicy } from '../policy/policyFixture.ts'
import type { VerificationPolicy } from '../policy/verificationPolicy.ts'
import type { RevocationRecord } from '../revocation/record.ts'
import { TEST_TIME } from '../x509/authorityFixture.ts'
import { type ArtifactDecision, decideArtifact } from './decideArtifact.ts'
import { endedNumbers, loggedRecord } from './revokerFixture.ts'

const instance = createTestInstance()
const artifact = artifactBytes(TEST_ARTIFACT)
const sound = certifyTestArtifact(instance)
const signed = verifyBundle(parseBundle(sound.signature), artifact, instance.trustedRoot).verified
const validators = validatorsOf(instance)
const named = (name: string) => ({ name, issuer: validators, subject: `${validators}/${name}` })
const policy = (changes: Partial<VerificationPolicy> = {}) =>
  testPolicy({
    anchors: [],
    identities: [{ issuer: signed?.identity.issuer ?? '', subject: { any: true } }],
    validators: { required: 1, of: [named('embedded'), named('lab')] },
    ...changes,
  })

interface Given {
  readonly signature?: string
  readonly certifications?: readonly string[]
  readonly records?: readonly RevocationRecord[]
  readonly policy?: Partial<VerificationPolicy>
  readonly product?: string
}
function decide({
  signature = sound.signature,
  certifications = [sound.certification],
  ...given
}: Given): ArtifactDecision {
  const records = (given.records ?? []).map((one, at) => loggedRecord(one, BigInt(at)))
  return decideArtifact(
    {
      artifact,
      signature: parseBundle(signature),
      certifications: certifications.map((one) => parseBundle(one)),
      root: instance.trustedRoot,
      knowledge: { freshness: TEST_TIME, source: 'fetched', witnessed: true, records },
      anchors: { environment: 'production', rootSha256: '11'.repeat(32), expires: new Date(TEST_TIME.getTime() + 1) },
      now: TEST_TIME,
      ...(given.product !== undefined && { product: given.product }),
    },
    policy(given.policy),
  )
}
const codes = ({ checks }: ArtifactDecision) => checks.flatMap(({ code }) => code ?? [])
const certified = (changes: CertificationChanges) => certifyTestArtifact(instance, changes).certification
const authority = decide({}).certifications[0]?.authority ?? ''
const ended = (number: bigint) => endedNumbers([number], { authority } as Partial<RevocationRecord>)

test('yes: signed by a trusted identity, certified by a named validator, nothing ended', () => {
  const decision = decide({})
  assert.equal(decision.answer, 'yes', decision.reasons.join('\n'))
  assert.deepEqual(
    decision.certifications.map(({ number, product, version }) => [number, product, version]),
    [[7n, 'files', '1.1.0']],
  )
  assert.equal(decision.signature?.identity.subject, signed?.identity.subject)
})

test('no: not certified', () => {
  assert.deepEqual(codes(decide({ certifications: [] })), ['decide.not-certified'])
})

test('exactly the certification whose number is in a record ends', () => {
  const decision = decide({ records: [ended(7n)] })
  assert.equal(decision.answer, 'no')
  assert.deepEqual(codes(decision), ['decide.certification-ended'])
  assert.match(decision.reasons.join(), /GHSA-jchw-25xp-jwwc/)
  assert.equal(decide({ records: [ended(6n), ended(8n)] }).answer, 'yes')
})

test('an ended certification with its signature turned to (r, n-s), logged and stamped anew, stays ended', () => {
  const again = certified({ signing: { signature: malleate } })
  const other = certified({})
  for (const one of [again, other]) {
    const decision = decide({ certifications: [one, sound.certification], records: [ended(7n)] })
    assert.equal(decision.answer, 'no')
    assert.equal(decision.certifications.length, 1)
  }
})

test('a later certification of the same bytes stands after the digest was ended up to a number', () => {
  const digest = hash('sha256', TEST_ARTIFACT, 'hex')
  const why = { reason: 'why', issuedAt: TEST_TIME }
  const byDigest: RevocationRecord = { scope: 'digest', effect: 'ended', digest, authority, upTo: 7n, ...why }
  const blocked: RevocationRecord = { scope: 'digest', effect: 'blocked', digest, ...why }
  const later = certified({ number: 8n })
  assert.equal(decide({ records: [byDigest] }).answer, 'no')
  assert.equal(decide({ records: [byDigest], certifications: [sound.certification, later] }).answer, 'yes')
  assert.equal(decide({ records: [blocked], certifications: [sound.certification, later] }).answer, 'no')
  assert.equal(
    decide({ records: [byDigest], certifications: [], policy: { validators: { required: 0, of: [] } } }).answer,
    'no',
  )
})

test('two validators are two, one that certified twice is one', () => {
  const two = { validators: { required: 2, of: [named('embedded'), named('lab')] } }
  const byLab = certified({ validator: 'lab', number: 9n })
  assert.equal(decide({ certifications: [sound.certification, certified({ number: 8n })], policy: two }).answer, 'no')
  assert.equal(decide({ certifications: [sound.certification, byLab], policy: two }).answer, 'yes')
  const decision = decide({ certifications: [sound.certification, byLab], policy: two, records: [ended(9n)] })
  assert.deepEqual([decision.answer, codes(decision)], ['no', ['decide.certification-ended']])
})

test("a developer's statement does not count as a certification, whatever it says", () => {
  const decision = decide({ certifications: [signTestStatement(instance)] })
  assert.equal(decision.answer, 'no')
  assert.ok(codes(decision).includes('decide.not-certified'))
  assert.ok(codes(decision).includes('statement.not-certification-authority'), codes(decision).join(' '))
})

test("a certification does not count as the developer's signature", () => {
  const decision = decide({
    signature: sound.certification,
    policy: { identities: [{ issuer: validators, subject: { any: true } }] },
  })
  assert.deepEqual([decision.answer, codes(decision)], ['no', ['decide.certification-as-signature']])
})

test('a statement of another tool by a trusted identity counts as its signature, and its type is said', () => {
  const decision = decide({ signature: signTestStatement(instance) })
  assert.match(decision.checks.find(({ name }) => name === 'signature kind')?.detail ?? '', /statement of the type/)
})

test('a certification of other bytes beside a good one changes no answer, and what is wrong with it is listed', () => {
  const other = certified({ artifact: Buffer.from('other') })
  const decision = decide({ certifications: [other, sound.certification] })
  assert.equal(decision.answer, 'yes')
  assert.ok(
    decision.checks.some(
      ({ name, code }) => name.startsWith('offered certification 1') && code === 'bundle.digest-wrong',
    ),
  )
  assert.equal(decide({ certifications: [other] }).answer, 'no')
})

test('a broken signature is no, however well the bytes are certified', () => {
  const signature = signTestArtifact(instance, { artifact: Buffer.from('other') })
  assert.equal(decide({ signature }).answer, 'no')
})

test('a certification of another product than the one asked for does not count', () => {
  const decision = decide({ product: 'else' })
  assert.deepEqual([decision.answer, codes(decision)], ['no', ['decide.other-product']])
})
