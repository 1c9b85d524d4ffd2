import assert from 'node:assert/strict'
import { test } from 'node:test'
import { certificationProof } from './certificationProof.ts'
import { validatorUri } from './validatorUri.ts'

const claims = {
  sha256: 'ab'.repeat(32),
  notAfter: new Date('2027-02-18T12:00:00.900Z'),
  validator: 'https://sign.example.com/validators/embedded',
}

test('the bytes of a proof are these for ever', () => {
  const text = `{"notAfter":"2027-02-18T12:00:00Z","sha256":"${claims.sha256}","use":"countersign certification","v":1,"validator":"https://sign.example.com/validators/embedded"}`
  assert.equal(new TextDecoder().decode(certificationProof(claims)), text)
})

for (const [what, change, code] of [
  ['a digest in upper case', { sha256: 'AB'.repeat(32) }, 'statement.unwritable'],
  ['a digest that is too short', { sha256: 'ab' }, 'statement.unwritable'],
  ['a time that is none', { notAfter: new Date(Number.NaN) }, 'statement.unwritable'],
  ['a year of five digits', { notAfter: new Date('+012026-01-01T00:00:00Z') }, 'statement.unwritable'],
  ['a name in the place of a URI', { validator: 'embedded' }, 'statement.validator-wrong'],
] as const) {
  test(`no proof for ${what}`, () => {
    assert.throws(() => certificationProof({ ...claims, ...change }), { code })
  })
}

test('a validator is written under its issuer, where its name is one', () => {
  const issuer = 'https://sign.example.com/validators'
  assert.equal(validatorUri({ issuer, name: 'embedded' }), `${issuer}/embedded`)
  for (const name of ['', 'a/b', '..']) {
    assert.throws(() => validatorUri({ issuer, name }), { code: 'statement.validator-wrong' })
  }
})
