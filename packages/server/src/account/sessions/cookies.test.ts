import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pageCookies, readCookie, writeCookie } from './cookies.ts'

test('over TLS cookies belong to this host alone, are sent only over TLS, and no script reads them', () => {
  const cookies = pageCookies('https://sign.example.org')
  assert.equal(cookies.session, '__Host-countersign-session')
  assert.equal(
    writeCookie(cookies.session, 'v', cookies.secure, 60),
    '__Host-countersign-session=v; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60',
  )
  assert.equal(pageCookies('http://localhost:1').session, 'countersign-session')
})

test('a cookie is found by its whole name', () => {
  assert.equal(readCookie('xa=1; a=2; a=3', 'a'), '2')
  assert.equal(readCookie('a=b=c', 'a'), 'b')
  assert.equal(readCookie(undefined, 'a'), undefined)
  assert.equal(readCookie('a', 'a'), '')
})
