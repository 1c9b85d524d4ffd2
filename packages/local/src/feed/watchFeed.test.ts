import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { endedNumbers, signedLeaf, testRevoker, testRevokers } from '@countersign/protocol/decide/revokerFixture.ts'
import type { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { testPolicy } from '@countersign/protocol/policy/policyFixture.ts'
import type { Anchors } from '../anchors/openAnchors.ts'
import { systemClock } from '../clock/clock.ts'
import type { FeedKnowledge } from './knowledge.ts'
import { eventText, LogServer, TestLog, testSigner } from './logFixture.ts'
import { watchFeed } from './watchFeed.ts'

const ORIGIN = 'log.example.org/production/revocations'
const approver = testRevoker('anna', ['certifications'])
const witness = testSigner('witness.example.org', 0x04)
let server: LogServer
let folder: string
let log: TestLog
let stop: AbortController
let watching: Promise<void>
let heard: { cause: 'push' | 'poll'; knowledge: FeedKnowledge; receivedAtMs?: number | undefined }[]
let troubles: CodedError[]
let hints: number[]

before(async () => {
  server = await LogServer.start()
})
after(() => server.stop())
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-watch-'))
  log = new TestLog(ORIGIN)
  stop = new AbortController()
  heard = []
  troubles = []
  hints = []
  server.files.clear()
  server.listeners.length = 0
  publish()
})
afterEach(async () => {
  stop.abort()
  await watching
  rmSync(folder, { recursive: true })
})

const checkpoint = (of = log) => of.checkpoint(witness, new Date())
const publish = () => server.publish('revocations', log, checkpoint())
const record = (number: bigint) => signedLeaf(endedNumbers([number]), approver)

function watch(pollMs = 3_600_000, onKnowledge?: () => Promise<void>) {
  const policy = testPolicy({
    logs: {
      artifacts: [],
      certificates: [],
      revocations: [{ origin: ORIGIN, key: { vkey: log.signer.vkey }, url: `${server.url}/revocations` }],
      audit: [],
    },
    revokers: testRevokers([approver]),
    witnesses: { quorum: 1, of: [{ name: 'witness.example.org', vkey: witness.vkey, outside: true }] },
  })
  const anchors = { policy, folder, target: () => new Uint8Array() } as unknown as Anchors
  const listener = {
    async onKnowledge(knowledge: FeedKnowledge, cause: 'push' | 'poll', receivedAtMs?: number) {
      heard.push({ knowledge, cause, receivedAtMs })
      await onKnowledge?.()
    },
    onCheckInHint: (withinMs: number) => void hints.push(withinMs),
    onTrouble: (trouble: CodedError) => troubles.push(trouble),
  }
  const options = { clock: systemClock, signal: stop.signal, pollMs, timeoutMs: 2000, random: () => 0 }
  watching = watchFeed(anchors, listener, options)
}

/** Waits until something holds, at most five seconds. */
async function until(what: string, holds: () => boolean): Promise<void> {
  for (let left = 500; !holds(); left--) {
    assert.ok(left > 0, `waited in vain until ${what}`)
    await systemClock.sleep(10)
  }
}

async function connected(): Promise<void> {
  await until('the first poll and the stream', () => heard.length > 0 && server.streams === 1)
}
const pushed = () => heard.filter(({ cause }) => cause === 'push')
const numbersKnown = () => heard.at(-1)?.knowledge.knowledge.records.map(({ number }) => number)
const ignored = () => troubles.filter(({ code }) => code === 'feed.push-wrong').length

test('a push brings an authorised record at once, verified from what is kept, without fetching anything', async () => {
  log.entries.push(record(4n))
  publish()
  watch()
  await connected()
  const requests = server.requests
  log.entries.push(record(5n))
  server.push(log, checkpoint(), 1)
  await until('the push is heard', () => pushed().length === 1)
  assert.deepEqual(numbersKnown(), [0n, 1n])
  assert.deepEqual(heard.at(-1)?.knowledge.knowledge.problem, undefined)
  assert.equal(heard.at(-1)?.knowledge.knowledge.source, 'fetched')
  assert.equal(server.requests, requests)
  assert.deepEqual(troubles, [])
})

