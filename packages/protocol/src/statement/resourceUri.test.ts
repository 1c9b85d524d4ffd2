import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseResourceUri, resourceUri } from './resourceUri.ts'

test('product and version come back as they were written', () => {
  for (const one of [
    { product: 'files', version: '1.1.0' },
    { product: 'A_b-c.d', version: '2026.11.20-rc.1' },
  ]) {
    assert.deepEqual(parseResourceUri(resourceUri(one)), one)
  }
  assert.equal(resourceUri({ product: 'files', version: '1.1.0' }), 'pkg:generic/files@1.1.0')
})

for (const uri of [
  '',
  'files@1.1.0',
  'pkg:npm/files@1.1.0',
  'pkg:generic/files',
  'pkg:generic/@1.1.0',
  'pkg:generic/files@',
  'pkg:generic/scope/files@1.1.0',
  'pkg:generic/files@1.1.0@2',
  'pkg:generic/files@1.1.0?os=linux',
  'pkg:generic/files@1.1.0#lib',
  'pkg:generic/fi%6ces@1.1.0',
  'PKG:generic/files@1.1.0',
  'pkg:generic/files@1.1.0\n',
]) {
  test(`no resource: ${JSON.stringify(uri)}`, () => {
    assert.throws(() => parseResourceUri(uri), { code: 'statement.resource-uri' })
  })
}

test('what would need escaping is not written', () => {
  for (const name of ['', 'a b', 'a@b', 'a/b', '-a', 'ä', 'a'.repeat(129)]) {
    assert.throws(() => resourceUri({ product: name, version: '1' }), { code: 'statement.resource-uri' })
    assert.throws(() => resourceUri({ product: 'a', version: name }), { code: 'statement.resource-uri' })
  }
})
