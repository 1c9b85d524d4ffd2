import assert from 'node:assert/strict'
import { test } from 'node:test'
import { publishedPackage } from './publishedPackage.ts'

const source = {
  name: 'countersign',
  version: '1.2.3',
  description: 'A program',
  license: 'Apache-2.0',
  bin: { countersign: 'bin/countersign.js' },
  dependencies: { '@countersign/protocol': '1.2.3' },
}

test('imports of sources across packages lead to what was built from them', () => {
  assert.deepEqual(publishedPackage(source).exports, { './*.ts': { types: './dist/*.d.ts', default: './dist/*.js' } })
})

test('programs keep their dependencies and install on old versions of Node.js', () => {
  const published = publishedPackage(source)
  assert.deepEqual(published.dependencies, source.dependencies)
  assert.deepEqual(published.engines, { node: '>=20' })
})

test('a library needs the runtime that its programs bring', () => {
  const { bin: _, ...library } = source
  assert.deepEqual(publishedPackage(library).engines, { node: '>=26' })
})
