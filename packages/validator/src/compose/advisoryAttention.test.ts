import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultCertificationPolicy } from '@countersign/protocol/policy/certificationPolicy.ts'
import type { AdvisoryState } from '../advisories/openAdvisories.ts'
import { advisoryAttention } from './advisoryAttention.ts'

const policy = defaultCertificationPolicy()
const now = new Date('2026-11-21T00:00:00Z')
const npm = { name: 'npm', records: 7, asOf: '2026-04-16T00:00:00Z' }
const state: AdvisoryState = {
  state: 1,
  records: 7,
  sample: false,
  asOf: npm.asOf,
  ecosystems: [npm],
  heldPackages: new Set(),
}

function codes(found: AdvisoryState, environment = 'production', held: [] = []): string[] {
  return advisoryAttention({ state: () => found, held: () => held }, { now, environment, policy }).map(
    ({ code }) => code,
  )
}

test('data whose newest record is older than the policy allows needs attention', () => {
  assert.deepEqual(codes(state), ['advisory-data-old'])
})

test('the same data needs none after it was compared with its publisher, because verdicts take it', () => {
  const compared = { ...npm, syncedAt: '2026-11-20T00:00:00Z' }
  assert.deepEqual(codes({ ...state, ecosystems: [compared] }), [])
})

test('one old ecosystem is named although another is new', () => {
  const both = [npm, { name: 'Go', records: 1, asOf: '2026-11-20T00:00:00Z' }]
  const [first] = advisoryAttention(
    { state: () => ({ ...state, ecosystems: both }), held: () => [] },
    { now, environment: 'production', policy },
  )
  assert.match(first?.message ?? '', /for npm is as of 2026-04-16/)
})

test('no data and sample data are told apart', () => {
  assert.deepEqual(codes({ ...state, records: 0, ecosystems: [] }), ['no-advisory-data'])
  const sample = { ...state, sample: true, ecosystems: [{ ...npm, syncedAt: '2026-11-20T00:00:00Z' }] }
  assert.deepEqual(codes(sample), ['advisory-data-sample'])
  assert.deepEqual(codes(sample, 'development'), [])
})
