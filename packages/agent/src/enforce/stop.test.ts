import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '@countersign/local/clock/clock.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import type { ProcessGroup } from './processGroup.ts'
import { MAX_STOP_MS, stop } from './stop.ts'

/** A clock on which every sleep is over at once. */
function hastyClock(): Clock {
  let elapsedMs = 0
  return {
    ...systemClock,
    monotonicMs: () => elapsedMs,
    sleep: async (ms) => {
      elapsedMs += ms
    },
  }
}

/** A group that is empty once it got `deadly`, and tells what was done with it. */
function groupEndedBy(deadly: string | undefined) {
  const done: string[] = []
  const group: ProcessGroup = {
    signal: (name) => void done.push(name),
    isEmpty: () => deadly !== undefined && done.includes(deadly),
    release: () => void done.push('released'),
  }
  return { group, done }
}

test('SIGTERM first, and nothing more where that is enough', async () => {
  const { group, done } = groupEndedBy('SIGTERM')
  await stop(group, 5_000, hastyClock())
  assert.deepEqual(done, ['SIGTERM', 'released'])
})

test('SIGKILL after its own time at the latest, and no manifest has more than 30 seconds', async () => {
  const { group, done } = groupEndedBy('SIGKILL')
  const clock = hastyClock()
  await stop(group, 86_400_000, clock)
  assert.deepEqual(done, ['SIGTERM', 'SIGKILL', 'released'])
  assert.equal(clock.monotonicMs(), MAX_STOP_MS)
})

test('enforce.not-stopped: what SIGKILL does not end is told, and its group is not given back', async () => {
  const { group, done } = groupEndedBy(undefined)
  await assert.rejects(stop(group, 100, hastyClock()), (error) => hasCode(error, 'enforce.not-stopped'))
  assert.deepEqual(done, ['SIGTERM', 'SIGKILL'])
})
