import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, test } from 'node:test'
import { manualClock } from '@countersign/local/clock/manualClock.ts'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { testPolicy } from '@countersign/protocol/policy/policyFixture.ts'
import type { Catalogue } from '@countersign/protocol/sbom/catalogue.ts'
import { TEST_TIME } from '@countersign/protocol/x509/authorityFixture.ts'
import { readIdentity } from '@countersign/protocol/x509/fulcio.ts'
import { createTestInstance, signTestArtifact } from '../../../../tests/vectors/bundle/fixture.ts'
import {
  openTestValidator,
  type TestValidator,
  testAdvisory,
  testCatalogue,
  testFolder,
  testInstance,
} from '../watch/validatorFixture.ts'
import type { CertifyDeps } from './certifyDeps.ts'
import type { StoredSubmission } from './certifyStore.ts'
import type { TrustNow } from './instanceTrust.ts'
import { judge, NO_ADVISORY_DATA } from './judge.ts'
import { artifactPath } from './keepArtifact.ts'

const instance = createTestInstance()
const bytes = new TextEncoder().encode('files 1.1.0')
const sha256 = hash('sha256', bytes, 'hex')
const signature = signTestArtifact(instance, { artifact: bytes })
const { issuer } = readIdentity(parseBundle(signature).certificate)
const manifest = { product: 'files', version: '1.1.0', start: ['node', 'x.js'], firstParty: [], stopTimeoutMs: 1000 }

let remove: () => Promise<void>
let validator: TestValidator
let count: number

beforeEach(async () => {
  let folder: string
  ;({ folder, remove } = await testFolder())
  count = 0
  validator = await openTestValidator(folder, testInstance())
  await validator.importWhole([testAdvisory('GHSA-0000-0000-0001', 'unrelated', '1.0.0')])
})

afterEach(async () => {
  await validator.close()
  await remove()
})

/** What judging stands on; the instance has the bytes, and whom it signs in may sign any product, or some. */
function deps(changes: Partial<CertifyDeps> = {}, products?: string[]): CertifyDeps {
  const identity = { issuer, subject: { any: true as const }, ...(products && { products }) }
  const policy = testPolicy({ anchors: [], identities: [identity] })
  const expires = new Date(Date.now() + 60_000)
  // Of the anchors a decision looks at these alone.
  const anchors = { environment: 'production', rootSha256: '11'.repeat(32), expires, policy } as TrustNow['anchors']
  const knowledge = { freshness: TEST_TIME, source: 'fetched', witnessed: true, records: [] } as const
  const now: TrustNow = { anchors, root: instance.trustedRoot, knowledge }
  return {
    ...validator.certifying,
    clock: { ...validator.certifying.clock, now: () => TEST_TIME },
    authority: { ...validator.certifying.authority, download: async (_sha256, path) => writeFileSync(path, bytes) },
    trust: { anchors: () => anchors, renew: async () => now },
    inspect: async () => ({ catalogue: catalogue(), protections: [] }),
    ...changes,
  }
}

function catalogue(changes: Partial<Catalogue> = {}): Catalogue {
  return { ...testCatalogue(sha256, 'left', '1.0.0'), manifest, ...changes }
}

/** A submission as it arrives. */
function submitted(changes: Partial<StoredSubmission> = {}): Promise<StoredSubmission> {
  return validator.certifying.store.addSubmission({
    id: String(++count).padStart(32, '0'),
    sha256,
    size_bytes: bytes.length,
    name: 'files.tar.gz',
    signature_sha256: hash('sha256', signature, 'hex'),
    signature,
    product: null,
    version: null,
    submitted_by: JSON.stringify({ issuer, subject: 'anna' }),
    submitted_at: TEST_TIME.toISOString(),
    stage: 'found',
    catalogue_id: null,
    verdict: null,
    decision: null,
    failure: null,
    told: 0,
    ...changes,
  })
}

const read = ({ verdict, decision }: StoredSubmission) => ({
  verdict: JSON.parse(verdict ?? 'null'),
  decision: JSON.parse(decision ?? 'null'),
})

