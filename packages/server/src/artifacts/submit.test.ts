import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { makeTestKey } from '@countersign/protocol/x509/authorityFixture.ts'
import { certifyTestArtifact } from '../../../../tests/vectors/bundle/certification.ts'
import { signTestArtifact } from '../../../../tests/vectors/bundle/fixture.ts'
import {
  type ArtifactsFixture,
  anna,
  bert,
  certifyText,
  endCertification,
  hexSha256,
  openArtifactsFixture,
  policyNaming,
  storeSigned,
} from './artifactsFixture.ts'
import type { ArtifactsTables } from './artifactsTables.ts'
import { reportSubmission } from './reportSubmission.ts'
import { workKey } from './submissionStore.ts'
import { MAX_OPEN_SUBMISSIONS, type SubmissionRequest, submit } from './submit.ts'

let fixture: ArtifactsFixture

before(async () => {
  fixture = await openArtifactsFixture()
})
after(() => fixture.close())

async function request(text: string, changes: Partial<SubmissionRequest> = {}): Promise<SubmissionRequest> {
  const { sha256, signature } = await storeSigned(fixture, text)
  return { sha256, signature, name: 'files.tar.gz', ...changes }
}

const rows = () => fixture.deps.database.tables<ArtifactsTables>().selectFrom('artifacts_submissions').selectAll()
const count = async () => (await rows().execute()).length

test('every validator that the policy names gets a submission, unless some are asked for; each once', async () => {
  const both = await submit(fixture.deps, anna, await request('both'))
  assert.deepEqual(
    both.map(({ validator, state, revision }) => [validator, state, revision]),
    [
      ['embedded', 'waiting', 0],
      ['lab', 'waiting', 0],
    ],
  )
  const one = await submit(fixture.deps, anna, await request('one', { validators: ['lab', 'lab'] }))
  assert.deepEqual(
    one.map(({ validator }) => validator),
    ['lab'],
  )
})

test('a submission says what was submitted, by whom and when, and wakes its validator', async () => {
  const woken = fixture.deps.waiters.until(
    workKey('lab'),
    async () => (await rows().where('name', '=', 'woken').execute()).length,
    (found) => found > 0,
    { waitMs: 20_000, signal: new AbortController().signal },
  )
  const asked = await request('said', { name: 'woken', product: 'files', version: '1.1.0', validators: ['lab'] })
  const [submission] = await submit(fixture.deps, anna, asked)
  assert.equal(await woken, 1)
  assert.deepEqual(
    { ...submission, id: '' },
    {
      id: '',
      sha256: asked.sha256,
      sizeBytes: 4,
      name: 'woken',
      signatureSha256: hexSha256(asked.signature),
      product: 'files',
      version: '1.1.0',
      validator: 'lab',
      submittedBy: anna,
      submittedAt: '2026-11-20T12:00:00.000Z',
      state: 'waiting',
      revision: 0,
    },
  )
})

test('the same again is the same submission, also when it is asked for many times at once; another person’s is another', async () => {
  const asked = await request('again', { validators: ['lab'] })
  const before = await count()
  const all = await Promise.all(Array.from({ length: 8 }, () => submit(fixture.deps, anna, asked)))
  assert.equal(new Set(all.map(([one]) => one?.id)).size, 1)
  assert.equal(await count(), before + 1)
  const [other] = await submit(fixture.deps, bert, asked)
  assert.notEqual(other?.id, all[0]?.[0]?.id)
})

test('what was refused or failed, or whose certification is over, may be submitted again', async () => {
  const asked = await request('failing', { validators: ['lab'] })
  const [first] = await submit(fixture.deps, anna, asked)
  const failure = { code: 'inspector.unprotected', message: 'nothing confines it' }
  await reportSubmission(fixture.deps, 'lab', first?.id ?? '', { state: 'failed', failure })
  const [second] = await submit(fixture.deps, anna, asked)
  assert.notEqual(second?.id, first?.id)

  const { sha256, signature, submission } = await certifyText(fixture, 'certified', { number: 40n })
  const again = { sha256, signature, name: 'files.tar.gz', validators: ['embedded'] }
  assert.equal((await submit(fixture.deps, anna, again))[0]?.id, submission.id)
  await endCertification(fixture, 40)
  const [renewed] = await submit(fixture.deps, anna, again)
  assert.notEqual(renewed?.id, submission.id)
  assert.equal(renewed?.state, 'waiting')
})

