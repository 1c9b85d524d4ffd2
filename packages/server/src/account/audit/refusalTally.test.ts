import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RefusalTally } from './refusalTally.ts'

test('refusals of one minute and code become one count', () => {
  const tally = new RefusalTally()
  for (let i = 0; i < 1000; i += 1) tally.add('account.token-expired', 60_000 + i)
  tally.add('account.token-issuer', 60_500)
  tally.add('account.token-expired', 120_000)
  assert.deepEqual(tally.take(120_001, false), [
    { code: 'account.token-expired', minuteMs: 60_000, count: 1000 },
    { code: 'account.token-issuer', minuteMs: 60_000, count: 1 },
  ])
})

test('a running minute stays until it ends, unless everything is asked for', () => {
  const tally = new RefusalTally()
  tally.add('log.entry-too-large', 60_000)
  assert.deepEqual(tally.take(119_999, false), [])
  assert.deepEqual(tally.take(119_999, true), [{ code: 'log.entry-too-large', minuteMs: 60_000, count: 1 }])
  assert.deepEqual(tally.take(999_999, true), [])
})
