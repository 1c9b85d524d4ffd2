import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { dataFolder } from './dataFolder.ts'
import { openState } from './stateStore.ts'
import { MAX_EVENTS, withEvent } from './storedState.ts'

const root = mkdtempSync(join(tmpdir(), 'countersign-state-'))
after(() => rmSync(root, { recursive: true, force: true }))
const folder = dataFolder(root)
const earliest = new Date('2026-11-01T00:00:00Z')

beforeEach(() => rmSync(folder.state, { force: true }))

test('a state that is gone was lost: a fresh checkpoint is asked for', async () => {
  assert.equal((await openState(folder, earliest)).current.needsFreshCheckpoint, true)
})

test('a change is on disk when it resolves, for this user alone', async () => {
  const store = await openState(folder, earliest)
  await store.change((state) => ({ ...state, reportCounter: 7, needsFreshCheckpoint: false }))
  assert.equal(statSync(folder.state).mode & 0o777, 0o600)
  const { current } = await openState(folder, earliest)
  assert.deepEqual([current.reportCounter, current.needsFreshCheckpoint], [7, false])
})

test('the same state again writes nothing', async () => {
  const store = await openState(folder, earliest)
  await store.change((state) => state)
  assert.throws(() => readFileSync(folder.state), /ENOENT/)
})

test('state.damaged: what this program would not write', async () => {
  for (const text of ['', '{', '{"v":2}', '[]', '{"v":1,"reportCounter":-1}']) {
    writeFileSync(folder.state, text)
    await assert.rejects(openState(folder, earliest), (error) => hasCode(error, 'state.damaged'))
  }
})

test('events are bounded: the oldest go', async () => {
  let { current } = await openState(folder, earliest)
  for (let at = 0; at <= MAX_EVENTS; at++) {
    current = withEvent(current, { at: earliest.toISOString(), kind: `k${at}`, detail: 'x'.repeat(600) })
  }
  assert.equal(current.events.length, MAX_EVENTS)
  assert.deepEqual([current.events[0]?.kind, current.events[0]?.detail.length], ['k1', 512])
})
