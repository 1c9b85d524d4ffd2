import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStatement } from '../bundle/parseStatement.ts'
import { canonicalJson, type JsonValue } from '../json/canonicalJson.ts'
import { readSbomStatement, writeSbomStatement } from './sbomStatement.ts'

const type = 'application/vnd.in-toto+json'
const claims = {
  sha256: '01'.repeat(32),
  name: 'files-1.1.0.tar.gz',
  bom: { bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, components: [{ type: 'library', name: 'a' }] },
}
const written = () => JSON.parse(new TextDecoder().decode(writeSbomStatement(claims)))

test('an SBOM comes back as it was written, under the type that every tool reads', () => {
  assert.deepEqual(readSbomStatement(parseStatement(type, writeSbomStatement(claims))), claims)
  assert.equal(written().predicateType, 'https://cyclonedx.org/bom')
  assert.deepEqual(written().predicate, claims.bom)
})

test('a predicate type with the version of CycloneDX is read too', () => {
  const versioned = { ...written(), predicateType: 'https://cyclonedx.org/bom/v1.6' }
  assert.deepEqual(readSbomStatement(parseStatement(type, canonicalJson(versioned))).bom, claims.bom)
})

const wrong: readonly (readonly [what: string, code: string, change: { readonly [name: string]: JsonValue }])[] = [
  ['SPDX', 'predicate-unknown', { predicateType: 'https://spdx.dev/Document/v3' }],
  ['a version that is none', 'predicate-unknown', { predicateType: 'https://cyclonedx.org/bom/v2' }],
  ['two subjects', 'subjects-wrong', { subject: [written().subject[0], written().subject[0]] }],
  ['no document', 'malformed', { predicate: null }],
  ['another format', 'malformed', { predicate: { ...claims.bom, bomFormat: 'SPDX' } }],
  ['no specification version', 'malformed', { predicate: { bomFormat: 'CycloneDX' } }],
  ['a specification version that is a number', 'malformed', { predicate: { ...claims.bom, specVersion: 1.6 } }],
  ['no name', 'malformed', { subject: [{ digest: { sha256: claims.sha256 } }] }],
]
for (const [what, code, change] of wrong) {
  test(`not read: ${what}`, () => {
    const parsed = parseStatement(type, canonicalJson({ ...written(), ...change }))
    assert.throws(() => readSbomStatement(parsed), { code: `statement.${code}` })
  })
}

let nested: typeof claims.bom = claims.bom
for (let level = 0; level < 40; level++)
  nested = { ...claims.bom, components: [{ type: 'library', name: 'a', nested } as never] }

for (const [what, change] of Object.entries({
  'a digest that is none': { sha256: '' },
  'another format': { bom: { bomFormat: 'SPDX' } },
  'a document nested 40 levels deep': { bom: nested },
  'half a character': { bom: { ...claims.bom, serialNumber: '\udfff' } },
})) {
  test(`not written: ${what}`, () => {
    assert.throws(() => writeSbomStatement({ ...claims, ...change }), { code: 'statement.unwritable' })
  })
}

test('an error of ours comes through as it is', () => {
  const broken = {
    ...claims,
    get bom(): never {
      throw new TypeError('broken')
    },
  }
  assert.throws(() => writeSbomStatement(broken), TypeError)
})
