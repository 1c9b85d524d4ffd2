import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Submission } from '@countersign/protocol/api/artifacts.ts'
import {
  type ArtifactsFixture,
  certify,
  certifyText,
  cleanVerdict,
  decide,
  giveNumber,
  openArtifactsFixture,
  submitText,
} from './artifactsFixture.ts'
import type { ArtifactsTables } from './artifactsTables.ts'
import { reportSubmission, type SubmissionReport } from './reportSubmission.ts'
import { describeSubmission, findSubmission, submissionKey } from './submissionStore.ts'

const decided: SubmissionReport = {
  state: 'decided',
  verdict: cleanVerdict,
  decision: { answer: 'certify', reasons: ['nothing was found'] },
}
const failed: SubmissionReport = { state: 'failed', failure: { code: 'inspector.unprotected', message: 'unconfined' } }
const noBundles = { state: 'certified', certification: '{}', sbom: '{}', findings: '{}' } as const

let fixture: ArtifactsFixture

before(async () => {
  fixture = await openArtifactsFixture()
})
after(() => fixture.close())

function report(submission: Submission, told: SubmissionReport, validator = 'embedded'): Promise<Submission> {
  return reportSubmission(fixture.deps, validator, submission.id, told)
}

async function read({ id }: Submission): Promise<Submission> {
  const row = await findSubmission(fixture.deps.database.tables<ArtifactsTables>(), id)
  assert.ok(row)
  return describeSubmission(row)
}

async function isOpen({ id }: Submission): Promise<number | undefined> {
  return (await findSubmission(fixture.deps.database.tables<ArtifactsTables>(), id))?.open
}

const certifications = () =>
  fixture.deps.database.tables<ArtifactsTables>().selectFrom('artifacts_certifications').selectAll().execute()

/** What is on record of the ends of submissions. */
async function ends(): Promise<unknown[]> {
  const { lines } = await fixture.deps.audit.read({ limit: 100 })
  return lines.filter(({ kind }) => kind === 'submission.ended').map(({ actor, detail }) => ({ actor, detail }))
}

test('a submission goes through its states with a rising revision, and its end is on record once', async () => {
  const { submission, ...signed } = await submitText(fixture, 'through')
  const bundles = certify(fixture, signed, { number: 50n })
  await giveNumber(fixture, signed, bundles)
  assert.equal((await report(submission, { state: 'inspecting' })).revision, 1)
  assert.equal((await report(submission, decided)).revision, 2)
  const leaves = fixture.auditLog.leaves.length
  const end = await report(submission, { state: 'certified', ...bundles })
  assert.equal(fixture.auditLog.leaves.length, leaves + 1)
  assert.deepEqual(end, {
    ...submission,
    state: 'certified',
    verdict: decided.verdict,
    decision: decided.decision,
    certificationNumber: '50',
    revision: 3,
  })
  assert.deepEqual(await read(submission), end)
  const detail = { id: submission.id, sha256: signed.sha256, state: 'certified', number: '50' }
  assert.deepEqual(await ends(), [{ actor: { validator: 'embedded' }, detail }])
})

test('a report may be repeated, one after the other and at once: it changes nothing and is not on record again', async () => {
  const { submission, bundles } = await certifyText(fixture, 'repeated', { number: 51n })
  const leaves = fixture.auditLog.leaves.length
  const again = () => report(submission, { state: 'certified', ...bundles })
  assert.deepEqual(await again(), submission)
  assert.deepEqual(await report(submission, noBundles), submission)
  const other = await submitText(fixture, 'at once')
  const all = await Promise.all(Array.from({ length: 6 }, () => report(other.submission, failed)))
  assert.deepEqual(new Set(all.map(({ revision }) => revision)), new Set([1]))
  assert.equal(fixture.auditLog.leaves.length, leaves + 1)
})