test('artifacts.unknown-artifact: nothing was stored under this digest', async () => {
  const asked = { ...(await request('stored')), sha256: '5a'.repeat(32) }
  await assert.rejects(submit(fixture.deps, anna, asked), { code: 'artifacts.unknown-artifact' })
})

test('artifacts.signature-wrong: of other bytes, by another instance, or a certification; nothing is submitted', async () => {
  const asked = await request('signed')
  const before = await count()
  const artifact = new TextEncoder().encode('signed')
  const wrong = [
    (await request('other')).signature,
    signTestArtifact(fixture.instance, { artifact, issuer: fixture.instance.timestamps }),
    signTestArtifact(fixture.instance, { artifact, issuer: fixture.instance.certifications }),
    certifyTestArtifact(fixture.instance, { artifact }).certification,
  ]
  for (const signature of wrong) {
    await assert.rejects(submit(fixture.deps, anna, { ...asked, signature }), { code: 'artifacts.signature-wrong' })
  }
  await assert.rejects(submit(fixture.deps, anna, { ...asked, signature: '{}' }), { code: /^bundle\./ })
  assert.equal(await count(), before)
})

test('a signature over a longer digest is checked against the stored bytes', async () => {
  const artifact = new TextEncoder().encode('long')
  const asked = await request('long', { validators: ['lab'] })
  const long = (bytes: Uint8Array) => {
    const identity = { key: makeTestKey('ecdsa-sha384') }
    return signTestArtifact(fixture.instance, { artifact: bytes, hashName: 'sha384', identity })
  }
  const [submission] = await submit(fixture.deps, anna, { ...asked, signature: long(artifact) })
  assert.equal(submission?.state, 'waiting')
  const other = long(new TextEncoder().encode('other'))
  await assert.rejects(submit(fixture.deps, anna, { ...asked, signature: other }), {
    code: 'artifacts.signature-wrong',
  })
})

test('artifacts.validator-unknown and artifacts.no-validator: only validators of the policy are asked', async () => {
  const asked = await request('for nobody', { validators: ['embedded', 'stranger'] })
  const before = await count()
  await assert.rejects(submit(fixture.deps, anna, asked), { code: 'artifacts.validator-unknown' })
  const { policy } = fixture
  fixture.policy = policyNaming(fixture.instance, [])
  const { validators: _, ...anybody } = asked
  await assert.rejects(submit(fixture.deps, anna, anybody), { code: 'artifacts.no-validator' })
  const elsewhere = 'https://elsewhere.example.org/validators'
  const of = [{ name: 'far', issuer: elsewhere, subject: `${elsewhere}/far` }]
  fixture.policy = { ...policy, validators: { required: 1, of } }
  await assert.rejects(submit(fixture.deps, anna, anybody), { code: 'artifacts.no-validator' })
  fixture.policy = policy
  assert.equal(await count(), before)
})

test('artifacts.too-many-open: a person has only so many open; what is open already may be asked for again', async () => {
  const asked = await request('one too many')
  const known = await request('counted', { validators: ['lab'] })
  const person = { ...anna, subject: 'busy' }
  const [first] = await submit(fixture.deps, person, known)
  const row = await rows()
    .where('id', '=', first?.id ?? '')
    .executeTakeFirstOrThrow()
  await fixture.deps.database.transaction<ArtifactsTables, void>('test', async (trx) => {
    for (let n = 2; n < MAX_OPEN_SUBMISSIONS; n++) {
      const { seq: _, ...values } = row
      await trx
        .insertInto('artifacts_submissions')
        .values({ ...values, id: String(n).padStart(32, '0'), sha256: hexSha256(String(n)) })
        .execute()
    }
  })
  await assert.rejects(submit(fixture.deps, person, asked), { code: 'artifacts.too-many-open' })
  await submit(fixture.deps, person, { ...asked, validators: ['lab'] })
  await assert.rejects(submit(fixture.deps, person, { ...asked, validators: ['embedded'] }), {
    code: 'artifacts.too-many-open',
  })
  assert.equal((await submit(fixture.deps, person, known))[0]?.id, first?.id)
  assert.equal((await submit(fixture.deps, anna, asked)).length, 2)
})
