import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import type { Invitation } from '@countersign/protocol/api/people.ts'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import type { AccountTables } from './accountTables.ts'
import { openTestAccount, type TestAccount, TestBrowser, type TestPage } from './testAccount.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'

interface Tokens {
  id_token: string
  access_token: string
  refresh_token?: string
  error?: string
}

async function admin(server: TestAccount, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const init = { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  const response = await fetch(`${server.adminUrl}/admin/${path}`, body === undefined ? {} : init)
  return (await response.json()) as Record<string, unknown>
}

async function invite(server: TestAccount, email = 'me@example.org'): Promise<Invitation> {
  return (await admin(server, 'people/invitations', { email })) as Invitation
}

async function redeem(invitation: Invitation, browser: TestBrowser, code = invitation.code): Promise<TestPage> {
  return browser.post(await browser.get(invitation.link), { code })
}

async function signedIn(server: TestAccount, email?: string): Promise<TestBrowser> {
  const browser = new TestBrowser()
  const page = await redeem(await invite(server, email), browser)
  assert.equal(page.status, 200)
  return browser
}

async function post(url: string, form: Record<string, string> | URLSearchParams, headers: Record<string, string> = {}) {
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(form), headers })
  return { status: response.status, json: (await response.json()) as Record<string, string> & Tokens }
}

async function startDevice(server: TestAccount, scope = 'openid email offline_access') {
  const { status, json } = await post(`${server.publicUrl}/oidc/device/auth`, { client_id: 'sigstore', scope })
  assert.equal(status, 200)
  return json
}

function poll(server: TestAccount, device_code: string) {
  return post(`${server.publicUrl}/oidc/token`, { grant_type: DEVICE_GRANT, client_id: 'sigstore', device_code })
}

function refresh(server: TestAccount, refresh_token: string) {
  return post(`${server.publicUrl}/oidc/token`, { grant_type: 'refresh_token', client_id: 'sigstore', refresh_token })
}

async function login(server: TestAccount, browser: TestBrowser): Promise<Tokens> {
  const device = await startDevice(server)
  const confirm = await browser.get(device.verification_uri_complete!)
  assert.match((await browser.post(confirm, {})).text, /Signed in/)
  const { status, json } = await poll(server, device.device_code!)
  assert.equal(status, 200)
  return json
}

/** Moves the process's clock; the provider has no other. */
function passTime(t: TestContext, ms: number): void {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + ms })
}

async function auditKinds(server: TestAccount): Promise<string[]> {
  return (await server.audit.read({ limit: 100 })).lines.map(({ kind }) => kind).reverse()
}

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

