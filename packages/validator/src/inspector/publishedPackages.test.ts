import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { type FixturePackage, packageIntegrity } from './archiveFixture.ts'
import { inspectorError } from './errors.ts'
import { type PlantedNpm, plantNpm, publishedBytes } from './npmFixture.ts'
import { specOf } from './publishedContents.ts'
import { openPublishedPackages, type PublishedOptions } from './publishedPackages.ts'

const left: FixturePackage = { name: 'left', version: '1.0.0', files: { 'index.js': 'module.exports = 1\n' } }
const right: FixturePackage = { name: '@scope/right', version: '2.0.0-beta.1', files: { 'index.js': '2\n' } }
const own: FixturePackage = { name: '@own/part', version: '3.0.0', files: { 'index.js': '3\n' } }
const absent: FixturePackage = { name: 'absent', version: '1.0.0', files: {} }

let base: string
let folder: string
let planted: PlantedNpm

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'countersign-published-'))
  folder = join(base, 'published')
  planted = plantNpm(base)
})
afterEach(() => rmSync(base, { recursive: true }))

function fetchThem(
  packages: readonly Pick<FixturePackage, 'name' | 'version'>[],
  more: Partial<PublishedOptions> = {},
) {
  return openPublishedPackages({ folder, npm: planted.npm, ...more }).fetch(packages)
}

const missing = (found: Awaited<ReturnType<typeof fetchThem>>, one: FixturePackage) => {
  const answer = found.get(specOf(one))
  return answer !== undefined && 'missing' in answer ? answer.missing : undefined
}
const commands = () => planted.asked().map(([first]) => first)

test('packages come from the registry once, checked by its integrity, and are kept', async () => {
  planted.publish([left, right])
  const found = await fetchThem([left, right])
  for (const one of [left, right]) {
    const kept = found.get(specOf(one))
    assert.ok(kept !== undefined && 'path' in kept)
    const { name, version } = one
    const sizeBytes = publishedBytes(one).length
    assert.deepEqual(kept, { name, version, integrity: packageIntegrity(one), path: kept.path, sizeBytes })
    assert.deepEqual(readFileSync(kept.path), publishedBytes(one))
    assert.equal(statSync(kept.path).mode & 0o077, 0)
  }
  const asked = planted.asked().length
  assert.deepEqual(await fetchThem([left, right]), found)
  assert.equal(planted.asked().length, asked, 'what is kept is not asked for')
})

test('what npm has fetched before is taken from its cache, and no registry is asked', async () => {
  await planted.keep(left)
  await planted.keep(own, { registry: 'https://packages.example.org/npm/' })
  const found = await fetchThem([left, own])
  assert.deepEqual(
    [...found.values()].map((one) => 'path' in one),
    [true, true],
  )
  assert.deepEqual(commands(), ['config'])
  assert.deepEqual(planted.asked()[0], ['config', 'get', 'cache', 'registry', '@own:registry'])
})

test('off-line: the folder, then the cache, and then it is missing', async () => {
  planted.publish([left, right])
  await planted.keep(right)
  const found = await fetchThem([left, right], { offline: true })
  assert.equal(missing(found, left), 'it is not on this machine, and nothing is asked off-line')
  assert.equal(missing(found, right), undefined)
  assert.deepEqual(commands(), ['config'])
  await fetchThem([left])
  assert.equal(missing(await fetchThem([left], { offline: true }), left), undefined)
})

test('a registry with addresses of its own: npm says what it fetched', async () => {
  planted.publish([left], { elsewhere: true })
  assert.equal(missing(await fetchThem([left]), left), undefined)
  assert.deepEqual(commands(), ['config', 'cache', 'pack'])
})

test('one that no registry has is missing; the others are there', async () => {
  planted.publish([left])
  const found = await fetchThem([absent, left])
  assert.equal(missing(found, absent), 'no registry that npm is configured for has it')
  assert.equal(missing(found, left), undefined)
})

