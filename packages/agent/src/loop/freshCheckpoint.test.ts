import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '@countersign/local/clock/manualClock.ts'
import type { Knowledge } from '@countersign/protocol/decide/facts.ts'
import { openDeviceTime } from '../state/deviceTime.ts'
import { emptyState } from '../state/storedState.ts'
import { isFreshCheckpoint } from './freshCheckpoint.ts'

const now = new Date('2026-11-20T12:00:00Z')
const hoursAgo = (hours: number) => new Date(now.getTime() - hours * 3_600_000)
const fresh: Knowledge = { source: 'fetched', freshness: hoursAgo(1), witnessed: true, records: [] }
const problem = { code: 'feed.rolled-back', detail: 'smaller than before', broken: true } as const

/** What is told, its size, what was acknowledged before, whether the time is proven, and whether it lets things start. */
const table: readonly (readonly [string, Knowledge, string, string, boolean, boolean])[] = [
  ['a checkpoint of an hour ago', fresh, '5', '5', true, true],
  ['one that grew meanwhile', fresh, '6', '5', true, true],
  ['one of exactly maxStaleness ago', { ...fresh, freshness: hoursAgo(24) }, '5', '5', true, true],
  ['an old one, replayed', { ...fresh, freshness: hoursAgo(25) }, '5', '5', true, false],
  ['one smaller than what was acknowledged', fresh, '4', '5', true, false],
  ['one by a time that is not proven', fresh, '5', '5', false, false],
  ['one that was only stored', { ...fresh, source: 'stored' }, '5', '5', true, false],
  ['one of a log in doubt', { ...fresh, problem }, '5', '5', true, false],
]
for (const [what, knowledge, size, acknowledged, isProven, expected] of table) {
  test(`after a loss of state ${what} ${expected ? 'lets things start' : 'does not'}`, () => {
    const time = openDeviceTime(manualClock(now), now)
    if (isProven) time.prove(now)
    const store = { current: { ...emptyState(now, true), acknowledged } }
    assert.equal(isFreshCheckpoint(knowledge, size, { time, store, policy: { maxStaleness: '1d' } }), expected)
  })
}

test('after a loss of state news without any cosigned time does not', () => {
  const { freshness: _none, ...undated } = fresh
  const time = openDeviceTime(manualClock(now), now)
  time.prove(now)
  const store = { current: emptyState(now, true) }
  assert.equal(isFreshCheckpoint(undated, '0', { time, store, policy: { maxStaleness: '1d' } }), false)
})
