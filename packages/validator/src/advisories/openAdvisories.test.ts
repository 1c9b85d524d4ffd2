import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { manualClock } from '@countersign/local/clock/manualClock.ts'
import { Database } from '@countersign/platform/database/database.ts'
import { migrate } from '@countersign/platform/database/migrate.ts'
import { outboxMigrations } from '@countersign/platform/outbox/migrations.ts'
import { Outbox } from '@countersign/platform/outbox/outbox.ts'
import { createLogger } from '@countersign/platform/telemetry/logger.ts'
import { advisoriesMigrations } from './advisoriesTables.ts'
import { type Advisories, type AdvisoriesDeps, type ImportReport, openAdvisories } from './openAdvisories.ts'
import { makeZip, type ZipMember } from './zipFixture.ts'

const NOW = new Date('2026-01-10T00:00:00Z')

let clock: ReturnType<typeof manualClock>
let folder: string
let feed: string
let deps: AdvisoriesDeps
let advisories: Advisories
let server: Server | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-advisories-'))
  feed = join(folder, 'feed')
  await mkdir(join(feed, 'npm'), { recursive: true })
  const database = Database.openFile(join(folder, 'test.sqlite'))
  await migrate(database, [...outboxMigrations, ...advisoriesMigrations])
  const logger = createLogger({ level: 'silent', name: 'test' })
  clock = manualClock(NOW)
  const outbox = new Outbox({ database, clock, logger })
  deps = { database, outbox, clock, logger, environment: 'development' }
  advisories = await openAdvisories(deps)
})

afterEach(async () => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
  await deps.database.close()
  await rm(folder, { recursive: true })
})

function record(id: string, more: object = {}): string {
  const ranges = [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '2.0.0' }] }]
  const affected = [{ package: { ecosystem: 'npm', name: `of-${id}` }, ranges }]
  return JSON.stringify({ id, modified: '2026-01-01T00:00:00Z', affected, ...more })
}

function named(id: string, more: object = {}): ZipMember {
  return { name: `${id}.json`, text: record(id, more) }
}

const ten = Array.from({ length: 10 }, (_, at) => `A-${at}`)

async function publish(members: readonly ZipMember[]): Promise<void> {
  await writeFile(join(feed, 'npm', 'all.zip'), makeZip(members))
}

test('a folder in the bulk layout is taken over once, with one change, and is there after a restart', async () => {
  await publish([named('A-1'), named('A-2')])
  const first = await advisories.importFrom(feed)
  assert.deepEqual({ ...first }, { state: 1, records: 2, changed: 2, refused: [], sample: false })
  const again = await advisories.importFrom(feed)
  assert.equal(again.changed, 0)
  assert.equal(again.state, 1)
  const reopened = await openAdvisories(deps)
  assert.equal(reopened.state().asOf, '2026-01-01T00:00:00Z')
  assert.deepEqual(reopened.state().ecosystems, [{ name: 'npm', records: 2, asOf: '2026-01-01T00:00:00Z' }])
  assert.deepEqual(
    reopened.forPackage('npm', 'of-A-1').map(({ id }) => id),
    ['A-1'],
  )
  const { changed } = await reopened.change(1)
  assert.deepEqual(
    changed.map(({ id, before }) => [id, before]),
    [
      ['A-1', undefined],
      ['A-2', undefined],
    ],
  )
})

test('a changed record is a change with before and after, also when later ones followed; an older one is none', async () => {
  await advisories.receive([Buffer.from(record('A-1', { summary: 'one' }))])
  await advisories.receive([Buffer.from(record('A-1', { summary: 'two', modified: '2026-01-02T00:00:00Z' }))])
  await advisories.receive([Buffer.from(record('A-1', { summary: 'three', modified: '2026-01-03T00:00:00Z' }))])
  const old = await advisories.receive([Buffer.from(record('A-1', { summary: 'old' }))])
  assert.equal(old.changed, 0)
  assert.equal(advisories.get('A-1')?.summary, 'three')
  const [second] = (await advisories.change(2)).changed
  assert.deepEqual([second?.before?.summary, second?.after?.summary], ['one', 'two'])
  await assert.rejects(advisories.change(9), { code: 'advisories.state-unknown' })
})

test('a pushed batch with one bad record changes nothing', async () => {
  const batch = [Buffer.from(record('A-1')), Buffer.from('{"id":"A-2"}')]
  await assert.rejects(advisories.receive(batch), { code: 'osv.malformed' })
  assert.equal(advisories.state().records, 0)
})

