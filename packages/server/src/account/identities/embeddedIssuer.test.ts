import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { openTestAccount, type TestAccount } from '../testAccount.ts'
import { TestBrowser } from '../testBrowser.ts'
import { DEVICE_GRANT, invite, login, post, refresh, signedIn, startDevice } from '../testSignIn.ts'

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
  // A query makes no difference, neither to the provider nor to us.
  for (const address of ['/oidc/device/auth', '/oidc/device/auth?again']) {
    const { status, json } = await post(`${server.publicUrl}${address}`, { client_id: 'sigstore', scope: 'openid' })
    assert.equal(status, 429)
    assert.equal(json.error, 'slow_down')
  }
})
