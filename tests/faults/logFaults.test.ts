import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { filesError } from '@countersign/local/files/errors.ts'
import { databaseError } from '@countersign/platform/database/errors.ts'
import type { Fault } from 'countersign-server/log/testBlobs.ts'
import { type TestStore, testEntry, testStore } from 'countersign-server/log/testLog.ts'
import { checkAnswer, checkTilesOf, readPublicLog } from 'countersign-server/log/testPublicLog.ts'
import type { Appended, TransparencyLog } from 'countersign-server/log/transparencyLog.ts'

const HOOK = Symbol.for('countersign.crashPoint')
const hooks = globalThis as { [HOOK]?: (name: string) => void }

after(() => {
  delete hooks[HOOK]
})

type Write = 'log.staging' | 'log.commit' | 'log.tile' | 'log.checkpoint' | 'log.discard'
/** `passing`: storage says that it is full or not writable. `unknown`: anything else. */
type Reason = 'passing' | 'unknown'
/** What becomes of the entries of the round, and of the log. */
type Outcome = 'answered' | 'refused, log goes on' | 'refused, log stops'

const TABLE: readonly (readonly [Write, Fault, Reason, Outcome])[] = [
  ['log.staging', 'lost', 'passing', 'refused, log goes on'],
  ['log.staging', 'stored', 'passing', 'refused, log goes on'],
  ['log.staging', 'lost', 'unknown', 'refused, log goes on'],
  ['log.staging', 'stored', 'unknown', 'refused, log goes on'],
  ['log.commit', 'lost', 'passing', 'refused, log goes on'],
  ['log.commit', 'stored', 'passing', 'refused, log stops'],
  ['log.commit', 'lost', 'unknown', 'refused, log stops'],
  ['log.commit', 'stored', 'unknown', 'refused, log stops'],
  ['log.tile', 'lost', 'passing', 'refused, log goes on'],
  ['log.tile', 'stored', 'passing', 'refused, log goes on'],
  ['log.tile', 'lost', 'unknown', 'refused, log stops'],
  ['log.tile', 'stored', 'unknown', 'refused, log stops'],
  ['log.checkpoint', 'lost', 'passing', 'refused, log goes on'],
  ['log.checkpoint', 'stored', 'passing', 'refused, log goes on'],
  ['log.checkpoint', 'lost', 'unknown', 'refused, log stops'],
  ['log.checkpoint', 'stored', 'unknown', 'refused, log stops'],
  ['log.discard', 'lost', 'passing', 'answered'],
  ['log.discard', 'stored', 'unknown', 'answered'],
]

for (const [write, fault, reason, outcome] of TABLE) {
  test(`${write} ${fault}, ${reason}: ${outcome}; afterwards everything is there once`, async () => {
    await run({ write, fault, reason, outcome, start: 3, retry: 'the same entries' })
    await run({ write, fault, reason, outcome, start: 254, retry: 'other entries first' })
  })
}

interface Run {
  readonly write: Write
  readonly fault: Fault
  readonly reason: Reason
  readonly outcome: Outcome
  /** Entries before the fault. With 254, the round fills a tile. */
  readonly start: number
  readonly retry: 'the same entries' | 'other entries first'
}

async function run({ write, fault, reason, outcome, start, retry }: Run): Promise<void> {
  const store = await testStore()
  const answers = new Map<number, Appended>()
  let log = await store.open()
  await appendAll(log, 0, start, answers)

  failAt(store, write, fault, reason)
  const failed = await Promise.allSettled(numbers(start, 5).map((number) => log.append(testEntry(number))))
  heal(store)
  assert.ok(failed.every(({ status }) => status === (outcome === 'answered' ? 'fulfilled' : 'rejected')))
  assert.equal(log.failure() !== undefined, outcome === 'refused, log stops')

  if (log.failure() !== undefined) log = await reopen(store, log)
  if (retry === 'other entries first') await appendAll(log, start + 100, 3, answers)
  await appendAll(log, start, 5, answers)
  await checkEverything(store, answers)

  log = await reopen(store, log)
  await appendAll(log, start + 200, 2, answers)
  await appendAll(log, start, 5, answers)
  await checkEverything(store, answers)
  assert.deepEqual(
    [...store.blobs.objects.keys()].filter((key) => key.includes('staging')),
    [],
  )
  await log.close()
  await store.remove()
}

