import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verifyConsistency } from '@countersign/protocol/log/merkle.ts'
import { type TestStore, testEntry, testStore } from 'countersign-server/log/testLog.ts'
import { checkAnswer, naiveRoot, readPublicLog } from 'countersign-server/log/testPublicLog.ts'
import type { Appended, TransparencyLog } from 'countersign-server/log/transparencyLog.ts'
import fc from 'fast-check'

type Step =
  | { readonly kind: 'append'; readonly count: number }
  | { readonly kind: 'repeat'; readonly count: number }
  | { readonly kind: 'restart' }
  | { readonly kind: 'collect' }
  | { readonly kind: 'die'; readonly survive: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('append' as const), count: fc.constantFrom(100, 255, 256) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('repeat' as const), count: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'collect' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('die' as const), survive: fc.integer({ min: 0, max: 9 }) }) },
)

/** What a client keeps outside the log: every answer, by the number of the entry. */
type Journal = Map<number, Appended>

test('any life of a log: the naive root, every answer for ever, every past checkpoint a prefix of every later one', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const store = await testStore()
      const journal: Journal = new Map()
      let log = await store.open()
      for (const next of steps) log = await live(store, log, next, journal)
      const seen = readPublicLog(store)
      for (const [number, answer] of journal) {
        if (number % 17 === 0) await checkAnswer(seen, answer, testEntry(number).encode(0n).leaf)
      }
      await checkHistory(log, seen.leaves, journal)
      assert.deepEqual(store.blobs.violations, [])
      await log.close()
      await store.remove()
    }),
    { numRuns: 20 },
  )
})

async function live(store: TestStore, log: TransparencyLog, next: Step, journal: Journal): Promise<TransparencyLog> {
  switch (next.kind) {
    case 'append':
      await appendAll(log, journal.size, next.count, journal)
      return log
    case 'repeat':
      await appendAll(log, 0, Math.min(next.count, journal.size), journal)
      return log
    case 'collect':
      await log.collectPartials()
      return log
    case 'restart':
      return restart(store, log)
    case 'die':
      return dieAndRestart(store, log, next.survive, journal)
  }
}

async function dieAndRestart(store: TestStore, log: TransparencyLog, survive: number, journal: Journal) {
  let left = survive
  store.blobs.plan = () => (left-- > 0 ? undefined : { fault: 'lost', error: new Error('the process is gone') })
  const first = journal.size
  const cut = await Promise.allSettled([0, 1, 2].map((at) => log.append(testEntry(first + at))))
  store.blobs.plan = undefined
  const again = await restart(store, log)
  for (const [at, answer] of cut.entries()) if (answer.status === 'fulfilled') keep(journal, first + at, answer.value)
  // The client does not know what became of the others, and asks again.
  await appendAll(again, first, 3, journal)
  return again
}

async function restart(store: TestStore, log: TransparencyLog): Promise<TransparencyLog> {
  await log.close()
  await store.reopenDatabase()
  return store.open()
}

async function appendAll(log: TransparencyLog, from: number, count: number, journal: Journal): Promise<void> {
  const numbers = Array.from({ length: count }, (_, at) => from + at)
  const answers = await Promise.all(numbers.map((number) => log.append(testEntry(number))))
  for (const [at, answer] of answers.entries()) keep(journal, from + at, answer)
}

function keep(journal: Journal, number: number, answer: Appended): void {
  assert.equal(answer.index, journal.get(number)?.index ?? answer.index, `entry ${number} has two places`)
  if (!journal.has(number)) journal.set(number, answer)
}

async function checkHistory(log: TransparencyLog, leaves: readonly Uint8Array[], journal: Journal): Promise<void> {
  const roots = new Map([...journal.values()].map(({ size, root }) => [size, Uint8Array.from(root)]))
  const sizes = [...roots.keys()].sort((a, b) => Number(a - b))
  for (const [at, oldSize] of sizes.entries()) {
    const oldRoot = roots.get(oldSize) as Uint8Array
    assert.deepEqual(naiveRoot(leaves.slice(0, Number(oldSize))), oldRoot)
    for (const newSize of sizes.slice(at + 1)) {
      const proof = await log.consistencyProof(oldSize, newSize)
      verifyConsistency({ oldSize, oldRoot, newSize, newRoot: roots.get(newSize) as Uint8Array, proof })
    }
  }
}