test('a push with only a checkpoint, or one that skips entries, has the tiles fetched', async () => {
  watch()
  await connected()
  log.entries.push(record(5n), record(6n))
  publish()
  server.push(log, checkpoint(), 2)
  await until('the push is heard', () => pushed().length === 1)
  log.entries.push(record(7n), record(8n))
  publish()
  server.push(log, checkpoint(), 3)
  await until('the second push is heard', () => pushed().length === 2)
  assert.deepEqual(numbersKnown(), [0n, 1n, 2n, 3n])
})

test('pushed entries that are not the logged ones are not believed; the logged ones are fetched', async () => {
  watch()
  await connected()
  log.entries.push(record(5n))
  publish()
  const entries = [Buffer.from(record(9n)).toString('base64')]
  server.send(eventText({ checkpoint: checkpoint(), from: '0', entries }))
  await until('the push is heard', () => pushed().length === 1)
  const [known] = heard.at(-1)?.knowledge.knowledge.records ?? []
  assert.deepEqual(known?.authorised.record, { ...endedNumbers([5n]) })
})

test('a lost push costs one poll', async () => {
  watch(50)
  await connected()
  log.entries.push(record(5n))
  publish()
  await until('a poll brings it', () => numbersKnown()?.length === 1)
  assert.equal(pushed().length, 0)
})

test('replayed and out-of-order pushes change nothing and are no trouble', async () => {
  watch()
  await connected()
  log.entries.push(record(5n))
  const first = checkpoint()
  log.entries.push(record(6n))
  server.push(log, checkpoint(), 0)
  await until('the newer push is heard', () => pushed().length === 1)
  const older = new TestLog(ORIGIN, log.signer)
  older.entries.push(log.entries[0] as Uint8Array)
  for (let again = 0; again < 3; again++) server.push(older, first, 0)
  log.entries.push(record(7n))
  server.push(log, checkpoint(), 2)
  await until('the next push is heard', () => pushed().length === 2)
  assert.deepEqual(numbersKnown(), [0n, 1n, 2n])
  assert.deepEqual(troubles, [])
})

test('a record that nobody with the right to it signed has no effect, pushed or not', async () => {
  watch()
  await connected()
  log.entries.push(signedLeaf(endedNumbers([5n]), testRevoker('eve', ['certifications'])))
  server.push(log, checkpoint(), 0)
  await until('the push is heard', () => pushed().length === 1)
  assert.deepEqual([numbersKnown(), heard.at(-1)?.knowledge.ignored], [[], 1])
})

const garbage: readonly (readonly [string, () => string])[] = [
  ['an event of another kind', () => 'event: command\ndata: {"run":"this"}\n\n'],
  ['a hint without its time', () => 'event: check-in\ndata: {}\n\n'],
  ['a hint for next year', () => 'event: check-in\ndata: {"withinMs":31536000000}\n\n'],
  ['no JSON', () => 'event: checkpoint\ndata: {{{{\n\n'],
  ['JSON of another form', () => eventText({ checkpoint: 1, from: 'x' })],
  ['entries that are not base64', () => eventText({ checkpoint: checkpoint(), from: '0', entries: ['*'] })],
  [
    'a checkpoint by another key',
    () => eventText({ checkpoint: checkpoint(new TestLog(ORIGIN)), from: '0', entries: [] }),
  ],
  [
    'a checkpoint of another log',
    () => eventText({ checkpoint: checkpoint(new TestLog('else.example.org')), from: '0', entries: [] }),
  ],
  [
    'a checkpoint whose tiles nobody has',
    () => {
      const longer = new TestLog(ORIGIN, log.signer).add('never published')
      return eventText({ checkpoint: checkpoint(longer), from: '1', entries: [] })
    },
  ],
]
for (const [what, text] of garbage) {
  test(`feed.push-wrong: ${what} is ignored and counted; the next push is heard`, async () => {
    watch()
    await connected()
    server.send(text())
    await until('it is ignored', () => ignored() === 1)
    assert.equal(pushed().length, 0)
    log.entries.push(record(5n))
    publish()
    server.push(log, checkpoint(), 0)
    await until('the good push is heard', () => pushed().length === 1)
    assert.deepEqual(numbersKnown(), [0n])
  })
}

