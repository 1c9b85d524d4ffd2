import assert from 'node:assert/strict'
import { test } from 'node:test'
import { durationMs, durationWords } from './duration.ts'

test('durations in milliseconds and in words', () => {
  assert.deepEqual(['0', '1s', '15m', '2h', '30d'].map(durationMs), [0, 1000, 900_000, 7_200_000, 2_592_000_000])
  assert.deepEqual(['0', '1s', '15m', '1h', '30d'].map(durationWords), [
    'no time',
    '1 second',
    '15 minutes',
    '1 hour',
    '30 days',
  ])
})
