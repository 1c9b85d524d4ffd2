import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Catalogue } from '@countersign/protocol/sbom/catalogue.ts'
import { validateCycloneDx, writeCycloneDx } from './cyclonedx.ts'

const sha512 = Buffer.alloc(64, 0x5a)
const catalogue: Catalogue = {
  v: 1,
  artifact: { sha256: 'ab'.repeat(32), sizeBytes: 10 },
  manifest: { product: 'files', version: '1.1.0', start: ['node', 'x.js'], firstParty: [], stopTimeoutMs: 1000 },
  components: [
    {
      id: 'node_modules/@scope/part',
      purl: 'pkg:npm/%40scope/part@1.0.0',
      ecosystem: 'npm',
      name: '@scope/part',
      version: '1.0.0',
      evidence: 'content',
      integrity: `sha1-${'A'.repeat(27)}= sha512-${sha512.toString('base64')}`,
      files: 3,
    },
    {
      id: 'node_modules/left',
      purl: 'pkg:npm/left@2.0.0-beta.1%2B7',
      ecosystem: 'npm',
      name: 'left',
      version: '2.0.0-beta.1+7',
      evidence: 'installed metadata',
      files: 1,
      altered: ['node_modules/left/index.js'],
    },
    { id: 'lock:x', purl: 'pkg:npm/x', ecosystem: 'npm', name: 'x', version: '', evidence: 'declared', files: 0 },
  ],
  dependencies: [
    { from: '', to: ['node_modules/left'] },
    { from: 'node_modules/left', to: ['node_modules/@scope/part', 'not there'] },
  ],
  gaps: [{ code: 'gap.native-code', path: 'a.node', detail: 'an ELF file', closedBy: 'Name its source.' }],
  scanner: { name: 'countersign-inspector', version: '0.1.0' },
}

interface Bom {
  bomFormat: string
  specVersion: string
  metadata: { component: { name: string; version?: string; hashes: object[]; properties?: object[] } }
  components: (Record<string, unknown> & { 'bom-ref': string; evidence: { identity: Record<string, unknown>[] } })[]
  dependencies: { ref: string; dependsOn?: string[] }[]
  compositions: object[]
}

function bomOf(of: Catalogue): Bom {
  return JSON.parse(new TextDecoder().decode(writeCycloneDx(of)))
}

test('a catalogue becomes valid CycloneDX 1.6, the same bytes each time', async () => {
  const bytes = writeCycloneDx(catalogue)
  await validateCycloneDx(bytes)
  assert.deepEqual(writeCycloneDx(structuredClone(catalogue)), bytes)
  const { bomFormat, specVersion } = bomOf(catalogue)
  assert.deepEqual([bomFormat, specVersion], ['CycloneDX', '1.6'])
})

test('the artifact is the root: product, version and digest of the manifest, gaps as properties', () => {
  const { component } = bomOf(catalogue).metadata
  assert.deepEqual([component.name, component.version], ['files', '1.1.0'])
  assert.deepEqual(component.hashes, [{ alg: 'SHA-256', content: 'ab'.repeat(32) }])
  assert.deepEqual(component.properties, [{ name: 'countersign:gap.native-code', value: 'a.node: an ELF file' }])
  const { manifest: _, ...nameless } = catalogue
  assert.equal(bomOf(nameless).metadata.component.name, 'ab'.repeat(32))
})

test('each component has its package URL, its place, how it is known, and the digest of what was published', () => {
  const { components } = bomOf(catalogue)
  const [scoped, left, declared] = ['node_modules/@scope/part', 'node_modules/left', 'lock:x'].map((id) =>
    components.find((one) => one['bom-ref'] === id),
  )
  assert.deepEqual([scoped?.group, scoped?.name, scoped?.version], ['@scope', 'part', '1.0.0'])
  assert.equal(scoped?.purl, 'pkg:npm/%40scope/part@1.0.0')
  assert.deepEqual(scoped?.externalReferences, [
    { url: scoped?.purl, type: 'distribution', hashes: [{ alg: 'SHA-512', content: '5a'.repeat(64) }] },
  ])
  const known = [scoped, left, declared].map((one) => {
    const [identity] = one?.evidence.identity ?? []
    return [identity?.confidence, identity?.concludedValue === one?.purl]
  })
  assert.deepEqual(known, [
    [1, true],
    [0.6, true],
    [0.3, true],
  ])
  assert.deepEqual(left?.properties, [
    { name: 'countersign:altered', value: 'node_modules/left/index.js' },
    { name: 'countersign:evidence', value: 'installed metadata' },
    { name: 'countersign:files', value: '1' },
    { name: 'countersign:path', value: 'node_modules/left' },
  ])
})

test('dependencies lead from the artifact to what is there', () => {
  const { dependencies } = bomOf(catalogue)
  const of = (ref: string) => dependencies.find((one) => one.ref === ref)?.dependsOn
  assert.deepEqual(of('artifact'), ['node_modules/left'])
  assert.deepEqual(of('node_modules/left'), ['node_modules/@scope/part'])
})

test('whether anything is missing is said by the composition', async () => {
  const aggregateOf = (of: Catalogue) => bomOf(of).compositions
  assert.deepEqual(aggregateOf(catalogue), [{ aggregate: 'incomplete', assemblies: ['artifact'] }])
  const whole = { ...catalogue, gaps: [] }
  assert.deepEqual(aggregateOf(whole), [{ aggregate: 'complete', assemblies: ['artifact'] }])
  await validateCycloneDx(writeCycloneDx({ ...whole, components: [], dependencies: [] }))
})

test('inspector.sbom-invalid: an unknown field, a component that is none, no JSON', async () => {
  const bom = bomOf(catalogue)
  for (const wrong of [
    { ...bom, more: 1 },
    { ...bom, components: [{}] },
  ]) {
    const bytes = new TextEncoder().encode(JSON.stringify(wrong))
    await assert.rejects(validateCycloneDx(bytes), { code: 'inspector.sbom-invalid' })
  }
  await assert.rejects(validateCycloneDx(new TextEncoder().encode('{')), { code: 'inspector.sbom-invalid' })
})
