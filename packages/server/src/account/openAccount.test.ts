import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import type { AccountTables } from './accountTables.ts'
import { openTestAccount } from './testAccount.ts'
import { TestBrowser } from './testBrowser.ts'
import {
  auditKinds,
  DAY_MS,
  invite,
  login,
  passTime,
  poll,
  redeem,
  refresh,
  signedIn,
  startDevice,
} from './testSignIn.ts'

test('an invited person signs in by device code, with plain form posts', async (t) => {
  const server = await openTestAccount(t)
  const browser = new TestBrowser()
  const invitation = await invite(server)
  assert.doesNotMatch(invitation.link, new RegExp(invitation.code))
  const opened = await browser.get(invitation.link)
  assert.doesNotMatch(opened.text, /<script/)
  assert.match(opened.headers.get('content-security-policy') ?? '', /default-src 'none'/)
  const welcome = await browser.post(opened, { code: invitation.code.toLowerCase().replaceAll('-', ' ') })
  assert.equal(welcome.status, 200)
  assert.match(welcome.text, /me@example\.org.*digest/s)

  const device = await startDevice(server)
  assert.ok(Number(device.interval) >= 1)
  assert.ok(device.verification_uri!.startsWith(`${server.publicUrl}/oidc/device`))
  assert.equal((await poll(server, device.device_code!)).json.error, 'authorization_pending')

  const confirm = await browser.get(device.verification_uri_complete!)
  assert.doesNotMatch(confirm.text, /<script/)
  assert.match(
    confirm.text,
    new RegExp(`${device.user_code}.*What becomes public.*me@example\\.org.*time of the signature.*digest`, 's'),
  )
  const done = await browser.post(confirm, {})
  assert.match(done.text, /Your terminal goes on by itself/)

  const { json } = await poll(server, device.device_code!)
  const claims = decodeJwt(json.id_token)
  assert.equal(decodeProtectedHeader(json.id_token).alg, 'ES256')
  assert.equal(claims.iss, `${server.publicUrl}/oidc`)
  assert.equal(claims.aud, 'sigstore')
  assert.equal(claims.email, 'me@example.org')
  assert.equal(claims.email_verified, true)
  assert.ok(claims.exp! - claims.iat! <= 300)
  assert.doesNotMatch(claims.sub!, /me|example/)
  assert.equal(json.access_token, json.id_token)
  const identity = await server.account.verifyToken(json.id_token)
  assert.deepEqual(identity.san, { type: 'email', value: 'me@example.org' })
  assert.equal((await poll(server, device.device_code!)).json.error, 'invalid_grant')
  assert.deepEqual(await auditKinds(server), ['person.invited', 'invitation.redeemed', 'login'])
  assert.deepEqual(server.failures, [])
})

test('a typed user code works too, and a wrong one says so', async (t) => {
  const server = await openTestAccount(t)
  const browser = await signedIn(server)
  const device = await startDevice(server)
  const wrong = await browser.post(await browser.get(device.verification_uri!), { user_code: 'BBBB-BBBB' })
  assert.match(wrong.text, /There is no such code/)
  const confirm = await browser.post(wrong, { user_code: device.user_code!.toLowerCase() })
  await browser.post(confirm, { abort: 'yes' })
  assert.equal((await poll(server, device.device_code!)).json.error, 'access_denied')
  const guessed = await browser.get(`${server.publicUrl}/oidc/device?user_code=BBBBBBBB`)
  assert.match(guessed.text, /expired or was used/)
})

test('somebody without a session is told to ask for an invitation', async (t) => {
  const server = await openTestAccount(t)
  const device = await startDevice(server)
  for (const path of [device.verification_uri_complete!, device.verification_uri!, `${server.publicUrl}/people`]) {
    const page = await new TestBrowser().get(path)
    assert.equal(page.status, 403)
    assert.match(page.text, /Ask the operator of this server for an invitation/)
  }
  const posted = await new TestBrowser().post(
    { url: device.verification_uri!, text: '', status: 200, headers: new Headers() },
    { user_code: device.user_code!, confirm: 'yes' },
  )
  assert.equal(posted.status, 403)
  assert.equal((await poll(server, device.device_code!)).json.error, 'authorization_pending')
})