test('killed after any write, at any of them: the next start repairs, nothing is lost or twice', async () => {
  for (const start of [0, 254]) {
    const writes = await countWrites(start)
    assert.ok(writes >= 7)
    for (let survive = 0; survive < writes; survive++) {
      const store = await testStore()
      const answers = new Map<number, Appended>()
      let log = await store.open()
      await appendAll(log, 0, start, answers)
      dieAfter(store, survive)
      const cut = await Promise.allSettled(numbers(start, 5).map((number) => log.append(testEntry(number))))
      for (const [at, answer] of cut.entries())
        if (answer.status === 'fulfilled') keep(answers, start + at, answer.value)
      heal(store)
      log = await reopen(store, log)
      await appendAll(log, start, 5, answers)
      await checkEverything(store, answers)
      assert.equal(log.head().size, BigInt(start + 5))
      await log.close()
      await store.remove()
    }
  }
})

test('killed during recovery, at any write of it: the start after that repairs', async () => {
  for (let survive = 0; survive < 5; survive++) {
    const store = await testStore()
    const answers = new Map<number, Appended>()
    let log = await store.open()
    await appendAll(log, 0, 254, answers)
    failAt(store, 'log.tile', 'lost', 'unknown')
    await Promise.allSettled(numbers(254, 5).map((number) => log.append(testEntry(number))))
    await log.close()
    await store.reopenDatabase()
    dieAfter(store, survive)
    await assert.rejects(store.open())
    heal(store)
    log = await reopen(store)
    assert.equal(log.head().size, 259n)
    await appendAll(log, 254, 5, answers)
    await checkEverything(store, answers)
    await log.close()
    await store.remove()
  }
})

async function countWrites(start: number): Promise<number> {
  const store = await testStore()
  const log = await store.open()
  await appendAll(log, 0, start, new Map())
  store.blobs.writes.length = 0
  await appendAll(log, start, 5, new Map())
  await log.close()
  await store.remove()
  // The commit fires two crash points and counts as two moments to die.
  return store.blobs.writes.length + 2
}

/** From now on everything fails after `survive` more writes, as it does for a process that is gone. */
function dieAfter(store: TestStore, survive: number): void {
  let left = survive
  const error = new Error('the process is gone')
  store.blobs.plan = () => (left-- > 0 ? undefined : { fault: 'lost', error })
  hooks[HOOK] = () => {
    if (left-- <= 0) throw error
  }
}

function failAt(store: TestStore, write: Write, fault: Fault, reason: Reason): void {
  let failed = false
  const once = (hit: boolean) => {
    const isFirst = hit && !failed
    failed ||= hit
    return isFirst
  }
  if (write === 'log.commit') {
    const error = reason === 'passing' ? databaseError('database.no-space', 'planned') : new Error('planned')
    hooks[HOOK] = (name) => {
      if (once(name === (fault === 'lost' ? 'log.commit:before' : 'log.commit:after'))) throw error
    }
    return
  }
  const error = reason === 'passing' ? filesError('files.no-space', 'planned') : new Error('planned')
  store.blobs.plan = (point) => (once(point === write) ? { fault, error } : undefined)
}

function heal(store: TestStore): void {
  store.blobs.plan = undefined
  delete hooks[HOOK]
}

async function reopen(store: TestStore, log?: TransparencyLog): Promise<TransparencyLog> {
  await log?.close()
  await store.reopenDatabase()
  return store.open()
}

function numbers(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => from + at)
}

async function appendAll(log: TransparencyLog, from: number, count: number, answers: Map<number, Appended>) {
  const appended = await Promise.all(numbers(from, count).map((number) => log.append(testEntry(number))))
  for (const [at, answer] of appended.entries()) keep(answers, from + at, answer)
}

function keep(answers: Map<number, Appended>, number: number, answer: Appended): void {
  const earlier = answers.get(number)
  if (earlier === undefined) answers.set(number, answer)
  else assert.equal(answer.index, earlier.index, `entry ${number} has two places`)
}

async function checkEverything(store: TestStore, answers: ReadonlyMap<number, Appended>): Promise<void> {
  assert.deepEqual(store.blobs.violations, [])
  const seen = readPublicLog(store)
  assert.equal(seen.size, BigInt(answers.size))
  for (const [number, answer] of answers) {
    if (number > 4 && number < 250 && number % 25 !== 0) continue
    await checkAnswer(seen, answer, testEntry(number).encode(answer.index).leaf)
  }
  for (const size of new Set([...answers.values()].map((answer) => answer.size))) checkTilesOf(size, store)
}
