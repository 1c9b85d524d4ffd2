import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verdict as verdictShape } from '@countersign/protocol/api/artifacts.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { type Advisory, readAdvisory } from '@countersign/protocol/osv/advisory.ts'
import { packageKey } from '@countersign/protocol/osv/packageName.ts'
import { type Catalogue, type CatalogueComponent, readCatalogue } from '@countersign/protocol/sbom/catalogue.ts'
import { AdvisoryIndex } from '../advisories/advisoryIndex.ts'
import { matchCatalogue } from './matchCatalogue.ts'

const NOW = new Date('2026-01-10T00:00:00Z')
const DAY_MS = 86_400_000

function advisory(id: string, name: string, fixed: string, more: object = {}): Advisory {
  const ranges: JsonValue = [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed }] }]
  const affected = [{ package: { ecosystem: 'npm', name }, ranges }]
  return readAdvisory({ id, modified: '2026-01-09T00:00:00Z', affected, ...more })
}

function component(name: string, version: string, more: Partial<CatalogueComponent> = {}): CatalogueComponent {
  const id = `node_modules/${name}`
  return {
    id,
    purl: `pkg:npm/${name}@${version}`,
    ecosystem: 'npm',
    name,
    version,
    evidence: 'content',
    files: 1,
    ...more,
  }
}

function catalogue(components: readonly CatalogueComponent[], more: Partial<Catalogue> = {}): Catalogue {
  const artifact = { sha256: '0'.repeat(64), sizeBytes: 1 }
  const scanner = { name: 'test', version: '1' }
  const written = { v: 1, artifact, components, dependencies: [], gaps: [], scanner, ...more } as const
  return readCatalogue(JSON.parse(JSON.stringify(written)))
}

function data(records: readonly Advisory[], held: readonly string[] = []) {
  const index = new AdvisoryIndex()
  for (const one of records) index.put({ advisory: one, source: 'test', sample: false })
  const heldPackages = new Set(held.map((name) => packageKey('npm', name)))
  return {
    state: () => ({
      state: 1,
      records: index.size,
      sample: false,
      ecosystems: index.ecosystems().map((one) => ({ ...one, asOf: '2026-01-09T00:00:00Z' })),
      heldPackages,
      ...(index.size > 0 && { asOf: '2026-01-10T00:00:00Z' }),
    }),
    forPackage: (ecosystem: string, name: string) => index.forPackage(ecosystem, name),
  }
}

function match(found: Catalogue, records: readonly Advisory[], held: readonly string[] = [], now = NOW) {
  const verdict = matchCatalogue(found, data(records, held), { now, maxAgeMs: 7 * DAY_MS })
  verdictShape.parse({ ...verdict, protections: [] })
  return verdict
}

const left = component('left', '1.0.0')
const records = [advisory('GHSA-left', 'left', '1.0.0'), advisory('GHSA-right', 'right', '2.0.0')]

test('clean: something was found, nothing affects it and nothing is unclear', () => {
  const verdict = match(catalogue([left]), records)
  assert.deepEqual([verdict.answer, verdict.gaps, verdict.findings], ['clean', [], []])
  assert.equal(verdict.advisories.asOf, '2026-01-09T00:00:00Z', 'of what it needs, not of the newest data there is')
})

test('affected: the finding says through which packages, how bad, and what is fixed', () => {
  const right = component('right', '1.5.0')
  const dependencies = [
    { from: '', to: [left.id] },
    { from: left.id, to: [right.id] },
    { from: right.id, to: [left.id] },
  ]
  const own = advisory('GHSA-right', 'right', '2.0.0', { database_specific: { severity: 'HIGH' }, aliases: ['CVE-1'] })
  const verdict = match(catalogue([left, right], { dependencies }), [...records, own])
  assert.equal(verdict.answer, 'affected')
  assert.deepEqual(verdict.findings, [
    {
      advisory: 'GHSA-right',
      aliases: ['CVE-1'],
      component: 'pkg:npm/right@1.5.0',
      path: ['pkg:npm/left@1.0.0', 'pkg:npm/right@1.5.0'],
      severity: 'high',
      fixed: ['2.0.0'],
    },
  ])
})

test('aliases are one finding, also over a third record, with the worst severity', () => {
  const verdict = match(catalogue([component('right', '1.0.0')]), [
    advisory('A-1', 'right', '2.0.0', { aliases: ['CVE-1'], database_specific: { severity: 'LOW' } }),
    advisory('A-2', 'right', '2.1.0', { aliases: ['CVE-2'] }),
    advisory('GHSA-x', 'right', '2.0.0', { aliases: ['CVE-1', 'CVE-2'], database_specific: { severity: 'CRITICAL' } }),
    advisory('A-3', 'right', '3.0.0'),
  ])
  assert.deepEqual(
    verdict.findings.map((one) => [one.advisory, one.severity, one.aliases]),
    [
      ['GHSA-x', 'critical', ['A-1', 'A-2', 'CVE-1', 'CVE-2']],
      ['A-3', 'unknown', []],
    ],
  )
  assert.deepEqual(verdict.findings[0]?.fixed, ['2.0.0', '2.1.0'])
})

test('everything unclear is incomplete, under a name of its own', () => {
  const other = { ...records[0], affected: records[0]?.affected ?? [], id: 'x' } as Advisory
  for (const [code, found, known, held, now] of [
    ['gap.nothing-found', catalogue([]), records, [], NOW],
    ['gap.no-advisory-data', catalogue([left]), [], [], NOW],
    ['gap.no-advisory-data', catalogue([component('x', '1.0.0', { ecosystem: 'PyPI' })]), records, [], NOW],
    ['gap.advisory-data-old', catalogue([left]), records, [], new Date(NOW.getTime() + 7 * DAY_MS)],
    ['gap.version-unknown', catalogue([component('none', '')]), records, [], NOW],
    ['gap.ecosystem-unknown', catalogue([component('none', '1.0.0', { ecosystem: '' })]), records, [], NOW],
    ['gap.component-altered', catalogue([component('none', '1.0.0', { altered: ['a.js'] })]), records, [], NOW],
    ['gap.advisory-unclear', catalogue([component('left', 'latest')]), [other], [], NOW],
    ['gap.advisories-held', catalogue([left]), records, ['left'], NOW],
  ] as const) {
    const verdict = match(found, known, held, now)
    assert.equal(verdict.answer, 'incomplete', code)
    assert.deepEqual([...new Set(verdict.gaps.map((gap) => gap.code))], [code])
  }
})

test('a gap of the inspector keeps a verdict from being clean', () => {
  const gaps = [{ code: 'gap.unattributed-code', path: 'x.js', detail: '', closedBy: '' }]
  const verdict = match(catalogue([left], { gaps }), records)
  assert.equal(verdict.answer, 'incomplete')
  assert.deepEqual(verdict.gaps, gaps)
})