test('a hint to check in is passed on and is no knowledge', async () => {
  watch()
  await connected()
  server.send('event: check-in\ndata: {"withinMs":2000}\n\n')
  await until('the hint is heard', () => hints.length === 1)
  assert.deepEqual([hints, pushed().length, troubles], [[2000], 0, []])
})

test('a push says when its first byte came', async () => {
  watch()
  await connected()
  log.entries.push(record(5n))
  const text = eventText({
    checkpoint: checkpoint(),
    from: '0',
    entries: log.entries.map((one) => Buffer.from(one).toString('base64')),
  })
  const beforeMs = systemClock.monotonicMs()
  server.send(text.slice(0, 20))
  await systemClock.sleep(100)
  const laterMs = systemClock.monotonicMs()
  server.send(text.slice(20))
  await until('the push is heard', () => pushed().length === 1)
  const { receivedAtMs = 0 } = pushed()[0] ?? {}
  assert.ok(receivedAtMs >= beforeMs && receivedAtMs < laterMs, `${beforeMs} ${receivedAtMs} ${laterMs}`)
})

test('a pushed fork is kept as evidence; what was known stays known', async () => {
  log.entries.push(record(4n))
  publish()
  watch()
  await connected()
  const fork = new TestLog(ORIGIN, log.signer)
  fork.entries.push(record(9n))
  server.push(fork, checkpoint(fork), 0)
  await until('it is ignored', () => ignored() === 1)
  assert.equal(readdirSync(join(folder, 'evidence')).length, 1)
  assert.equal(troubles[0]?.detail?.code, 'feed.forked')
  log.entries.push(record(5n))
  server.push(log, checkpoint(), 1)
  await until('the true log is heard', () => pushed().length === 1)
  assert.deepEqual(numbersKnown(), [0n, 1n])
  assert.equal(heard.at(-1)?.knowledge.knowledge.problem?.code, 'feed.forked')
})

test('an event without end closes the stream; it is opened again from where it was', async () => {
  log.entries.push(record(4n))
  publish()
  watch()
  await connected()
  server.send(`event: checkpoint\ndata: ${'x'.repeat(100_000)}`)
  await until('the stream is opened again', () => server.listeners.length === 2)
  assert.equal(ignored(), 1)
  assert.equal(server.listeners[1], '1')
})

test('a channel that keeps sending what does not verify is closed', async () => {
  watch()
  await connected()
  server.send(eventText({ nothing: 1 }).repeat(40))
  await until('the stream is opened again', () => server.listeners.length === 2)
  assert.equal(ignored(), 16)
})

test('feed.unreachable: a stream that ends or never opens is tried again, and polling goes on', async () => {
  watch(50)
  await connected()
  server.hangUp()
  await until('the stream is opened again', () => server.listeners.length === 2)
  assert.ok(troubles.every(({ code }) => code === 'feed.unreachable'))
  server.files.clear()
  await until('a poll fails', () => troubles.some(({ message }) => message.includes('checkpoint answered 404')))
  publish()
  log.entries.push(record(5n))
  publish()
  await until('a poll brings it', () => numbersKnown()?.length === 1)
})

test('an abort ends it; a failure of the listener ends it with that failure', async () => {
  watch()
  await connected()
  stop.abort()
  await watching
  stop = new AbortController()
  watch(50, () => Promise.reject(new Error('disk full')))
  await assert.rejects(watching, /disk full/)
  watching = Promise.resolve()
})
