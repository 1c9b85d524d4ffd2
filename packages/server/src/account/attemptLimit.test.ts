import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '@countersign/local/clock/manualClock.ts'
import { AttemptLimit } from './attemptLimit.ts'

function used(limit: AttemptLimit, address: string, times: number): boolean {
  for (let i = 0; i < times; i += 1) limit.count(address)
  return limit.isOver(address)
}

test('an address is stopped after its attempts, others are not, and the next minute is new', () => {
  const clock = manualClock(new Date(0))
  const limit = new AttemptLimit(clock, 3)
  assert.equal(used(limit, '192.0.2.1', 2), false)
  assert.equal(used(limit, '192.0.2.1', 1), true)
  assert.equal(limit.isOver('192.0.2.2'), false)
  clock.advance(60_000)
  assert.equal(limit.isOver('192.0.2.1'), false)
})

test('all addresses of one IPv6 /64 share their attempts', () => {
  const limit = new AttemptLimit(manualClock(new Date(0)), 2)
  limit.count('2001:db8:1:2::1')
  limit.count('2001:db8:1:2:ffff::9')
  assert.equal(limit.isOver('2001:db8:1:2::77'), true)
  assert.equal(limit.isOver('2001:db8:1:3::77'), false)
  limit.count('::ffff:192.0.2.1')
  limit.count('192.0.2.1')
  assert.equal(limit.isOver('192.0.2.1'), true)
})

test('memory stays bounded: a flood of addresses shares one count', () => {
  const limit = new AttemptLimit(manualClock(new Date(0)), 5)
  for (let i = 0; i < 10_010; i += 1) limit.count(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
  assert.equal(limit.isOver('203.0.113.9'), true)
  assert.equal(limit.isOver('10.0.0.1'), false)
})
