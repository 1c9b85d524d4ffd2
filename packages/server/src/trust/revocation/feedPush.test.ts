import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { manualClock } from '@countersign/local/clock/manualClock.ts'
import type { VerifiedCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import type { Publication, PublicationListener } from '../../log/transparencyLog.ts'
import { FeedPush, type PushLimits } from './feedPush.ts'

const clock = manualClock(new Date('2026-01-01T00:00:00Z'))
let listeners: Set<PublicationListener>
let entries: Uint8Array[]
let push: FeedPush

beforeEach(() => open())
afterEach(() => push.close())

function open(limits: Partial<PushLimits> = {}): void {
  listeners = new Set()
  entries = []
  const log = {
    head: () => checkpoint(),
    onPublished(listener: PublicationListener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  push = new FeedPush({ log, clock, limits })
}

// Only what the push reads of a checkpoint; whether it verifies is the followers' business.
function checkpoint(): VerifiedCheckpoint {
  return { size: BigInt(entries.length), note: `origin\n${entries.length}\n` } as unknown as VerifiedCheckpoint
}

function publish(...added: Uint8Array[]): void {
  const previousSize = BigInt(entries.length)
  entries.push(...added)
  const publication: Publication = { checkpoint: checkpoint(), previousSize, partialBundle: entries }
  for (const listener of listeners) listener(publication)
}

interface Event {
  readonly id: string
  readonly data: { readonly checkpoint: string; readonly from: string; readonly entries: readonly string[] }
}

function parse(bytes: Uint8Array | undefined): Event {
  const [, id = '', data = ''] =
    /^id: (\d+)\nevent: checkpoint\ndata: (.*)\n\n$/.exec(new TextDecoder().decode(bytes)) ?? []
  return { id, data: JSON.parse(data) }
}

function follow(lastSize?: bigint) {
  const leave = new AbortController()
  const stream = push.follow(leave.signal, lastSize)[Symbol.asyncIterator]()
  const raw = async () => (await stream.next()).value as Uint8Array | undefined
  return { leave: () => leave.abort(), raw, next: async () => parse(await raw()) }
}

const bytes = (length: number) => new Uint8Array(length).fill(7)

test('a follower gets the present checkpoint at once, then each one that is published, entries and heartbeats', async () => {
  publish(bytes(3))
  const { next } = follow()
  assert.deepEqual(await next(), { id: '1', data: { checkpoint: 'origin\n1\n', from: '1', entries: [] } })
  publish(bytes(2), bytes(1))
  assert.deepEqual(await next(), { id: '3', data: { checkpoint: 'origin\n3\n', from: '1', entries: ['Bwc=', 'Bw=='] } })
  publish()
  assert.deepEqual(await next(), { id: '3', data: { checkpoint: 'origin\n3\n', from: '3', entries: [] } })
})

test('all followers get the very same bytes: an event is encoded once', async () => {
  const followers = [follow(), follow()]
  for (const one of followers) await one.raw()
  publish(bytes(9))
  const [first, second] = await Promise.all(followers.map((one) => one.raw()))
  assert.equal(first, second)
})

test('entries beyond 4 KB are left out, and beyond the last bundle too', async () => {
  const { next } = follow()
  await next()
  publish(bytes(4096))
  assert.equal((await next()).data.entries.length, 1)
  publish(bytes(4097))
  assert.deepEqual((await next()).data, { checkpoint: 'origin\n2\n', from: '1', entries: [] })
  publish(bytes(3000), bytes(3000))
  assert.deepEqual((await next()).data.entries, [])
  const publication: Publication = { checkpoint: checkpoint(), previousSize: 0n, partialBundle: [bytes(1)] }
  for (const listener of listeners) listener(publication)
  assert.deepEqual((await next()).data.entries, [])
})

test('who comes back gets the entries after the last event, where they are few', async () => {
  publish(bytes(1), bytes(2), bytes(3))
  assert.deepEqual((await follow(1n).next()).data, { checkpoint: 'origin\n3\n', from: '1', entries: ['Bwc=', 'BwcH'] })
  assert.deepEqual((await follow(3n).next()).data.entries, [])
  assert.deepEqual((await follow(99n).next()).data.entries, [])
  publish(bytes(5000))
  assert.deepEqual((await follow(1n).next()).data, { checkpoint: 'origin\n4\n', from: '4', entries: [] })
})

test('a follower who does not read is dropped, and holds nobody up', async () => {
  open({ maxWaiting: 3 })
  const slow = follow()
  const quick = follow()
  await quick.next()
  for (let at = 0; at < 4; at++) {
    publish(bytes(1))
    await quick.next()
  }
  assert.equal(push.followers, 1)
  assert.equal(await slow.raw(), undefined)
})

test('a line gets what waited and then every event as it is; one that takes too little is ended', () => {
  open({ maxWaitingBytes: 1000 })
  const sent: Uint8Array[] = []
  let waitingBytes = 0
  let isEnded = false
  const line = {
    get waitingBytes() {
      return waitingBytes
    },
    send: (event: Uint8Array) => void sent.push(event),
    end() {
      isEnded = true
    },
  }
  const leave = new AbortController()
  push.follow(leave.signal).attach(line)
  publish(bytes(1))
  assert.deepEqual(
    sent.map((event) => parse(event).id),
    ['0', '1'],
  )
  waitingBytes = 1001
  publish(bytes(1))
  assert.deepEqual([sent.length, isEnded, push.followers], [2, true, 0])
})

test('a line ends when its follower goes, and at once where the push is closed', () => {
  const ended: string[] = []
  const line = (name: string) => ({ waitingBytes: 0, send: () => {}, end: () => void ended.push(name) })
  const leave = new AbortController()
  push.follow(leave.signal).attach(line('gone'))
  leave.abort()
  push.close()
  push.follow(new AbortController().signal).attach(line('late'))
  assert.deepEqual(ended, ['gone', 'late'])
})

test('silence is broken by a comment', async () => {
  const { raw } = follow()
  await raw()
  clock.advance(15_000)
  assert.equal(new TextDecoder().decode(await raw()), ': still here\n\n')
})

test('a hint to check in goes to everyone, with more time for more followers, and news does not wait for it', async () => {
  const followers = Array.from({ length: 600 }, () => follow())
  for (const one of followers) await one.raw()
  const hinted = push.hintCheckIn()
  publish(bytes(1))
  const [first, last] = [followers[0], followers[599]]
  assert.equal(new TextDecoder().decode(await first?.raw()), 'event: check-in\ndata: {"withinMs":6000}\n\n')
  assert.equal((await last?.next())?.id, '1')
  await hinted
  assert.match(new TextDecoder().decode(await last?.raw()), /^event: check-in/)
})

test('streams end when the follower goes and when the push closes', async () => {
  const gone = follow()
  const stays = follow()
  gone.leave()
  assert.equal(push.followers, 1)
  assert.equal(await gone.raw(), undefined)
  await stays.raw()
  const waiting = stays.raw()
  push.close()
  assert.equal(await waiting, undefined)
  assert.equal(listeners.size, 0)
  assert.equal(await follow().raw(), undefined)
})

test('trust.too-many-followers: there is a limit', () => {
  open({ maxFollowers: 1 })
  const { leave } = follow()
  assert.throws(() => follow(), { code: 'trust.too-many-followers' })
  leave()
  follow()
})
