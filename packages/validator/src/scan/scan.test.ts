import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { manualClock } from '@countersign/local/clock/manualClock.ts'
import { type FixturePackage, packageEntries, writeTar } from '../inspector/archiveFixture.ts'
import { validateCycloneDx } from '../inspector/cyclonedx.ts'
import { plantNpm } from '../inspector/npmFixture.ts'
import { openPublishedPackages } from '../inspector/publishedPackages.ts'
import { type ScanInput, scan } from './scan.ts'

const left: FixturePackage = { name: 'left', version: '1.0.0', files: { 'index.js': 'module.exports = 1\n' } }
const right: FixturePackage = { name: 'right', version: '1.0.0', files: { 'index.js': 'module.exports = 2\n' } }

let base: string
/** Of a machine that has fetched `left` before and has no advisories. */
let folder: string

before(async () => {
  base = mkdtempSync(join(tmpdir(), 'countersign-scan-'))
  folder = join(base, 'scan')
  const planted = plantNpm(base)
  planted.publish([left])
  await openPublishedPackages({ folder: join(folder, 'published'), npm: planted.npm }).fetch([left])
})
after(() => rmSync(base, { recursive: true }))

/** Packs a product that has these packages installed. */
function pack(name: string, ...packages: readonly FixturePackage[]): string {
  const dependencies = Object.fromEntries(packages.map((one) => [one.name, one.version]))
  const about = { name: 'product', version: '1.0.0', dependencies }
  const manifest = { v: 1, product: 'product', version: '1.0.0', start: ['node', 'x.js'], firstParty: [] }
  const entries = [
    { name: 'package.json', content: JSON.stringify(about) },
    { name: 'countersign.json', content: JSON.stringify(manifest) },
    ...packages.flatMap((one) => packageEntries(one, `node_modules/${one.name}`)),
  ]
  const path = join(base, name)
  writeFileSync(path, gzipSync(writeTar(entries)))
  return path
}

/** A folder with one advisory about a package before 2.0.0. */
function advisories(about: string): string {
  const source = join(base, `advisories-${about}`)
  mkdirSync(source, { recursive: true })
  const ranges = [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '2.0.0' }] }]
  const affected = [{ package: { ecosystem: 'npm', name: about }, ranges }]
  const record = { id: `GHSA-${about}`, modified: '2026-01-09T00:00:00Z', affected }
  writeFileSync(join(source, `GHSA-${about}.json`), JSON.stringify(record))
  return source
}

function scanned(path: string, more: Partial<ScanInput> = {}) {
  return scan({ path, offline: true, folder, clock: manualClock(new Date('2026-01-10T00:00:00Z')), ...more })
}

const gapsOf = ({ verdict }: Awaited<ReturnType<typeof scan>>) => [...new Set(verdict.gaps.map(({ code }) => code))]

test('without advisory data nothing is clean', async () => {
  const { verdict } = await scanned(pack('sound.tar.gz', left))
  assert.deepEqual([verdict.answer, verdict.advisories.records], ['incomplete', 0])
})

test('clean off-line: equal to the kept package, and no advisory reaches it; the data is remembered', async () => {
  const path = pack('sound.tar.gz', left)
  const steps: string[] = []
  const result = await scanned(path, { advisories: advisories('other'), onStep: (what) => steps.push(what) })
  assert.deepEqual([result.verdict.answer, gapsOf(result)], ['clean', []])
  assert.deepEqual(
    result.catalogue.components.map(({ purl, evidence }) => [purl, evidence]),
    [['pkg:npm/left@1.0.0', 'content']],
  )
  await validateCycloneDx(result.sbom)
  assert.equal(steps.length, 3)
  assert.equal((await scanned(path)).verdict.answer, 'clean')
})

test('what cannot be compared off-line is a named gap, and never clean', async () => {
  const planted = plantNpm(join(base, 'empty'))
  const before = process.env.npm_config_cache
  process.env.npm_config_cache = planted.cache
  try {
    const result = await scanned(pack('unknown.tar.gz', left, right))
    assert.deepEqual([result.verdict.answer, gapsOf(result)], ['incomplete', ['gap.not-compared']])
    assert.match(result.verdict.gaps[0]?.detail ?? '', /right@1\.0\.0 .*off-line/)
  } finally {
    if (before === undefined) delete process.env.npm_config_cache
    else process.env.npm_config_cache = before
  }
})

test('affected: the finding says by which way, and what fixes it', async () => {
  const { verdict } = await scanned(pack('sound.tar.gz', left), { advisories: advisories('left') })
  assert.equal(verdict.answer, 'affected')
  assert.deepEqual(
    verdict.findings.map(({ advisory, component, fixed }) => [advisory, component, fixed]),
    [['GHSA-left', 'pkg:npm/left@1.0.0', ['2.0.0']]],
  )
})

test('data that is too old makes nothing clean', async () => {
  const clock = manualClock(new Date('2026-03-10T00:00:00Z'))
  const { verdict } = await scanned(pack('sound.tar.gz', left), { clock })
  assert.notEqual(verdict.answer, 'clean')
  assert.ok(verdict.gaps.length > 0)
})

test('files.not-found, files.not-readable, advisories.*: what is not there is said, and the caller can stop it', async () => {
  await assert.rejects(scanned(join(base, 'absent')), { code: 'files.not-found' })
  await assert.rejects(scanned(base), { code: 'files.not-readable' })
  const path = pack('sound.tar.gz', left)
  await assert.rejects(scanned(path, { advisories: join(base, 'absent') }), { code: /^advisories\./ })
  await assert.rejects(scanned(path, { signal: AbortSignal.abort() }), { name: 'AbortError' })
})
