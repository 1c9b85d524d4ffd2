import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '@countersign/local/clock/manualClock.ts'
import { openDeviceTime } from './deviceTime.ts'

const floor = new Date('2026-11-20T12:00:00Z')
const later = (ms: number) => new Date(floor.getTime() + ms)

test('a clock at 1970 does not count: time is at least the floor, and goes on from there', () => {
  const clock = manualClock(new Date(0))
  const time = openDeviceTime(clock, floor)
  clock.advance(5_000)
  assert.deepEqual(time.now(), later(5_000))
  assert.equal(time.isProven(), false)
})

test('a clock at 2060 counts only until the instance has proven its time, and is never written down', () => {
  const clock = manualClock(new Date('2060-01-01T00:00:00Z'))
  const time = openDeviceTime(clock, floor)
  assert.equal(time.now().getUTCFullYear(), 2060)
  assert.deepEqual(time.floor(), floor)
  time.prove(later(1_000))
  assert.deepEqual(time.now(), later(1_000))
  assert.equal(time.isProven(), true)
})

test('a jump of the wall clock, either way, makes time uncertain until it is proven again; it never falls', () => {
  for (const jumpMs of [3_600_000, -3_600_000]) {
    const clock = manualClock(floor)
    const time = openDeviceTime(clock, floor)
    time.prove(later(10))
    clock.advance(1_000)
    clock.setNow(new Date(clock.now().getTime() + jumpMs))
    assert.equal(time.isProven(), false)
    assert.ok(time.now().getTime() >= later(1_010).getTime())
    time.prove(later(500))
    assert.deepEqual(time.floor(), later(1_010), 'an older proof does not turn it back')
    assert.equal(time.isProven(), true)
  }
})

test('witnesses raise the floor and never lower it', () => {
  const time = openDeviceTime(manualClock(floor), floor)
  time.raise(later(60_000))
  time.raise(later(30_000))
  assert.deepEqual(time.now(), later(60_000))
})
