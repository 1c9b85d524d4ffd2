import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { manualClock } from '@countersign/local/clock/manualClock.ts'
import { recordingTerminal } from '../output/terminalFixture.ts'
import { type ScanOptions, scan } from './scan.ts'

const lockfile = {
  lockfileVersion: 3,
  packages: { '': { dependencies: { left: '1.0.0' } }, 'node_modules/left': { version: '1.0.0' } },
}

let folder: string
let artifact: string
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-scan-'))
  process.env.XDG_CONFIG_HOME = folder
  artifact = join(folder, 'package-lock.json')
  writeFileSync(artifact, JSON.stringify(lockfile))
})
after(() => rmSync(folder, { recursive: true }))

/** A folder with one advisory about a package before 2.0.0, in `GHSA-<about>.json`. */
function advisories(about: string): string {
  const source = mkdtempSync(join(folder, 'advisories-'))
  const file = join(source, `GHSA-${about}.json`)
  const ranges = [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '2.0.0' }] }]
  const affected = [{ package: { ecosystem: 'npm', name: about }, ranges }]
  writeFileSync(file, JSON.stringify({ id: `GHSA-${about}`, modified: '2026-01-09T00:00:00Z', affected }))
  return source
}

async function run(options: ScanOptions = {}) {
  const terminal = recordingTerminal()
  const clock = manualClock(new Date('2026-01-10T00:00:00Z'))
  const exit = await scan(artifact, { offline: true, ...options }, terminal, clock)
  return { exit, text: terminal.lines.join('\n'), result: terminal.results[0] as Record<string, unknown> }
}

test('2, incomplete: without advisory data, and with gaps that say what would close them', async () => {
  const { exit, text, result } = await run()
  assert.deepEqual([exit, result.answer], [2, 'incomplete'])
  assert.match(text, /^incomplete {2}.*\n {2}no advisory data: import some with --advisories/)
  assert.match(text, /\n {2}gap\.declared-only: .*\n {4}closed by: \S/)
})

test('1, affected: the finding, the way to it and what fixes it, and by which data', async () => {
  const source = advisories('left')
  // One record says nothing of how new the data is; a folder does.
  const alone = await run({ advisories: join(source, 'GHSA-left.json') })
  assert.equal(alone.exit, 1)
  assert.match(alone.text, /gap\.advisory-data-old: .* never read whole/)
  const { exit, text, result } = await run({ advisories: source })
  assert.deepEqual([exit, result.answer], [1, 'affected'])
  assert.match(text, /advisory data as of 2026-01-09T00:00:00Z, 1 records/)
  assert.match(text, /finding GHSA-left \(.+\): pkg:npm\/left@1\.0\.0\n {4}by .*left@1\.0\.0; fixed in 2\.0\.0/)
})

test('--sbom writes CycloneDX, and the answer has the whole catalogue', async () => {
  const sbom = join(folder, 'sbom.json')
  const { result } = await run({ sbom })
  const { bomFormat, specVersion, components } = JSON.parse(readFileSync(sbom, 'utf8'))
  assert.deepEqual([bomFormat, specVersion, components[0].purl], ['CycloneDX', '1.6', 'pkg:npm/left@1.0.0'])
  assert.equal((result.catalogue as { components: unknown[] }).components.length, 1)
})

test('files.not-found and advisories.*: nothing is answered', async () => {
  const terminal = recordingTerminal()
  await assert.rejects(scan(join(folder, 'absent'), { offline: true }, terminal), { code: 'files.not-found' })
  await assert.rejects(run({ advisories: join(folder, 'absent') }), { code: /^advisories\./ })
  assert.deepEqual(terminal.results, [])
})