test('nothing but names and versions reaches a command line', async () => {
  const hostile = ['--registry=https://evil.example', '../left', 'left@1.0.0 evil', 'git+https://evil.example', '']
  const wanted = [
    ...hostile.map((name) => ({ name, version: '1.0.0' })),
    ...['latest', '', '1.0.0 || evil', 'file:..'].map((version) => ({ name: 'left', version })),
  ]
  const found = await fetchThem(wanted)
  for (const one of wanted) {
    assert.deepEqual(found.get(specOf(one)), { missing: 'it is no package name and version' })
  }
  assert.deepEqual(planted.asked(), [])
  planted.publish([left])
  await fetchThem([left])
  for (const args of planted.asked().slice(1)) {
    assert.ok(args.includes('--ignore-scripts') && args.at(-2) === '--')
  }
})

test('a damaged file in the folder counts no more: off-line it is missing, else it is replaced', async () => {
  planted.publish([left])
  const kept = (await fetchThem([left])).get(specOf(left))
  assert.ok(kept !== undefined && 'path' in kept)
  rmSync(planted.cache, { recursive: true })
  for (const damage of ['', 'other bytes']) {
    writeFileSync(kept.path, damage)
    assert.match(missing(await fetchThem([left], { offline: true }), left) ?? '', /not on this machine/)
    assert.deepEqual((await fetchThem([left])).get(specOf(left)), kept)
    assert.deepEqual(readFileSync(kept.path), publishedBytes(left))
    rmSync(planted.cache, { recursive: true })
  }
  rmSync(kept.path)
  assert.deepEqual((await fetchThem([left])).get(specOf(left)), kept)
})

test('a damaged note, or one about another package, is written again; it stops no other package', async () => {
  planted.publish([left, right])
  await fetchThem([left, right])
  const notes = readdirSync(folder).filter((name) => name.endsWith('.json'))
  assert.equal(notes.length, 2)
  for (const damage of ['', '{', '{}', '{"integrity":7}', 'null', '{"integrity":"sha512-AAAA"}']) {
    writeFileSync(join(folder, notes[0] ?? ''), damage)
    const found = await fetchThem([left, right])
    assert.deepEqual([missing(found, left), missing(found, right)], [undefined, undefined], damage)
  }
})

test('a note leads nowhere but to a file of the folder', async () => {
  planted.publish([left])
  await fetchThem([left])
  const [note = ''] = readdirSync(folder).filter((name) => name.endsWith('.json'))
  writeFileSync(join(folder, note), JSON.stringify({ integrity: '../../../../etc/hostname' }))
  const kept = (await fetchThem([left])).get(specOf(left))
  assert.ok(kept !== undefined && 'path' in kept)
  assert.equal(kept.integrity, packageIntegrity(left))
})

test('bytes in the cache with another integrity than it says are not taken', async () => {
  await planted.keep(left)
  const content = readdirSync(planted.cache, { recursive: true, withFileTypes: true }).filter(
    (one) => one.isFile() && one.parentPath.includes('content-v2'),
  )
  assert.equal(content.length, 1)
  for (const one of content) writeFileSync(join(one.parentPath, one.name), publishedBytes(right))
  assert.match(missing(await fetchThem([left], { offline: true }), left) ?? '', /not on this machine/)
  planted.publish([left])
  assert.equal(missing(await fetchThem([left]), left), undefined)
})

test('an npm that fails, or talks nonsense, makes everything missing that is not kept', async () => {
  planted.publish([left])
  await fetchThem([left])
  const answers = [
    () => Promise.resolve({ status: 1, stdout: '', stderr: 'EACCES' }),
    () => Promise.reject(inspectorError('inspector.npm-failed', 'npm took more than 1 ms')),
  ]
  for (const run of answers) {
    const found = await fetchThem([left, right], { npm: { run } })
    assert.equal(missing(found, left), undefined)
    assert.match(missing(found, right) ?? '', /npm/)
  }
  const nonsense = { run: () => Promise.resolve({ status: 0, stdout: 'hello', stderr: '' }) }
  assert.notEqual(missing(await fetchThem([right], { npm: nonsense }), right), undefined)
})

test('the same package asked for many times at once is kept once', async () => {
  planted.publish([left])
  const all = await Promise.all(Array.from({ length: 4 }, () => fetchThem([left, left])))
  for (const found of all) assert.deepEqual(found, all[0])
  assert.equal(readdirSync(folder).length, 2)
})
