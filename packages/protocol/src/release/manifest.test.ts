import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonValue } from '../json/canonicalJson.ts'
import { MANIFEST_NAME, PORT_PLACEHOLDER, parseManifest } from './manifest.ts'

const sound = {
  v: 1,
  product: 'files',
  version: '1.1.0',
  start: ['node', 'node_modules/http-server/bin/http-server', '-p', PORT_PLACEHOLDER],
  firstParty: ['src/**', '*.js'],
  stopTimeoutMs: 5000,
}
const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

test('a manifest says what the product is and how it starts', () => {
  const { v, ...manifest } = sound
  assert.deepEqual(parseManifest(bytes(sound)), manifest)
  assert.equal(MANIFEST_NAME, 'countersign.json')
})

test('what may be left out has a default', () => {
  const { firstParty, stopTimeoutMs, ...required } = sound
  const read = parseManifest(bytes(required))
  assert.deepEqual([read.firstParty, read.stopTimeoutMs], [[], 10_000])
})

test('programs are node or files of the artifact; arguments may be anything, also empty', () => {
  for (const start of [
    ['node'],
    ['./bin/server'],
    ['bin/server', ''],
    ['server', '--dir=/var/lib', '$HOME', `a${PORT_PLACEHOLDER}b`],
  ]) {
    assert.deepEqual(parseManifest(bytes({ ...sound, start })).start, start)
  }
})

const wrong: Readonly<Record<string, { readonly [name: string]: JsonValue | undefined }>> = {
  'no product': { product: undefined },
  'a product with a slash': { product: 'a/b' },
  'a product that begins with a dot': { product: '.files' },
  'a product of 129 characters': { product: 'a'.repeat(129) },
  'no version': { version: undefined },
  'a version that is a number': { version: 1 },
  'a version with a line feed': { version: '1.0.0\n' },
  'no start': { start: undefined },
  'an empty start': { start: [] },
  'a start that is a command line': { start: 'node server.js' },
  'an empty program': { start: [''] },
  'an absolute program': { start: ['/bin/sh', '-c', 'x'] },
  'a program outside': { start: ['../sh'] },
  'a program outside by a detour': { start: ['bin/../../sh'] },
  'a program with a backslash': { start: ['bin\\sh'] },
  'the artifact as program': { start: ['.'] },
  'a program that depends on the port': { start: [PORT_PLACEHOLDER] },
  'an argument that is a number': { start: ['node', 8080] },
  'an argument with NUL': { start: ['node', 'a\0b'] },
  'another substitution': { start: ['node', PORT_PLACEHOLDER.replace('PORT', 'HOME')] },
  'a substitution made of two': { start: ['node', `$${PORT_PLACEHOLDER}{PORT}`] },
  '65 arguments': { start: Array(65).fill('node') },
  'a long argument': { start: ['node', 'x'.repeat(4097)] },
  'globs that are none': { firstParty: '*' },
  'a glob outside': { firstParty: ['../**'] },
  'an absolute glob': { firstParty: ['/src/**'] },
  'a glob for packages': { firstParty: ['node_modules/mine/**'] },
  'a glob for packages in upper case': { firstParty: ['lib/NODE_MODULES/**'] },
  'a glob with ** in a segment': { firstParty: ['src/**.js'] },
  'an empty glob': { firstParty: [''] },
  'a glob that ends in a slash': { firstParty: ['src/'] },
  'a glob with a backslash': { firstParty: ['src\\*'] },
  '257 globs': { firstParty: Array(257).fill('*') },
  'a stop that waits below zero': { stopTimeoutMs: -1 },
  'a stop that waits for ever': { stopTimeoutMs: 600_001 },
  'a stop that is null': { stopTimeoutMs: null },
  'an unknown field': { env: { PATH: '/bin' } },
  'the other spelling of a field': { first_party: [] },
}
for (const [what, change] of Object.entries(wrong)) {
  test(`refused: ${what}`, () => {
    assert.throws(() => parseManifest(bytes({ ...sound, ...change })), { code: 'release.manifest-malformed' })
  })
}

for (const v of [undefined, null, 0, 2, '1']) {
  test(`refused: version ${v} of the format, before anything else is looked at`, () => {
    assert.throws(() => parseManifest(bytes({ ...sound, v, later: true })), { code: 'release.manifest-version' })
  })
}

for (const [what, document] of Object.entries({
  nothing: new Uint8Array(),
  'no JSON': new TextEncoder().encode('{'),
  'a list': bytes([sound]),
  'a key twice': new TextEncoder().encode('{"v":1,"v":1}'),
  'a byte order mark': Uint8Array.of(0xef, 0xbb, 0xbf, ...bytes(sound)),
  'a large document': bytes({ ...sound, firstParty: ['x'.repeat(70_000)] }),
})) {
  test(`refused: ${what}`, () => {
    assert.throws(() => parseManifest(document), { code: 'release.manifest-malformed' })
  })
}
