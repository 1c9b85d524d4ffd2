import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readEmailAddress } from './emailAddress.ts'

test('an address keeps its local part and gets a lower-case domain', () => {
  assert.equal(readEmailAddress(' Me.And+tag@Example.ORG '), 'Me.And+tag@example.org')
  assert.equal(readEmailAddress('me@localhost'), 'me@localhost')
})

for (const bad of [
  '',
  'me',
  '@example.org',
  'me@',
  'a b@example.org',
  'me@exa mple.org',
  '"a"@b.c',
  'mé@example.org',
  'me@-a.org',
]) {
  test(`refuses "${bad}" with account.email-invalid`, () => {
    assert.throws(() => readEmailAddress(bad), { code: 'account.email-invalid' })
  })
}

test('refuses an address over 254 characters with account.email-invalid', () => {
  assert.throws(() => readEmailAddress(`a@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(80)}`), {
    code: 'account.email-invalid',
  })
  assert.throws(() => readEmailAddress(`me@example.org\n`.repeat(2)), { code: 'account.email-invalid' })
})