test('at once, only one of two ends counts', async () => {
  const { submission, ...signed } = await submitText(fixture, 'race')
  const bundles = certify(fixture, signed, { number: 52n })
  await giveNumber(fixture, signed, bundles)
  await decide(fixture, submission.id)
  const told: SubmissionReport[] = [{ state: 'certified', ...bundles }, { state: 'refused' }, failed]
  const outcomes = await Promise.allSettled(told.map((one) => report(submission, one)))
  const rejected = outcomes.filter((one) => one.status === 'rejected').map(({ reason }) => reason.code)
  assert.deepEqual(rejected, ['artifacts.state-passed', 'artifacts.state-passed'])
  const [won] = outcomes.filter((one) => one.status === 'fulfilled')
  assert.deepEqual(await read(submission), won?.value)
  const isStored = (await certifications()).some(({ number }) => number === 52)
  assert.equal(isStored, won?.value.state === 'certified')
})

test('one that its validator’s operator is asked about is no open work, no end, and goes on when that is decided', async () => {
  const { submission } = await submitText(fixture, 'asked')
  const asked: SubmissionReport = { ...decided, state: 'asked', decision: { answer: 'ask', reasons: ['a finding'] } }
  const before = (await ends()).length
  assert.equal((await report(submission, asked)).decision?.answer, 'ask')
  assert.deepEqual(await isOpen(submission), 0)
  assert.equal((await ends()).length, before)
  await assert.rejects(report(submission, { state: 'refused' }), { code: 'artifacts.state-passed' })
  assert.equal((await report(submission, decided)).decision?.answer, 'certify')
  assert.deepEqual(await isOpen(submission), 1)
})

test('artifacts.state-passed: no state is taken back, and an end is final', async () => {
  const { submission } = await submitText(fixture, 'final')
  await report(submission, decided)
  await assert.rejects(report(submission, { state: 'inspecting' }), { code: 'artifacts.state-passed' })
  const end = await report(submission, { state: 'refused' })
  for (const told of [{ state: 'inspecting' }, decided, failed, noBundles] as const) {
    await assert.rejects(report(submission, told), { code: 'artifacts.state-passed' })
  }
  assert.deepEqual(await read(submission), end)
})

test('artifacts.state-passed: without a recorded decision nothing is certified and nothing refused', async () => {
  const { submission, ...signed } = await submitText(fixture, 'undecided')
  const bundles = certify(fixture, signed, { number: 53n })
  await giveNumber(fixture, signed, bundles)
  for (const begin of [undefined, 'inspecting'] as const) {
    if (begin !== undefined) await report(submission, { state: begin })
    for (const told of [{ state: 'certified', ...bundles }, { state: 'refused' }] as const) {
      await assert.rejects(report(submission, told), { code: 'artifacts.state-passed' })
    }
  }
  assert.equal(
    (await certifications()).some(({ number }) => number === 53),
    false,
  )
  assert.equal((await report(submission, failed)).failure?.code, 'inspector.unprotected')
})

test('artifacts.submission-unknown: of no such number, or for another validator', async () => {
  const { submission } = await submitText(fixture, 'own')
  await assert.rejects(report(submission, { state: 'inspecting' }, 'lab'), { code: 'artifacts.submission-unknown' })
  await assert.rejects(report({ ...submission, id: '0'.repeat(32) }, failed), {
    code: 'artifacts.submission-unknown',
  })
  assert.equal((await read(submission)).state, 'waiting')
})

test('who waits for a submission is told of every step, and of nothing that did not happen', async () => {
  const { submission } = await submitText(fixture, 'watched')
  const { waiters } = fixture.deps
  const next = (after: number) =>
    waiters.until(
      submissionKey(submission.id),
      () => read(submission),
      ({ revision }) => revision > after,
      { waitMs: 20_000, signal: new AbortController().signal },
    )
  const steps = Promise.all([next(0), next(0), next(1)])
  await report(submission, { state: 'inspecting' })
  await report(submission, { state: 'inspecting' })
  await report(submission, failed)
  const [one, two, three] = await steps
  assert.ok(one.revision >= 1 && two.revision >= 1)
  assert.equal(three.state, 'failed')
})

test('what does not verify as certification leaves the submission decided and stores nothing', async () => {
  const { submission } = await submitText(fixture, 'unverified')
  await report(submission, decided)
  const before = await certifications()
  await assert.rejects(report(submission, noBundles), { code: /^bundle\./ })
  assert.equal((await read(submission)).state, 'decided')
  assert.deepEqual(await certifications(), before)
})
