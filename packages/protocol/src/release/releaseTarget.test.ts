import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalJson } from '../json/canonicalJson.ts'
import { parseReleaseTarget, type ReleaseTarget, releaseTargetName, writeReleaseTarget } from './releaseTarget.ts'

const hex = (byte: string) => byte.repeat(32)
const artifact = { sha256: hex('01'), sizeBytes: 1234, signature: hex('02'), certifications: [hex('03'), hex('04')] }
const release: ReleaseTarget = {
  product: 'files',
  channel: 'stable',
  counter: 2,
  version: '1.1.0',
  artifacts: [artifact],
}
const written = () => JSON.parse(new TextDecoder().decode(writeReleaseTarget(release)))

test('a release comes back as it was written, certified or not', () => {
  for (const one of [release, { ...release, artifacts: [{ ...artifact, certifications: [] }] }]) {
    assert.deepEqual(parseReleaseTarget(writeReleaseTarget(one)), one)
  }
})

test('the target names its version, and the first certification beside all of them', () => {
  assert.equal(releaseTargetName('files', 'stable', 2), 'releases/files/stable/2.json')
  assert.deepEqual(written(), { v: 1, ...release, artifacts: [{ ...artifact, certification: hex('03') }] })
})

// biome-ignore lint/suspicious/noExplicitAny: a test takes a release apart.
type Edit = (target: any) => void
const wrong: readonly (readonly [what: string, change: Edit])[] = [
  ['another version', (t) => (t.v = 2)],
  ['no version', (t) => delete t.v],
  ['an unknown field', (t) => (t.later = 1)],
  ['a product with a slash', (t) => (t.product = '../x')],
  ['a channel that is empty', (t) => (t.channel = '')],
  ['counter 0', (t) => (t.counter = 0)],
  ['a counter that is a text', (t) => (t.counter = '2')],
  ['half a counter', (t) => (t.counter = 1.5)],
  ['no artifact', (t) => (t.artifacts = [])],
  ['65 artifacts', (t) => (t.artifacts = Array(65).fill(t.artifacts[0]))],
  ['an artifact without a signature', (t) => delete t.artifacts[0].signature],
  ['a size below zero', (t) => (t.artifacts[0].sizeBytes = -1)],
  ['a digest in upper case', (t) => (t.artifacts[0].sha256 = hex('AB'))],
  ['17 certifications', (t) => (t.artifacts[0].certifications = Array(17).fill(hex('03')))],
  ['no certifications', (t) => delete t.artifacts[0].certifications],
  ['another first certification', (t) => (t.artifacts[0].certification = hex('04'))],
  ['a first certification of none', (t) => (t.artifacts[0].certifications = [])],
  ['no first certification', (t) => delete t.artifacts[0].certification],
]
for (const [what, change] of wrong) {
  test(`refused: ${what}`, () => {
    const target = written()
    change(target)
    assert.throws(() => parseReleaseTarget(canonicalJson(target)), { code: 'release.target-malformed' })
  })
}

for (const [what, bytes] of Object.entries({
  nothing: new Uint8Array(),
  'another order of fields': new TextEncoder().encode(JSON.stringify({ version: '1.1.0', ...written() })),
  'white space': new TextEncoder().encode(JSON.stringify(written(), null, 1)),
  'a large document': new Uint8Array(300_000).fill(0x20),
})) {
  test(`refused: ${what}`, () => {
    assert.throws(() => parseReleaseTarget(bytes), { code: 'release.target-malformed' })
  })
}

test('what could not be read is not written', () => {
  for (const change of [{ counter: 0 }, { product: 'a/b' }, { artifacts: [] }, { version: '' }]) {
    assert.throws(() => writeReleaseTarget({ ...release, ...change }), { code: 'release.unwritable' })
  }
  for (const [product, channel, counter] of [
    ['..', 'stable', 1],
    ['files', 'a/b', 1],
    ['files', 'stable', 0],
  ] as const) {
    assert.throws(() => releaseTargetName(product, channel, counter), { code: 'release.unwritable' })
  }
})

test('an error of ours comes through as it is', () => {
  assert.throws(() => writeReleaseTarget({ ...release, artifacts: undefined } as unknown as ReleaseTarget), TypeError)
})