test('what is not OSV, damaged, encrypted, mislabelled or a bomb is refused whole', async () => {
  const good = named('A-1')
  for (const [code, bytes] of [
    ['advisories.not-osv', makeZip([{ name: 'A-1.json', text: '{"hello":1}' }])],
    [
      'advisories.not-osv',
      makeZip([good, { name: '../A-2.txt', text: '{}' }].slice(0, 1).concat({ name: 'readme.txt', text: 'x' })),
    ],
    ['advisories.not-osv', makeZip([])],
    ['advisories.zip-malformed', makeZip([{ ...good, name: '../A-1.json' }])],
    ['advisories.zip-malformed', makeZip([good]).slice(0, 60)],
    ['advisories.zip-malformed', new TextEncoder().encode('no zip at all')],
    ['advisories.zip-malformed', makeZip([{ ...good, flags: 1 }])],
    ['advisories.zip-malformed', makeZip([{ ...good, sizeBytes: 10 }])],
    [
      'advisories.too-large',
      makeZip([{ name: 'A-1.json', text: ' '.repeat(7 * 1024 * 1024), sizeBytes: 9 * 1024 * 1024 }]),
    ],
  ] as const) {
    await writeFile(join(feed, 'npm', 'all.zip'), bytes)
    await assert.rejects(advisories.importFrom(feed), { code })
  }
  await assert.rejects(advisories.importFrom(join(folder, 'nothing')), { code: 'advisories.source-missing' })
  assert.equal(advisories.state().state, 0)
})

test('a feed that loses more than a tenth is held as a whole, until an operator releases it', async () => {
  await publish(ten.map((id) => named(id)))
  await advisories.importFrom(feed)
  await publish([...ten.slice(0, 6).map((id) => named(id)), named('A-new')])
  const { held, changed, state } = await advisories.importFrom(feed)
  assert.deepEqual([changed, state], [0, 1])
  assert.match(held?.reason ?? '', /4 of 10 records of npm/)
  assert.equal(advisories.get('A-new'), undefined)
  assert.ok(advisories.state().heldPackages.has('npm\0of-A-new'))
  assert.equal((await advisories.importFrom(feed)).held?.id, held?.id)
  const reopened = await openAdvisories(deps)
  assert.equal(reopened.held().length, 1)
  assert.equal((await reopened.release(held?.id ?? '')).changed, 5)
  assert.equal(reopened.state().records, 7)
  assert.deepEqual(reopened.held(), [])
  await assert.rejects(reopened.release(held?.id ?? ''), { code: 'advisories.held-unknown' })
})

test('withdrawing many at once is held too; what an operator discards does not come back', async () => {
  await publish(ten.map((id) => named(id)))
  await advisories.importFrom(feed)
  const withdrawn = { withdrawn: '2026-01-02T00:00:00Z', modified: '2026-01-02T00:00:00Z' }
  await publish(ten.map((id, at) => named(id, at < 3 ? withdrawn : {})))
  const { held } = await advisories.importFrom(feed)
  assert.match(held?.reason ?? '', /3 of 10/)
  await advisories.discard(held?.id ?? '')
  assert.equal((await advisories.importFrom(feed)).held, undefined)
  assert.equal(advisories.get('A-0')?.withdrawn, undefined)
  await assert.rejects(advisories.discard('x'), { code: 'advisories.held-unknown' })
})

test('a guard holds a change before it takes effect', async () => {
  advisories.guard((changed) => (changed.some(({ id }) => id === 'A-2') ? 'too much' : undefined))
  const { held } = await advisories.receive([Buffer.from(record('A-2'))])
  assert.equal(held?.reason, 'too much')
  assert.equal(advisories.get('A-2'), undefined)
  await advisories.receive([Buffer.from(record('A-1'))])
  assert.equal(advisories.get('A-1')?.id, 'A-1')
})

const hundred = Array.from({ length: 100 }, (_, at) => `B-${at}`)

/** Publishes and imports these, as a source that is read again and again. */
async function importOnly(ids: readonly string[]): Promise<ImportReport> {
  await publish(ids.map((id) => named(id)))
  return advisories.importFrom(feed)
}

