import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonValue } from '../json/canonicalJson.ts'
import { readAdvisory } from './advisory.ts'
import { affects } from './evaluate.ts'

const MODIFIED = '2024-01-02T00:00:00Z'

function advisory(affected: JsonValue, more: { readonly [key: string]: JsonValue } = {}) {
  return readAdvisory({ id: 'GHSA-test', modified: MODIFIED, affected, ...more })
}

function npm(entry: { readonly [key: string]: JsonValue }) {
  return advisory([{ package: { ecosystem: 'npm', name: 'left' }, ...entry }])
}

function semver(...events: readonly JsonValue[]) {
  return npm({ ranges: [{ type: 'SEMVER', events: [...events] }] })
}

function resultOf(record: ReturnType<typeof advisory>, version: string, ecosystem = 'npm', name = 'left') {
  return affects(record, { ecosystem, name, version }).result
}

test('versions[] compare: a listed text counts, and one that ranks the same counts too', () => {
  const listed = npm({ versions: ['1.2.3', 'odd'] })
  assert.equal(resultOf(listed, '1.2.3'), 'affected')
  assert.equal(resultOf(listed, 'v1.2.3'), 'affected')
  assert.equal(resultOf(listed, 'odd'), 'affected')
  assert.equal(resultOf(listed, '1.2.4'), 'not affected')
})

test('walk: events are sorted first, and every one that the version has reached overwrites those before', () => {
  const record = semver({ fixed: '3.0.0' }, { introduced: '2.0.0' }, { fixed: '1.5.0' }, { introduced: '0' })
  for (const [version, result] of [
    ['0.0.0-alpha', 'affected'],
    ['1.4.9', 'affected'],
    ['1.5.0', 'not affected'],
    ['2.0.0-rc.1', 'not affected'],
    ['2.0.0', 'affected'],
    ['3.0.0', 'not affected'],
  ] as const) {
    assert.equal(resultOf(record, version), result, version)
  }
})

test('same version, two events: introduced, then last_affected, then fixed', () => {
  assert.equal(resultOf(semver({ fixed: '1.0.0' }, { introduced: '1.0.0' }), '1.0.0'), 'not affected')
  assert.equal(resultOf(semver({ last_affected: '1.0.0' }, { introduced: '1.0.0' }), '1.0.0'), 'affected')
  assert.equal(resultOf(semver({ last_affected: '1.0.0' }, { introduced: '1.0.0' }), '1.0.1'), 'not affected')
})

test('limit: only versions below some limit are in the range, * is below none', () => {
  const record = semver({ introduced: '1.0.0' }, { limit: '2.0.0' }, { limit: '1.5.0' })
  assert.equal(resultOf(record, '1.9.0'), 'affected')
  assert.equal(resultOf(record, '2.0.0'), 'not affected')
  assert.equal(resultOf(semver({ introduced: '1.0.0' }, { limit: '*' }), '9.0.0'), 'affected')
})

test('unparsable v: cannot tell, unless versions[] lists it', () => {
  const entry: { readonly [key: string]: JsonValue } = {
    ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '2.0.0' }] }],
    versions: ['odd'],
  }
  assert.equal(resultOf(npm(entry), 'latest'), 'cannot tell')
  assert.equal(resultOf(npm(entry), 'odd'), 'affected')
})

test('unparsable event: cannot tell, for every version', () => {
  const record = semver({ introduced: '0' }, { fixed: 'next' })
  assert.equal(resultOf(record, '1.0.0'), 'cannot tell')
  assert.equal(resultOf(record, '99.0.0'), 'cannot tell')
})

test('a GIT range listed before a SEMVER one does not hide it', () => {
  const git: JsonValue = { type: 'GIT', repo: 'https://example.org/left', events: [{ introduced: '0' }] }
  const record = npm({ ranges: [git, { type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '2.0.0' }] }] })
  assert.equal(resultOf(record, '1.0.0'), 'affected')
  assert.equal(resultOf(record, '2.0.0'), 'not affected')
})

test('GIT ranges alone answer by versions[] only: without a list nothing can be told', () => {
  const git: JsonValue = {
    type: 'GIT',
    repo: 'https://example.org/left',
    events: [{ introduced: 'abc' }, { fixed: 'def' }],
  }
  assert.equal(resultOf(npm({ ranges: [git] }), '1.0.0'), 'cannot tell')
  assert.equal(resultOf(npm({ ranges: [git], versions: ['1.0.0'] }), '1.0.0'), 'affected')
  assert.equal(resultOf(npm({ ranges: [git], versions: ['1.0.0'] }), '2.0.0'), 'not affected')
})

test('package without version: cannot tell', () => {
  assert.equal(resultOf(semver({ introduced: '0' }, { fixed: '2.0.0' }), ''), 'cannot tell')
})

test('Alpine / Ubuntu with no release in the purl: cannot tell; another release is not meant', () => {
  const record = advisory([{ package: { ecosystem: 'Alpine:v3.19', name: 'left' }, versions: ['1.0-r0'] }])
  assert.equal(resultOf(record, '1.0-r0', 'Alpine'), 'cannot tell')
  assert.equal(resultOf(record, '1.0-r0', 'Alpine:v3.19'), 'affected')
  assert.equal(resultOf(record, '1.0-r0', 'Alpine:v3.20'), 'not affected')
})

test('a withdrawn record affects nothing', () => {
  const record = { ...semver({ introduced: '0' }), withdrawn: MODIFIED }
  assert.equal(resultOf(record, '1.0.0'), 'not affected')
})

test('an ecosystem without an order: cannot tell, unless versions[] lists it', () => {
  const range: JsonValue = { type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '2.0' }] }
  const record = advisory([{ package: { ecosystem: 'PyPI', name: 'My_Left' }, ranges: [range], versions: ['1.0'] }])
  assert.equal(resultOf(record, '9.0', 'PyPI', 'my-left'), 'cannot tell')
  assert.equal(resultOf(record, '1.0', 'PyPI', 'my-left'), 'affected')
})

test('entries are alternatives, other packages are none of them, and an entry without anything matches nothing', () => {
  const events: JsonValue = [{ introduced: '1.0.0' }, { fixed: '1.1.0' }]
  const record = advisory([
    { package: { ecosystem: 'npm', name: 'left' } },
    { package: { ecosystem: 'npm', name: 'left' }, ranges: [{ type: 'SEMVER', events }] },
  ])
  assert.deepEqual(affects(record, { ecosystem: 'npm', name: 'left', version: '1.0.5' }).fixed, ['1.1.0'])
  assert.equal(resultOf(record, '2.0.0'), 'not affected')
  assert.equal(resultOf(record, '1.0.5', 'npm', 'Left'), 'not affected')
  assert.equal(resultOf(record, '1.0.5', 'Go'), 'not affected')
})