test('refresh tokens rotate, a used one ends the sign-in, and nothing outlives thirty days', async (t) => {
  const server = await openTestAccount(t)
  const browser = await signedIn(server)
  const first = await login(server, browser)
  const second = (await refresh(server, first.refresh_token!)).json
  assert.notEqual(second.refresh_token, first.refresh_token)
  const claims = decodeJwt(second.id_token)
  assert.equal(claims.email, 'me@example.org')
  assert.equal(claims.sub, decodeJwt(first.id_token).sub)

  assert.equal((await refresh(server, first.refresh_token!)).json.error, 'invalid_grant')
  assert.equal(
    (await refresh(server, second.refresh_token!)).json.error,
    'invalid_grant',
    'replay ends the whole sign-in',
  )

  const ended = (await server.audit.read({ kind: 'login.ended', limit: 10 })).lines
  assert.deepEqual(
    ended.map(({ actor, detail }) => [(actor as { email: string }).email, detail]),
    [['me@example.org', { reason: 'used twice' }]],
  )

  const third = await login(server, browser)
  passTime(t, 29 * DAY_MS)
  const fourth = (await refresh(server, third.refresh_token!)).json
  assert.ok(fourth.refresh_token)
  t.mock.timers.reset()
  passTime(t, 30 * DAY_MS + 60_000)
  assert.equal((await refresh(server, fourth.refresh_token!)).json.error, 'invalid_grant')
  const device = await startDevice(server)
  assert.equal(
    (await browser.get(device.verification_uri_complete!)).status,
    403,
    'the browser session is over as well',
  )
})

test('two uses of one refresh token at the same time give one new token', async (t) => {
  const server = await openTestAccount(t)
  const tokens = await login(server, await signedIn(server))
  const answers = await Promise.all([1, 2, 3].map(() => refresh(server, tokens.refresh_token!)))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
})

test('identity and device codes expire', async (t) => {
  const server = await openTestAccount(t)
  const browser = await signedIn(server)
  const tokens = await login(server, browser)
  const device = await startDevice(server)
  passTime(t, 11 * 60 * 1000)
  await assert.rejects(server.account.verifyToken(tokens.id_token), { code: 'account.token-expired' })
  assert.match((await browser.get(device.verification_uri_complete!)).text, /expired or was used/)
  assert.equal((await poll(server, device.device_code!)).json.error, 'expired_token')
})

test('a browser that changes hands speaks for the person who redeemed last', async (t) => {
  const server = await openTestAccount(t)
  const browser = await signedIn(server, 'one@example.org')
  await login(server, browser)
  assert.equal((await redeem(await invite(server, 'two@example.org'), browser)).status, 200)
  const tokens = await login(server, browser)
  assert.equal(decodeJwt(tokens.id_token).email, 'two@example.org')
})

test('the database holds no bearer secret', async (t) => {
  const server = await openTestAccount(t)
  const invitation = await invite(server, 'other@example.org')
  const browser = await signedIn(server)
  const tokens = await login(server, browser)
  const secrets = [
    tokens.refresh_token!,
    browser.cookies.get('countersign-session')!,
    browser.cookies.get('countersign_oidc')!,
    invitation.code,
  ]
  const tables = server.database.tables<AccountTables>()
  const rows = await Promise.all([
    tables.selectFrom('account_provider_records').selectAll().execute(),
    tables.selectFrom('account_browser_sessions').selectAll().execute(),
    tables.selectFrom('account_invitations').selectAll().execute(),
    tables.selectFrom('account_audit_entries').selectAll().execute(),
  ])
  const text = JSON.stringify(rows)
  for (const secret of secrets) {
    assert.ok(secret.length > 10)
    assert.ok(!text.includes(secret))
  }
})

test('what has expired is swept', async (t) => {
  const server = await openTestAccount(t)
  const browser = await signedIn(server)
  await login(server, browser)
  await invite(server, 'other@example.org')
  passTime(t, 31 * DAY_MS)
  await server.account.sweep()
  const tables = server.database.tables<AccountTables>()
  assert.deepEqual(await tables.selectFrom('account_provider_records').selectAll().execute(), [])
  assert.deepEqual(await tables.selectFrom('account_browser_sessions').selectAll().execute(), [])
  assert.deepEqual(await tables.selectFrom('account_invitations').selectAll().execute(), [])
})

test('without the audit log nobody is signed in', async (t) => {
  const server = await openTestAccount(t)
  const browser = await signedIn(server)
  const device = await startDevice(server)
  const confirm = await browser.get(device.verification_uri_complete!)
  server.log.down = true
  assert.equal((await browser.post(confirm, {})).status, 500)
  assert.equal((await poll(server, device.device_code!)).json.error, 'authorization_pending')
})
