import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RecallEffect } from '@countersign/protocol/decide/decideEffect.ts'
import type { Examination } from './examine.ts'
import { type Candidate, releasesToTry } from './goBack.ts'

/** A release as it stands; only what `releasesToTry` looks at. */
function candidate(counter: number, kind: Examination['standing']['kind'] = 'good', more: object = {}): Candidate {
  const { hasRun = true, effect = 'goBack' } = more as { hasRun?: boolean; effect?: RecallEffect }
  const examination = { standing: { kind }, ...(kind !== 'good' && { effect }) }
  return { release: { counter, hasRun }, examination } as unknown as Candidate
}
const tried = (highest: number, ...candidates: readonly Candidate[]) =>
  releasesToTry(candidates, highest).map(({ counter }) => counter)

test('the release with the highest counter runs', () => {
  assert.deepEqual(tried(3, candidate(2), candidate(3), candidate(1)), [3])
})

test('behind a revoked one the newest below it that has run here', () => {
  assert.deepEqual(tried(3, candidate(3, 'revoked'), candidate(1), candidate(2)), [2])
  assert.deepEqual(tried(3, candidate(3, 'revoked'), candidate(1), candidate(2, 'good', { hasRun: false })), [1])
  assert.deepEqual(tried(3, candidate(3, 'revoked')), [])
})

test('what was itself ended is passed over', () => {
  assert.deepEqual(tried(3, candidate(3, 'revoked'), candidate(2, 'revoked'), candidate(1)), [1])
  assert.deepEqual(tried(2, candidate(2, 'revoked'), candidate(1, 'revoked')), [])
})

test('an effect that is not to go back leads nowhere, also on the way down', () => {
  const stopped = { effect: 'stop' }
  assert.deepEqual(tried(2, candidate(2, 'revoked', stopped), candidate(1)), [])
  assert.deepEqual(tried(3, candidate(3, 'revoked'), candidate(2, 'revoked', stopped), candidate(1)), [])
  assert.deepEqual(tried(2, candidate(2, 'revoked', { effect: 'inform' }), candidate(1)), [2])
})

test('nothing but a revocation leads to a lower version', () => {
  for (const kind of ['refused', 'stale', 'offline', 'expired'] as const) {
    assert.deepEqual(tried(2, candidate(2, kind), candidate(1)), [2], kind)
  }
  // The highest that this device has had is gone from its disk.
  assert.deepEqual(tried(3, candidate(2), candidate(1)), [])
})