test('a feed that shrinks little by little is held too, until an operator has looked or a week has passed', async () => {
  await importOnly(hundred)
  assert.equal((await importOnly(hundred.slice(9))).changed, 9)
  const { held } = await importOnly(hundred.slice(18))
  assert.match(held?.reason ?? '', /18 of 100 records of npm .* within a week/)
  assert.equal((await (await openAdvisories(deps)).importFrom(feed)).held?.id, held?.id)
  assert.equal((await importOnly([...hundred.slice(9), 'B-new'])).changed, 1, 'what does not shrink is not held')
  await importOnly(hundred.slice(18))
  await advisories.release(advisories.held()[0]?.id ?? '')
  assert.equal((await importOnly(hundred.slice(22))).changed, 4)
  clock.advance(8 * 86_400_000)
  assert.equal((await importOnly(hundred.slice(29))).changed, 7)
})

test('a record that is narrowed to nothing stops counting as one that is withdrawn does', async () => {
  const newer = { modified: '2026-01-02T00:00:00Z' }
  const nothing = (id: string, ranges: object[]) => ({
    affected: [{ package: { ecosystem: 'npm', name: `of-${id}` }, ranges }],
  })
  const range = (...events: object[]) => [{ type: 'SEMVER', events }]
  for (const ranges of [
    [],
    range({ introduced: '0' }, { fixed: '0.0.0' }),
    range({ introduced: '999.0.0' }),
    range({ introduced: '0' }, { fixed: '2.0.0' }, { limit: '0.0.0-0' }),
  ]) {
    await publish(ten.map((id) => named(id)))
    await advisories.importFrom(feed)
    await publish(ten.map((id, at) => named(id, at < 3 ? { ...newer, ...nothing(id, ranges) } : {})))
    assert.match((await advisories.importFrom(feed)).held?.reason ?? '', /3 of 10/, JSON.stringify(ranges))
  }
  const lower = range({ introduced: '0' }, { fixed: '1.0.0' })
  await publish(ten.map((id) => named(id, { ...newer, ...nothing(id, lower) })))
  assert.equal((await advisories.importFrom(feed)).changed, 10, 'a correction is none')
})

test('sample data is marked, and production refuses it', async () => {
  await publish([named('A-1')])
  await writeFile(join(feed, 'SAMPLE'), 'made for a demonstration')
  const production = await openAdvisories({ ...deps, environment: 'production' })
  await assert.rejects(production.importFrom(feed), { code: 'advisories.sample-refused' })
  assert.equal((await advisories.importFrom(feed)).sample, true)
  assert.equal((await openAdvisories(deps)).state().sample, true)
})

async function serve(): Promise<{ address: string; asked: string[] }> {
  const asked: string[] = []
  const files = new Map<string, string | Uint8Array>()
  const listening = createServer(async (request, reply) => {
    asked.push(request.url ?? '')
    const { readFile } = await import('node:fs/promises')
    const bytes = await readFile(join(feed, request.url ?? '')).catch(() => files.get(request.url ?? ''))
    reply.writeHead(bytes === undefined ? 404 : 200)
    reply.end(bytes)
  })
  server = listening
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  return { address: `http://127.0.0.1:${(listening.address() as AddressInfo).port}/npm/`, asked }
}

test('an address is taken over whole once, then only what its list of changes names', async () => {
  await publish(ten.map((id) => named(id)))
  const line = (id: string, modified = '2026-01-01T00:00:00Z') => `${modified},${id}\n`
  await writeFile(join(feed, 'npm', 'modified_id.csv'), ten.map((id) => line(id)).join(''))
  const { address, asked } = await serve()
  assert.equal((await advisories.importFrom(address)).changed, 10)
  assert.equal(advisories.state().ecosystems[0]?.asOf, NOW.toISOString())
  const newer = '2026-01-05T00:00:00Z'
  await writeFile(join(feed, 'npm', 'A-3.json'), record('A-3', { modified: newer, summary: 'new' }))
  const list =
    line('A-3', newer) +
    ten
      .filter((id) => id !== 'A-3' && id !== 'A-9')
      .map((id) => line(id))
      .join('')
  await writeFile(join(feed, 'npm', 'modified_id.csv'), list)
  asked.length = 0
  const [report] = await advisories.sync()
  assert.equal(report?.changed, 2)
  assert.deepEqual(asked, ['/npm/modified_id.csv', '/npm/A-3.json'])
  assert.equal(advisories.get('A-3')?.summary, 'new')
  assert.equal(advisories.get('A-9'), undefined)
  await writeFile(join(feed, 'npm', 'modified_id.csv'), 'not a list\n')
  await assert.rejects(advisories.sync(), { code: 'advisories.not-osv' })
})

