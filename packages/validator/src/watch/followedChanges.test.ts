import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FollowedChanges } from './followedChanges.ts'

test('whoever asks before and whoever asks after get the same answer', async () => {
  const changes = new FollowedChanges()
  const { signal } = new AbortController()
  const early = changes.until(3, signal)
  changes.followed(3, { ended: ['7'] })
  assert.deepEqual(await early, { ended: ['7'] })
  assert.deepEqual(await changes.until(3, signal), { ended: ['7'] })
})

test('another change answers nobody, and waiting ends with the signal', async () => {
  const changes = new FollowedChanges()
  const stop = new AbortController()
  const waiting = changes.until(3, stop.signal)
  changes.followed(2, { ended: ['7'] })
  stop.abort()
  assert.equal(await waiting, undefined)
})

test('only the newest outcomes are kept', async () => {
  const changes = new FollowedChanges()
  for (let state = 0; state < 1000; state++) changes.followed(state, { ended: [] })
  const stop = new AbortController()
  const old = changes.until(0, stop.signal)
  stop.abort()
  assert.equal(await old, undefined)
  assert.deepEqual(await changes.until(999, new AbortController().signal), { ended: [] })
})
