import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readEmailAddress, readPersonAddress } from './emailAddress.ts'

test('an address keeps its local part and gets a lower-case domain', () => {
  assert.equal(readEmailAddress(' Me.And+tag@Example.ORG '), 'Me.And+tag@example.org')
  assert.equal(readEmailAddress('me@localhost'), 'me@localhost')
})

test('two spellings of an address are one person', () => {
  assert.equal(readPersonAddress('Me@Example.org'), readPersonAddress('me@example.ORG'))
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