test('plain HTTP from another machine is taken where that is asked for, and synchronised without asking again', async () => {
  await publish(ten.map((id) => named(id)))
  const { address } = await serve()
  // No loopback address by its text, and yet this machine.
  const plain = address.replace('127.0.0.1', '0.0.0.0')
  await assert.rejects(advisories.importFrom(plain), { code: 'advisories.plain-http' })
  assert.equal((await advisories.importFrom(plain, { allowPlainHttp: true })).changed, 10)
  await publish([...ten.map((id) => named(id)), named('A-10')])
  assert.equal((await advisories.sync())[0]?.changed, 1)
})

test('an address that points elsewhere is not followed', async () => {
  await publish(ten.map((id) => named(id)))
  const { address, asked } = await serve()
  await advisories.importFrom(address)
  const elsewhere = createServer((_request, reply) => {
    asked.push('elsewhere')
    reply.end()
  })
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
  try {
    const location = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`
    server?.removeAllListeners('request')
    server?.on('request', (_request, reply) => void reply.writeHead(302, { location }).end())
    await assert.rejects(advisories.sync(), { code: 'advisories.source-unreachable' })
    assert.ok(!asked.includes('elsewhere'))
  } finally {
    elsewhere.close()
  }
})

test('plain HTTP from another machine, no answer and other schemes are refused', async () => {
  await assert.rejects(advisories.importFrom('http://osv.example.org/npm/all.zip'), { code: 'advisories.plain-http' })
  await assert.rejects(advisories.importFrom('https://me:secret@osv.example.org/'), {
    code: 'advisories.source-missing',
  })
  await assert.rejects(advisories.importFrom('http://127.0.0.1:1/all.zip'), { code: 'advisories.source-unreachable' })
})

/** How new the data for npm is. */
function npmAsOf(): string | undefined {
  return advisories.state().ecosystems.find(({ name }) => name === 'npm')?.asOf
}

const YEAR_OLD = '2025-01-01T00:00:00Z'
const FUTURE = '2027-01-01T00:00:00Z'

test('a pushed record, or one from the future, does not make old data new', async () => {
  await publish([...ten.map((id) => named(id, { modified: YEAR_OLD })), named('A-future', { modified: FUTURE })])
  await advisories.importFrom(feed)
  assert.equal(npmAsOf(), YEAR_OLD)
  await advisories.receive([Buffer.from(record('A-pushed', { modified: NOW.toISOString() }))])
  const single = join(folder, 'A-single.json')
  await writeFile(single, record('A-single', { modified: NOW.toISOString() }))
  assert.equal((await advisories.importFrom(single)).changed, 1)
  const news = join(folder, 'news')
  await mkdir(news)
  await writeFile(join(news, 'A-news.json'), record('A-news', { modified: NOW.toISOString() }))
  assert.equal((await advisories.importFrom(news)).changed, 1)
  assert.equal(npmAsOf(), YEAR_OLD)
  assert.equal((await openAdvisories(deps)).state().asOf, YEAR_OLD)
})

test('data of which only single records are known is as of no moment', async () => {
  await advisories.receive([Buffer.from(record('A-1'))])
  assert.deepEqual(advisories.state().ecosystems, [{ name: 'npm', records: 1 }])
  assert.equal(advisories.state().asOf, undefined)
})

test('a copy is as new as its newest record, and older again where an older copy is put back', async () => {
  const newer = named('A-10', { modified: '2026-01-09T00:00:00Z' })
  await publish([...ten.map((id) => named(id)), newer])
  await advisories.importFrom(feed)
  assert.equal(npmAsOf(), '2026-01-09T00:00:00Z')
  await publish(ten.map((id) => named(id)))
  await advisories.importFrom(feed)
  assert.equal(npmAsOf(), '2026-01-01T00:00:00Z')
})

test('a folder named after its ecosystem is whole for that one, whatever else its records speak of', async () => {
  const both = (['npm', 'PyPI'] as const).map((ecosystem) => ({ package: { ecosystem, name: 'x' }, versions: ['1'] }))
  await publish([...ten.map((id) => named(id)), named('A-both', { affected: both })])
  await advisories.importFrom(feed)
  const found = advisories.state().ecosystems.map(({ name, asOf }) => [name, asOf])
  assert.deepEqual(found, [
    ['PyPI', undefined],
    ['npm', '2026-01-01T00:00:00Z'],
  ])
})

test('what was held is as new as it was when it was read, once it is released', async () => {
  advisories.guard(() => 'too much')
  await publish(ten.map((id) => named(id)))
  const { held } = await advisories.importFrom(feed)
  assert.equal(npmAsOf(), undefined)
  await advisories.release(held?.id ?? '')
  assert.equal(npmAsOf(), '2026-01-01T00:00:00Z')
})