test('a browser that changes hands speaks for the person who redeemed last', async (t) => {
  const server = await openTestAccount(t)
  const browser = await signedIn(server, 'one@example.org')
  await login(server, browser)
  assert.equal((await redeem(await invite(server, 'two@example.org'), browser)).status, 200)
  const tokens = await login(server, browser)
  assert.equal(decodeJwt(tokens.id_token).email, 'two@example.org')
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

/** The browser flow as cosign and sigstore-python do it: PKCE, a loopback port of their own, HTTP Basic with an empty secret. */
async function browserFlow(server: TestAccount, browser: TestBrowser, decision: string) {
  const verifier = randomBytes(32).toString('base64url')
  const redirect_uri = 'http://localhost:43210/auth/callback'
  const query = new URLSearchParams({
    client_id: 'sigstore',
    response_type: 'code',
    scope: 'openid email',
    redirect_uri,
    state: 's1',
    nonce: 'n1',
    code_challenge: hash('sha256', verifier, 'base64url'),
    code_challenge_method: 'S256',
  })
  const page = await browser.get(`${server.publicUrl}/oidc/auth?${query}`)
  assert.match(page.text, /What becomes public/)
  assert.match(page.headers.get('content-security-policy') ?? '', /form-action 'self' http:\/\/localhost:43210;/)
  const back = new URL((await browser.post(page, { decision })).url)
  assert.equal(back.origin + back.pathname, redirect_uri)
  assert.equal(back.searchParams.get('state'), 's1')
  return { code: back.searchParams.get('code'), error: back.searchParams.get('error'), redirect_uri, verifier }
}

test('the browser flow of Sigstore clients works on any loopback port', async (t) => {
  const server = await openTestAccount(t)
  const browser = await signedIn(server)
  const { code, redirect_uri, verifier } = await browserFlow(server, browser, 'approve')
  const form = { grant_type: 'authorization_code', code: code!, redirect_uri, code_verifier: verifier }
  const basic = { authorization: `Basic ${Buffer.from('sigstore:').toString('base64')}` }
  const stolen = await post(
    `${server.publicUrl}/oidc/token`,
    { ...form, code_verifier: randomBytes(32).toString('base64url') },
    basic,
  )
  assert.equal(stolen.json.error, 'invalid_grant')
  const fresh = await browserFlow(server, browser, 'approve')
  const good = { ...form, code: fresh.code!, code_verifier: fresh.verifier }
  const { status, json } = await post(`${server.publicUrl}/oidc/token`, good, basic)
  assert.equal(status, 200, JSON.stringify(json))
  assert.equal(decodeJwt(json.id_token).nonce, 'n1')
  assert.equal(json.refresh_token, undefined)
  assert.equal((await server.account.verifyToken(json.access_token)).email, 'me@example.org')
  assert.equal((await browserFlow(server, browser, 'refuse')).error, 'access_denied')
})

test('a client with a secret, another client, and a foreign redirect are refused', async (t) => {
  const server = await openTestAccount(t)
  const device = await startDevice(server)
  const form = { grant_type: DEVICE_GRANT, device_code: device.device_code! }
  const withSecret = { authorization: `Basic ${Buffer.from('sigstore:guess').toString('base64')}` }
  assert.equal((await post(`${server.publicUrl}/oidc/token`, form, withSecret)).json.error, 'invalid_client')
  assert.equal(
    (await post(`${server.publicUrl}/oidc/token`, { ...form, client_id: 'other' })).json.error,
    'invalid_client',
  )
  const browser = await signedIn(server)
  const query = new URLSearchParams({
    client_id: 'sigstore',
    response_type: 'code',
    scope: 'openid email',
    redirect_uri: 'https://evil.example.org/auth/callback',
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256',
  })
  const page = await browser.get(`${server.publicUrl}/oidc/auth?${query}`)
  assert.equal(page.status, 400)
  assert.match(page.text, /redirect_uri/)
})

test('the device flow of cosign works: PKCE when it starts, no client id and two scopes when it polls', async (t) => {
  const server = await openTestAccount(t)
  const browser = await signedIn(server)
  const response = await fetch(`${server.publicUrl}/oidc/.well-known/openid-configuration`)
  const metadata = (await response.json()) as Record<
    'issuer' | 'device_authorization_endpoint' | 'token_endpoint',
    string
  >
  assert.equal(metadata.issuer, `${server.publicUrl}/oidc`)
  const started = await post(metadata.device_authorization_endpoint, {
    client_id: 'sigstore',
    scope: 'openid email',
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256',
    redirect_uri: 'http://localhost:0/auth/callback',
  })
  await browser.post(await browser.get(started.json.verification_uri_complete!), {})
  const form = new URLSearchParams([
    ['grant_type', DEVICE_GRANT],
    ['device_code', started.json.device_code!],
    ['scope', 'openid'],
    ['scope', 'email'],
    ['code_verifier', 'x'.repeat(43)],
  ])
  const { json } = await post(metadata.token_endpoint, form)
  assert.equal(decodeJwt(json.id_token).email, 'me@example.org')
  assert.equal(json.refresh_token, undefined)
})

test('addresses come from the public URL, whatever host a request names', async (t) => {
  const server = await openTestAccount(t)
  const port = new URL(server.publicUrl).port
  const response = await fetch(`http://127.0.0.1:${port}/oidc/.well-known/openid-configuration`, {
    headers: { 'x-forwarded-host': 'evil.example.org', 'x-forwarded-proto': 'https' },
  })
  const metadata = (await response.json()) as { token_endpoint: string; issuer: string }
  assert.equal(metadata.token_endpoint, `${server.publicUrl}/oidc/token`)
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

test('outside issuers are added and removed by the operator, exactly and in the audit log', async (t) => {
  const server = await openTestAccount(t)
  const url = 'https://token.actions.githubusercontent.com'
  const added = await admin(server, 'issuers', { url, kind: 'github-workflow' })
  assert.deepEqual(added, { url, kind: 'github-workflow', audience: 'sigstore', embedded: false })
  const embedded = { url: `${server.publicUrl}/oidc`, kind: 'email', audience: 'sigstore', embedded: true }
  assert.deepEqual(await admin(server, 'issuers'), { issuers: [embedded, added] })
  assert.equal((await admin(server, 'issuers', { url, kind: 'email' })).code, 'account.issuer-exists')
  for (const bad of [
    'http://id.example.org',
    'https://*.example.org',
    'https://id.example.org?x',
    'https://u@id.example.org',
    'HTTPS://id.example.org',
    `${server.publicUrl}/validators`,
    'id',
  ]) {
    assert.equal((await admin(server, 'issuers', { url: bad, kind: 'email' })).code, 'account.issuer-invalid', bad)
  }
  assert.deepEqual(await admin(server, 'issuers/removals', { url }), { url })
  assert.equal((await admin(server, 'issuers/removals', { url })).code, 'account.issuer-unknown')
  assert.equal((await admin(server, 'issuers/removals', { url: embedded.url })).code, 'account.issuer-unknown')
  assert.deepEqual(await auditKinds(server), ['issuer.added', 'issuer.removed'])
  const listed = await admin(server, 'audit?kind=issuer.added')
  assert.equal((listed.lines as unknown[]).length, 1)
})

test('a program signs out by revoking its refresh token', async (t) => {
  const server = await openTestAccount(t)
  const tokens = await login(server, await signedIn(server))
  const body = new URLSearchParams({ token: tokens.refresh_token!, token_type_hint: 'refresh_token' })
  assert.equal((await fetch(`${server.publicUrl}/oidc/token/revocation`, { method: 'POST', body })).status, 200)
  assert.equal((await refresh(server, tokens.refresh_token!)).json.error, 'invalid_grant')
  const { lines } = await server.audit.read({ kind: 'login.ended', limit: 10 })
  assert.deepEqual(
    lines.map(({ detail }) => detail),
    [{ reason: 'signed out' }],
  )
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

test('forms that are too large are refused before they are read', async (t) => {
  const server = await openTestAccount(t)
  const large = { device_code: 'x'.repeat(20_000), grant_type: DEVICE_GRANT }
  const { status } = await post(`${server.publicUrl}/oidc/token`, large)
  assert.equal(status, 413)
  const browser = new TestBrowser()
  const page = await browser.post(await browser.get((await invite(server)).link), { code: 'x'.repeat(20_000) })
  assert.match(page.text, /account\.form-invalid/)
})

test('an address that begins too many sign-ins has to wait', async (t) => {
  const server = await openTestAccount(t)
  for (let i = 0; i < 120; i += 1) await startDevice(server)
  const { status, json } = await post(`${server.publicUrl}/oidc/device/auth`, {
    client_id: 'sigstore',
    scope: 'openid',
  })
  assert.equal(status, 429)
  assert.equal(json.error, 'slow_down')
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
