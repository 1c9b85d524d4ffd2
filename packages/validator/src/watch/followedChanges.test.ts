import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FollowedChanges } from './followedChanges.ts'

test('whoever asks before and whoever asks after get the same answer', async () => {
  const changes = new FollowedChanges()
  const { signal } = new AbortController()
  const early = changes.until(3, signal)
  changes.followed(3, { ended: ['7'], waiting: [] })
  assert.deepEqual(await early, { ended: ['7'], waiting: [] })
  assert.deepEqual(await changes.until(3, signal), { ended: ['7'], waiting: [] })
})

test('another change answers nobody, and waiting ends with the signal', async () => {
  const changes = new FollowedChanges()
  const stop = new AbortController()
  const waiting = changes.until(3, stop.signal)
  changes.followed(2, { ended: ['7'], waiting: [] })
  stop.abort()
  assert.equal(await waiting, undefined)
})

test('only the newest outcomes are kept', async () => {
  const changes = new FollowedChanges()
  for (let state = 0; state < 1000; state++) changes.followed(state, { ended: [], waiting: [] })
  const stop = new AbortController()
  const old = changes.until(0, stop.signal)
  stop.abort()
  assert.equal(await old, undefined)
  assert.deepEqual(await changes.until(999, new AbortController().signal), { ended: [], waiting: [] })
})

test('when a change arrived is told by whoever brought it, and only for the newest', () => {
  const changes = new FollowedChanges()
  assert.equal(changes.arrivedMs(1), undefined)
  for (let state = 0; state < 1000; state++) changes.arrived(state, state * 10)
  assert.deepEqual([changes.arrivedMs(0), changes.arrivedMs(999)], [undefined, 9990])
})
