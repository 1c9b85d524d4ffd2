import assert from 'node:assert/strict'
import type { Invitation } from '@countersign/protocol/api/people.ts'
import type { TestAccount } from './testAccount.ts'
import { TestBrowser, type TestPage } from './testBrowser.ts'

/** A day in milliseconds. */
export const DAY_MS = 24 * 60 * 60 * 1000
/** RFC 8628, 3.4. */
export const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'

/** What the token endpoint answers. */
export interface Tokens {
  id_token: string
  access_token: string
  refresh_token?: string
  error?: string
}

/** Calls an admin route; with a body by POST. */
export async function admin(server: TestAccount, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const init = { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  const response = await fetch(`${server.adminUrl}/admin/${path}`, body === undefined ? {} : init)
  return (await response.json()) as Record<string, unknown>
}

/** Invites somebody through the admin route. */
export async function invite(server: TestAccount, email = 'me@example.org'): Promise<Invitation> {
  return (await admin(server, 'people/invitations', { email })) as Invitation
}

/** Redeems an invitation by its form. */
export async function redeem(invitation: Invitation, browser: TestBrowser, code = invitation.code): Promise<TestPage> {
  return browser.post(await browser.get(invitation.link), { code })
}

/** A browser in which an invitation was redeemed. */
export async function signedIn(server: TestAccount, email?: string): Promise<TestBrowser> {
  const browser = new TestBrowser()
  const page = await redeem(await invite(server, email), browser)
  assert.equal(page.status, 200)
  return browser
}

/** Posts a form as a program does. */
export async function post(
  url: string,
  form: Record<string, string> | URLSearchParams,
  headers: Record<string, string> = {},
) {
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(form), headers })
  return { status: response.status, json: (await response.json()) as Record<string, string> & Tokens }
}

/** Begins a device flow as `countersign login` does. */
export async function startDevice(server: TestAccount, scope = 'openid email offline_access') {
  const { status, json } = await post(`${server.publicUrl}/oidc/device/auth`, { client_id: 'sigstore', scope })
  assert.equal(status, 200)
  return json
}

/** Asks whether a device code was approved. */
export function poll(server: TestAccount, device_code: string) {
  return post(`${server.publicUrl}/oidc/token`, { grant_type: DEVICE_GRANT, client_id: 'sigstore', device_code })
}

/** Uses a refresh token. */
export function refresh(server: TestAccount, refresh_token: string) {
  return post(`${server.publicUrl}/oidc/token`, { grant_type: 'refresh_token', client_id: 'sigstore', refresh_token })
}

/** A whole device flow in a signed-in browser. */
export async function login(server: TestAccount, browser: TestBrowser): Promise<Tokens> {
  const device = await startDevice(server)
  const confirm = await browser.get(device.verification_uri_complete!)
  assert.match((await browser.post(confirm, {})).text, /Signed in/)
  const { status, json } = await poll(server, device.device_code!)
  assert.equal(status, 200)
  return json
}

/** The part of `node:test`'s context that moves the clock. */
export interface TimeMachine {
  readonly mock: { readonly timers: { enable(options: { apis: 'Date'[]; now: number }): void } }
}

/** Moves the process's clock on; the provider has no other. */
export function passTime(t: TimeMachine, ms: number): void {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + ms })
}

/** The kinds of all audit entries, oldest first. */
export async function auditKinds(server: TestAccount): Promise<string[]> {
  return (await server.audit.read({ limit: 100 })).lines.map(({ kind }) => kind).reverse()
}
