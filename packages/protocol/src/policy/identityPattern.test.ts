import assert from 'node:assert/strict'
import { test } from 'node:test'
import { coversProduct, type IdentityPattern, matchesIdentity } from './identityPattern.ts'

const issuer = 'https://sign.example.org/oidc'
type Subject = IdentityPattern['subject']
const table: readonly (readonly [Subject, string, boolean])[] = [
  [{ exact: 'a@example.org' }, 'a@example.org', true],
  [{ exact: 'a@example.org' }, 'A@example.org', false],
  [{ exact: 'a@example.org' }, 'a@example.org.evil.net', false],
  [{ emailDomain: 'example.org' }, 'a@example.org', true],
  [{ emailDomain: 'example.org' }, 'a@EXAMPLE.org', true],
  [{ emailDomain: 'example.org' }, 'a@sub.example.org', false],
  [{ emailDomain: 'example.org' }, 'a@notexample.org', false],
  [{ emailDomain: 'example.org' }, '@example.org', false],
  [{ emailDomain: 'example.org' }, 'a@example.org@evil.net', false],
  [{ emailDomain: 'example.org' }, 'https://evil.net/@example.org', false],
  [
    { uriPrefix: 'https://github.com/acme/' },
    'https://github.com/acme/app/.github/workflows/b.yml@refs/heads/main',
    true,
  ],
  [{ uriPrefix: 'https://github.com/acme/' }, 'https://github.com/acme/', false],
  [{ uriPrefix: 'https://github.com/acme/' }, 'https://github.com/acme-evil/app', false],
  [{ any: true }, 'whoever', true],
]
for (const [subject, given, expected] of table) {
  test(`${JSON.stringify(subject)} ${expected ? 'takes' : 'refuses'} ${given}`, () => {
    assert.equal(matchesIdentity({ issuer, subject }, { issuer, subject: given }), expected)
    assert.equal(matchesIdentity({ issuer, subject }, { issuer: `${issuer}/`, subject: given }), false)
  })
}

test('a limit to products covers named ones and those below a prefix, and is unknown without a product', () => {
  const pattern: IdentityPattern = { issuer, subject: { any: true }, products: ['acme/pump', 'tools/*'] }
  assert.equal(coversProduct(pattern, 'acme/pump'), true)
  assert.equal(coversProduct(pattern, 'acme/pump2'), false)
  assert.equal(coversProduct(pattern, 'tools/x'), true)
  assert.equal(coversProduct(pattern, 'tools/'), false)
  assert.equal(coversProduct(pattern, undefined), undefined)
  assert.equal(coversProduct({ issuer, subject: { any: true } }, undefined), true)
})
