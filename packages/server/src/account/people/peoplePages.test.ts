import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { openTestAccount } from '../testAccount.ts'
import { TestBrowser } from '../testBrowser.ts'
import { admin, invite, login, passTime, redeem, refresh, signedIn, startDevice } from '../testSignIn.ts'

test('an invitation is used once, within its hour, with its own code, and only by its own form', async (t) => {
  const server = await openTestAccount(t)
  const first = await invite(server)
  const wrong = await redeem(first, new TestBrowser(), 'AAAA-AAAA-AAAA-AAAA')
  assert.equal(wrong.status, 403)
  assert.match(wrong.text, /account\.invitation-wrong/)
  const browser = new TestBrowser()
  const forged = await browser.post({ ...(await browser.get(first.link)), text: '' }, { code: first.code })
  assert.match(forged.text, /account\.form-invalid/)
  const page = await browser.get(first.link)
  const foreign = await fetch(first.link, {
    method: 'POST',
    headers: { origin: 'https://evil.example.org' },
    body: new URLSearchParams({ code: first.code }),
  })
  assert.match(await foreign.text(), /account\.form-invalid/)
  assert.equal((await browser.post(page, { code: first.code })).status, 200)
  const replay = await redeem(first, new TestBrowser())
  assert.equal(replay.status, 403)
  assert.match(replay.text, /account\.invitation-wrong/)

  const second = await invite(server)
  const third = await invite(server)
  assert.equal((await redeem(second, new TestBrowser())).status, 403, 'a new invitation ends the older one')
  passTime(t, 60 * 60 * 1000 + 1)
  assert.equal((await redeem(third, new TestBrowser())).status, 403)
  await server.audit.flush({ all: true })
  const { lines } = await server.audit.read({ kind: 'refusal.unknown', limit: 10 })
  const codes = lines.map(({ detail }) => (detail as { code: string }).code)
  assert.ok(codes.includes('account.invitation-wrong') && codes.includes('account.form-invalid'))
})

test('ten wrong codes within a minute stop an address', async (t) => {
  const server = await openTestAccount(t)
  const invitation = await invite(server)
  for (let i = 0; i < 10; i += 1) assert.equal((await redeem(invitation, new TestBrowser(), 'wrong')).status, 403)
  const stopped = await redeem(invitation, new TestBrowser())
  assert.equal(stopped.status, 429)
  assert.match(stopped.text, /account\.too-many-attempts/)
})

test('removing a person ends sessions, refresh tokens, device codes and identity tokens at once', async (t) => {
  const server = await openTestAccount(t)
  const browser = await signedIn(server)
  const tokens = await login(server, browser)
  const device = await startDevice(server)
  assert.deepEqual(await admin(server, 'people/removals', { email: 'me@EXAMPLE.org' }), { email: 'me@example.org' })
  assert.equal((await browser.get(device.verification_uri_complete!)).status, 403)
  assert.equal((await refresh(server, tokens.refresh_token!)).json.error, 'invalid_grant')
  await assert.rejects(server.account.verifyToken(tokens.id_token), { code: 'account.token-person-removed' })
  assert.equal((await admin(server, 'people/removals', { email: 'me@example.org' })).code, 'account.person-unknown')
  assert.deepEqual(await admin(server, 'people'), { people: [] })
  const again = await login(server, await signedIn(server))
  assert.notEqual(decodeJwt(again.id_token).sub, decodeJwt(tokens.id_token).sub)
  const removed = (await server.audit.read({ kind: 'person.removed', limit: 10 })).lines
  assert.deepEqual(
    removed.map(({ detail }) => (detail as { email: string }).email),
    ['me@example.org'],
  )
})

test('removing somebody who was only invited ends the invitation', async (t) => {
  const server = await openTestAccount(t)
  const invitation = await invite(server)
  assert.deepEqual(await admin(server, 'people/removals', { email: 'me@example.org' }), { email: 'me@example.org' })
  assert.equal((await redeem(invitation, new TestBrowser())).status, 403)
})

test('signing out ends the browser session', async (t) => {
  const server = await openTestAccount(t)
  const browser = await signedIn(server)
  const session = browser.cookies.get('countersign-session')!
  const home = await browser.get(`${server.publicUrl}/people`)
  assert.equal((await browser.post(home, {})).status, 200)
  browser.cookies.set('countersign-session', session)
  assert.equal((await browser.get(`${server.publicUrl}/people`)).status, 403)
})

test('a sign-in page that no program waits for says so, and a page that is not there as well', async (t) => {
  const server = await openTestAccount(t)
  const browser = await signedIn(server)
  const unknown = await browser.get(`${server.publicUrl}/people/sign-in/abc`)
  assert.equal(unknown.status, 404)
  assert.match(unknown.text, /account\.sign-in-unknown/)
  const missing = await browser.get(`${server.publicUrl}/people/invitations/../../x`)
  assert.equal(missing.status, 404)
  const page = await browser.get(`${server.publicUrl}/people/else`)
  assert.match(page.text, /account\.page-unknown/)
  assert.deepEqual(server.failures, [])
})
