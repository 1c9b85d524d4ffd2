import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readForm } from './pageVisitor.ts'

const url = 'https://sign.example.org/people/invitations/1'

test('a form sends its fields, hidden ones included, and nothing of its buttons', () => {
  const text = `<form method="post" action="/oidc/device?a=1&amp;b=2">
    <input type="hidden" name="xsrf" value="&lt;x&gt;"><input name="code" required>
    <button name="abort" value="yes">Refuse</button></form>`
  assert.deepEqual(readForm({ status: 200, url, text }), {
    action: 'https://sign.example.org/oidc/device?a=1&b=2',
    fields: { xsrf: '<x>', code: '' },
  })
})

test('a form without an address goes to its own page', () => {
  assert.equal(readForm({ status: 200, url, text: '<form method="post"></form>' }).action, url)
})

test('a page without a form says what it was', () => {
  assert.throws(() => readForm({ status: 403, url, text: 'You need an invitation' }), /no form .*403.*\n.*invitation/)
})
