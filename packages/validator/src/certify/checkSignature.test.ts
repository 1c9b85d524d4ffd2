import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { loggedRecord } from '@countersign/protocol/decide/revokerFixture.ts'
import { testPolicy } from '@countersign/protocol/policy/policyFixture.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { RevocationRecord } from '@countersign/protocol/revocation/record.ts'
import { makeTestKey, TEST_TIME, testDay } from '@countersign/protocol/x509/authorityFixture.ts'
import { readIdentity } from '@countersign/protocol/x509/fulcio.ts'
import { certifyTestArtifact } from '../../../../tests/vectors/bundle/certification.ts'
import { createTestInstance, signTestArtifact } from '../../../../tests/vectors/bundle/fixture.ts'
import { checkSignature } from './checkSignature.ts'
import type { TrustNow } from './instanceTrust.ts'

const instance = createTestInstance()
const artifact = new TextEncoder().encode('files 1.1.0')
const sha256 = hash('sha256', artifact, 'hex')
const sound = signTestArtifact(instance, { artifact })
const { issuer } = readIdentity(parseBundle(sound).certificate)
const refused = { code: 'certify.signature-refused' }

let folder: string
let path: string
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-signature-'))
  path = join(folder, 'artifact')
  writeFileSync(path, artifact)
})
after(() => rmSync(folder, { recursive: true }))

interface Given {
  readonly signature?: string
  readonly policy?: Partial<VerificationPolicy>
  readonly records?: readonly RevocationRecord[]
  readonly freshness?: Date
  readonly product?: string
}

function check({ signature = sound, records = [], freshness = TEST_TIME, product, ...given }: Given = {}) {
  const identities = [{ issuer, subject: { any: true } as const }]
  const policy = testPolicy({ anchors: [], identities, ...given.policy })
  const expires = new Date(TEST_TIME.getTime() + 1)
  // Of the anchors a decision looks at these alone.
  const anchors = { environment: 'production', rootSha256: '11'.repeat(32), expires, policy } as TrustNow['anchors']
  const logged = records.map((one, at) => loggedRecord(one, BigInt(at)))
  const knowledge = { freshness, source: 'fetched', witnessed: true, records: logged } as const
  const trust: TrustNow = { anchors, root: instance.trustedRoot, knowledge }
  const at = { now: TEST_TIME, ...(product !== undefined && { product }) }
  return checkSignature({ path, sha256, signature }, trust, at)
}

test('the signature of someone whom the policy trusts; that it asks for certifications is left out here', async () => {
  await check()
  const of = [{ name: 'lab', issuer: 'https://x.example/validators', subject: 'https://x.example/validators/lab' }]
  await check({ policy: { validators: { required: 1, of } } })
})

test('a larger key signs another digest of the same bytes', async () => {
  const identity = { key: makeTestKey('ecdsa-sha384') }
  await check({ signature: signTestArtifact(instance, { artifact, hashName: 'sha384', identity }) })
  const other = new TextEncoder().encode('files 1.2.0')
  const wrong = signTestArtifact(instance, { artifact: other, hashName: 'sha384', identity })
  await assert.rejects(check({ signature: wrong }), refused)
})

test('certify.signature-refused: of other bytes, by an unknown authority, a certification, no bundle', async () => {
  const elsewhere = signTestArtifact(createTestInstance(), { artifact })
  const other = signTestArtifact(instance, { artifact: new TextEncoder().encode('files 1.2.0') })
  const { certification } = certifyTestArtifact(instance, { artifact })
  for (const signature of [elsewhere, other, certification, '{}', 'hello', '']) {
    await assert.rejects(check({ signature }), refused)
  }
})

test('certify.signature-refused: by someone whom the policy does not name', async () => {
  const identities = [{ issuer, subject: { exact: 'nobody@example.org' } }]
  await assert.rejects(check({ policy: { identities } }), refused)
  await assert.rejects(check({ policy: { identities: [] } }), refused)
})

test('certify.signature-refused: the bytes were ended, or what is known is too old', async () => {
  const why = { reason: 'malware', issuedAt: TEST_TIME }
  await assert.rejects(check({ records: [{ scope: 'digest', effect: 'blocked', digest: sha256, ...why }] }), refused)
  const other: RevocationRecord = { scope: 'digest', effect: 'blocked', digest: '5a'.repeat(32), ...why }
  await check({ records: [other] })
  await assert.rejects(check({ freshness: testDay(-365) }), refused)
})

test('a signer who is trusted for some products: open while the product is unknown, then yes or no', async () => {
  const identities = [{ issuer, subject: { any: true as const }, products: ['files'] }]
  await check({ policy: { identities } })
  await check({ policy: { identities }, product: 'files' })
  await assert.rejects(check({ policy: { identities }, product: 'other' }), refused)
})