test('verdict and decision are recorded with the catalogue they are about; the artifact is kept', async () => {
  const active = { name: 'user namespace', active: true, detail: '' }
  const protections = [active, { name: 'memory', active: false, detail: '' }]
  const inspect = async () => ({ catalogue: catalogue(), protections })
  const row = await judge(deps({ inspect }), await submitted())
  assert.deepEqual([row.stage, row.product, row.version], ['decided', 'files', '1.1.0'])
  const { verdict, decision } = read(row)
  assert.deepEqual([verdict.answer, verdict.components, verdict.protections], ['clean', 1, ['user namespace']])
  assert.equal(decision.answer, 'certify')
  assert.equal(JSON.parse(await validator.certifying.store.catalogue(row.catalogue_id ?? 0)).artifact.sha256, sha256)
  assert.ok(existsSync(artifactPath(validator.certifying.artifactsFolder, sha256)))
  const download = () => Promise.reject(new Error('asked again'))
  const authority = { ...validator.certifying.authority, download }
  assert.equal((await judge(deps({ authority }), await submitted())).stage, 'decided')
})

test('when the scan began and ended is recorded with the verdict', async () => {
  const clock = manualClock(TEST_TIME)
  const inspect = async () => {
    clock.advance(90_000)
    return { catalogue: catalogue(), protections: [] }
  }
  const { scan } = await judge(deps({ clock, inspect }), await submitted())
  const finished = new Date(TEST_TIME.getTime() + 90_000)
  assert.deepEqual(JSON.parse(scan ?? ''), { startedAt: TEST_TIME.toISOString(), finishedAt: finished.toISOString() })
})

test('an advisory that reaches a component: affected, and refused', async () => {
  await validator.advisories.receive([testAdvisory('GHSA-left', 'left', '2.0.0')])
  const { verdict, decision } = read(await judge(deps(), await submitted()))
  assert.deepEqual([verdict.answer, decision.answer], ['affected', 'refuse'])
})

test('without advisory data nothing is certified, and the reason says so', async () => {
  const { folder, remove: gone } = await testFolder()
  const empty = await openTestValidator(folder, testInstance())
  try {
    const { decision } = read(await judge(deps({ advisories: empty.advisories }), await submitted()))
    assert.equal(decision.answer, 'refuse')
    assert.equal(decision.reasons[0], NO_ADVISORY_DATA)
  } finally {
    await empty.close()
    await gone()
  }
})

test('certify.signature-refused before anything is inspected', async () => {
  const inspect = () => Promise.reject(new Error('was inspected'))
  const other = signTestArtifact(instance, { artifact: new TextEncoder().encode('files 1.2.0') })
  await assert.rejects(judge(deps({ inspect }), await submitted({ signature: other })), {
    code: 'certify.signature-refused',
  })
})

test('certify.signature-refused once the product is known, where the signer is trusted for others only', async () => {
  assert.equal((await judge(deps({}, ['files']), await submitted())).stage, 'decided')
  await assert.rejects(judge(deps({}, ['other']), await submitted()), { code: 'certify.signature-refused' })
})

test('certify.product-unknown: neither manifest nor submission says what it is', async () => {
  const { manifest: _, ...nameless } = catalogue()
  const inspect = async () => ({ catalogue: nameless, protections: [] })
  await assert.rejects(judge(deps({ inspect }), await submitted()), { code: 'certify.product-unknown' })
  await assert.rejects(judge(deps({ inspect }), await submitted({ product: 'files' })), {
    code: 'certify.product-unknown',
  })
  const row = await judge(deps({ inspect }), await submitted({ product: 'tool', version: '7' }))
  assert.deepEqual([row.product, row.version], ['tool', '7'])
})

test('certify.product-mismatch: the manifest is signed, so the submission may not say otherwise', async () => {
  for (const named of [{ product: 'other' }, { version: '1.1' }, { product: 'files', version: '1.2.0' }]) {
    await assert.rejects(judge(deps(), await submitted(named)), { code: 'certify.product-mismatch' })
  }
  assert.equal((await judge(deps(), await submitted({ product: 'files', version: '1.1.0' }))).stage, 'decided')
})
