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

test('data that was last complete longer ago than the policy allows needs attention', () => {
  assert.deepEqual(codes(state), ['advisory-data-old'])
  assert.deepEqual(codes({ ...state, ecosystems: [{ ...npm, asOf: '2026-11-20T00:00:00Z' }] }), [])
})

test('data that was never read whole needs attention; what the records of another ecosystem say besides does not', () => {
  const single = { name: 'Go', records: 1 }
  assert.deepEqual(codes({ ...state, ecosystems: [single] }), ['advisory-data-old'])
  assert.deepEqual(codes({ ...state, ecosystems: [{ ...npm, asOf: '2026-11-20T00:00:00Z' }, single] }), [])
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
  const sample = { ...state, sample: true, ecosystems: [{ ...npm, asOf: '2026-11-20T00:00:00Z' }] }
  assert.deepEqual(codes(sample), ['advisory-data-sample'])
  assert.deepEqual(codes(sample, 'development'), [])
})
