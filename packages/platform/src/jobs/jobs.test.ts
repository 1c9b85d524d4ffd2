import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { type ManualClock, manualClock } from '@countersign/local/clock/manualClock.ts'
import { createLogger } from '../telemetry/logger.ts'
import { type Job, type Jobs, startJobs } from './jobs.ts'

const START = new Date('2026-01-01T00:00:00Z')
const logger = createLogger({ level: 'silent', name: 'test' })

let clock: ManualClock
let jobs: Jobs | undefined

beforeEach(() => {
  clock = manualClock(START)
})

afterEach(() => jobs?.stop())

function start(list: Job[], paused = false): Jobs {
  jobs = startJobs({ jobs: list, clock, logger, paused })
  return jobs
}

/** Long enough for everything that waits for nothing. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5))
}

function counter(name: string, everyMs: number): Job & { runs: number } {
  return {
    name,
    everyMs,
    runs: 0,
    async run() {
      this.runs++
    },
  }
}

test('jobs run at the start and then each by its own rhythm', async () => {
  const [fast, slow] = [counter('fast', 10), counter('slow', 25)]
  start([fast, slow])
  await settle()
  assert.deepEqual([fast.runs, slow.runs], [1, 1])
  for (let at = 10; at <= 50; at += 5) {
    clock.advance(5)
    await settle()
  }
  clock.advance(5)
  await settle()
  assert.deepEqual([fast.runs, slow.runs], [6, 3])
})

test('a failing job is shown and runs again at its time', async () => {
  let runs = 0
  const failing: Job = {
    name: 'failing',
    everyMs: 1000,
    async run() {
      if (runs++ === 0) throw new Error('no network')
    },
  }
  const started = start([failing])
  await settle()
  assert.deepEqual(started.status(), [
    { name: 'failing', lastRunAt: START, lastError: 'no network', nextRunAt: new Date(START.getTime() + 1000) },
  ])
  clock.advance(1000)
  await settle()
  const later = new Date(START.getTime() + 1000)
  assert.deepEqual(started.status(), [
    { name: 'failing', lastRunAt: later, nextRunAt: new Date(later.getTime() + 1000) },
  ])
})

test('while paused nothing runs by itself, but runNow does; resuming runs what is due', async () => {
  const job = counter('job', 10)
  const started = start([job], true)
  clock.advance(100)
  await settle()
  assert.equal(job.runs, 0)
  assert.deepEqual(started.status(), [{ name: 'job' }])
  await started.runNow('job')
  assert.equal(job.runs, 1)
  assert.equal(started.paused, true)
  clock.advance(100)
  started.resume()
  await settle()
  assert.equal(job.runs, 2)
  await started.pause()
  clock.advance(100)
  await settle()
  assert.equal(job.runs, 2)
})

test('pausing waits for the run under way', async () => {
  const release = Promise.withResolvers<void>()
  let done = false
  const slow: Job = {
    name: 'slow',
    everyMs: 10,
    async run() {
      await release.promise
      done = true
    },
  }
  const started = start([slow])
  await settle()
  const pausing = started.pause().then(() => done)
  await settle()
  release.resolve()
  assert.equal(await pausing, true)
})

test('a job never runs beside itself, and runNow means a whole new run', async () => {
  const releases: (() => void)[] = []
  let beside = 0
  const slow: Job = {
    name: 'slow',
    everyMs: 10,
    async run() {
      assert.equal(beside++, 0)
      await new Promise<void>((resolve) => releases.push(resolve))
      beside--
    },
  }
  const started = start([slow])
  await settle()
  const now = started.runNow('slow')
  await settle()
  assert.equal(releases.length, 1)
  releases[0]?.()
  await settle()
  assert.equal(releases.length, 2)
  releases[1]?.()
  await now
})

test('runNow passes on what the job throws, and refuses unknown names', async () => {
  const failing: Job = { name: 'failing', everyMs: 10, run: () => Promise.reject(new Error('no network')) }
  const started = start([failing], true)
  await assert.rejects(started.runNow('failing'), /no network/)
  await assert.rejects(started.runNow('other'), { code: 'jobs.unknown' })
})

test('stopping tells the run under way, waits for it, and starts nothing again', async () => {
  let ended = 0
  const patient: Job = {
    name: 'patient',
    everyMs: 1,
    async run(signal) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      ended++
    },
  }
  const started = start([patient])
  await settle()
  await started.stop()
  clock.advance(100)
  await settle()
  assert.equal(ended, 1)
})

test('two jobs of one name are a mistake', () => {
  assert.throws(() => startJobs({ jobs: [counter('a', 1), counter('a', 1)], clock, logger }), { code: 'jobs.misused' })
})
