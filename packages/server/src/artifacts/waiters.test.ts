import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { Waiters } from './waiters.ts'

const signal = new AbortController().signal
const patient = { waitMs: 20_000, signal }
const isNews = (found: number) => found > 0

test('what is news already is told at once, and so is anything to who does not wait', async () => {
  const waiters = new Waiters(systemClock)
  assert.equal(await waiters.until('key', async () => 1, isNews, patient), 1)
  assert.equal(await waiters.until('key', async () => 0, isNews, { waitMs: 0, signal }), 0)
})

test('everybody who waits for a key is told of one change, and nobody else', { timeout: 10_000 }, async () => {
  const waiters = new Waiters(systemClock)
  let value = 0
  let readings = 0
  const read = async () => {
    readings++
    return value
  }
  const waiting = Array.from({ length: 50 }, () => waiters.until('key', read, isNews, patient))
  let others = 0
  const other = waiters.until('other', async () => ++others, isNewsAfter(1), patient)
  await settled()
  value = 7
  waiters.wake('key')
  assert.deepEqual(
    await Promise.all(waiting),
    Array.from({ length: 50 }, () => 7),
  )
  assert.equal(readings, 100)
  assert.equal(others, 1)
  waiters.wake('other')
  assert.equal(await other, 2)
})

test('a change that is no news goes on waiting; the next one ends it', { timeout: 10_000 }, async () => {
  const waiters = new Waiters(systemClock)
  let readings = 0
  const waiting = waiters.until('key', async () => ++readings, isNewsAfter(3), patient)
  for (let n = 1; n <= 3; n++) {
    await settled()
    assert.equal(readings, n)
    waiters.wake('key')
  }
  assert.equal(await waiting, 4)
})

test('a change between the reading and the wait after it is not missed', { timeout: 10_000 }, async () => {
  const waiters = new Waiters(systemClock)
  let value = 0
  const read = async () => {
    const found = value
    if (found === 0) {
      value = 1
      waiters.wake('key')
    }
    return found
  }
  assert.equal(await waiters.until('key', read, isNews, patient), 1)
})

test('a wait ends with its time and with its caller, with what there is then', { timeout: 10_000 }, async () => {
  const waiters = new Waiters(systemClock)
  let value = 0
  const short = waiters.until('key', async () => value--, isNews, { waitMs: 20, signal })
  assert.equal(await short, -1)
  const leaving = new AbortController()
  const left = waiters.until('key', async () => 0, isNews, { waitMs: 20_000, signal: leaving.signal })
  await settled()
  leaving.abort()
  assert.equal(await left, 0)
})

test('a reading that fails ends its own wait with its error, and no other', { timeout: 10_000 }, async () => {
  const waiters = new Waiters(systemClock)
  let value = 0
  const failing = async () => {
    if (value > 0) throw new Error('gone')
    return value
  }
  const waits = [failing, async () => value].map((read) => waiters.until('key', read, isNews, patient))
  await settled()
  value = 1
  waiters.wake('key')
  await assert.rejects(waits[0] as Promise<number>, /gone/)
  assert.equal(await waits[1], 1)
})

const isNewsAfter = (known: number) => (found: number) => found > known
const settled = () => new Promise((resolve) => setImmediate(resolve))
