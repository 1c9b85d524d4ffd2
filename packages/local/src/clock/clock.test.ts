import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from './clock.ts'
import { manualClock } from './manualClock.ts'

const START = new Date('2026-01-02T03:04:05Z')

test('the system clock sleeps at least as long as asked and stops at an abort', async () => {
  const startMs = systemClock.monotonicMs()
  await systemClock.sleep(20)
  assert.ok(systemClock.monotonicMs() - startMs >= 18)
  const stop = new AbortController()
  const sleeping = systemClock.sleep(60_000, stop.signal)
  stop.abort()
  await assert.rejects(sleeping, { name: 'AbortError' })
})

test('a sleep longer than the largest timer does not end at once', async () => {
  const stop = new AbortController()
  let ended = false
  const sleeping = systemClock.sleep(2 ** 40, stop.signal).finally(() => {
    ended = true
  })
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(ended, false)
  stop.abort()
  await assert.rejects(sleeping, { name: 'AbortError' })
})

test('the manual clock moves only when told, and wakes sleepers in order', async () => {
  const clock = manualClock(START)
  const order: string[] = []
  const later = clock.sleep(20).then(() => order.push('later'))
  const sooner = clock.sleep(10).then(() => order.push('sooner'))
  assert.equal(clock.sleeping, 2)
  clock.advance(25)
  await Promise.all([later, sooner])
  assert.deepEqual(order, ['sooner', 'later'])
  assert.equal(clock.now().getTime(), START.getTime() + 25)
  clock.setNow(new Date(0))
  assert.equal(clock.now().getTime(), 0)
  assert.equal(clock.monotonicMs(), 25)
})

test('a sleeper of the manual clock stops at an abort, before or during the sleep', async () => {
  const clock = manualClock(START)
  const stop = new AbortController()
  const sleeping = clock.sleep(10, stop.signal)
  stop.abort()
  await assert.rejects(sleeping, { name: 'AbortError' })
  await assert.rejects(clock.sleep(10, stop.signal), { name: 'AbortError' })
  assert.equal(clock.sleeping, 0)
})
