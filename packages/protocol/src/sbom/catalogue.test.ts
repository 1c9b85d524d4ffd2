import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCatalogue } from './catalogue.ts'

const COMPONENT = {
  id: 'node_modules/left',
  purl: 'pkg:npm/left@1.0.0',
  ecosystem: 'npm',
  name: 'left',
  version: '1.0.0',
  evidence: 'content',
  files: 2,
}
const CATALOGUE = {
  v: 1,
  artifact: { sha256: 'a'.repeat(64), sizeBytes: 5 },
  components: [COMPONENT],
  dependencies: [{ from: '', to: ['node_modules/left'] }],
  gaps: [{ code: 'gap.native-addon', path: 'a.node', detail: 'of unknown origin', closedBy: 'its source' }],
  scanner: { name: 'inspector', version: '1' },
}

test('a catalogue is what it was after writing and reading', () => {
  assert.deepEqual(readCatalogue(CATALOGUE), CATALOGUE)
})

test('a catalogue that breaks a rule is refused', () => {
  const bad: Readonly<Record<string, object>> = {
    'an unknown field': { ...CATALOGUE, more: 1 },
    'one id twice': { ...CATALOGUE, components: [COMPONENT, COMPONENT] },
    'no id': { ...CATALOGUE, components: [{ ...COMPONENT, id: '' }] },
    'unknown evidence': { ...CATALOGUE, components: [{ ...COMPONENT, evidence: 'hearsay' }] },
    'a dependency on nothing': { ...CATALOGUE, dependencies: [{ from: '', to: ['x'] }] },
    'a dependency of nothing': { ...CATALOGUE, dependencies: [{ from: 'x', to: [] }] },
    'one origin twice': { ...CATALOGUE, dependencies: [CATALOGUE.dependencies[0], CATALOGUE.dependencies[0]] },
    'a gap without a name': { ...CATALOGUE, gaps: [{ ...CATALOGUE.gaps[0], code: 'x' }] },
    'a negative size': { ...CATALOGUE, artifact: { ...CATALOGUE.artifact, sizeBytes: -1 } },
  }
  for (const [what, json] of Object.entries(bad)) {
    assert.throws(() => readCatalogue(JSON.parse(JSON.stringify(json))), { code: 'sbom.catalogue-malformed' }, what)
  }
  assert.throws(() => readCatalogue({ ...CATALOGUE, v: 2 }), { code: 'sbom.catalogue-version' })
})
