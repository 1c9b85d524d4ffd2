import { hash } from 'node:crypto'
import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { KeyStore, SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { AttemptLimit } from '../attemptLimit.ts'
import { accountError } from '../errors.ts'
import { CLIENT_ID, tolerantRequest } from './clientRequest.ts'
import { invitationNeededPage, type PageAnswer, showPage, tooManyCodesPage } from './devicePages.ts'
import { embeddedKeys } from './embeddedKeys.ts'
import { Provider, providerErrors } from './oidcProvider.ts'
import type { SignedInPerson } from './personDirectory.ts'
import { providerRecords } from './providerRecords.ts'
import { providerSettings } from './providerSettings.ts'
import { TokenSigner } from './tokenSigner.ts'
import type { TokenIssuer } from './verifyIdentityToken.ts'

/** A handler of Node's own requests, for what cannot be described as a route. */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** What the issuer stands on. */
export interface IssuerDeps {
  /** `https://host[:port]`; every address the issuer gives out begins with it, whatever `Host` a request names. */
  readonly publicUrl: string
  readonly database: Database
  readonly keys: KeyStore
  readonly clock: Clock
  /** The person behind a `sub`, unless removed. */
  findPerson(sub: string): SignedInPerson | undefined
  /** The person whose browser session the `Cookie` header proves. */
  signedIn(cookies: string | undefined): Promise<SignedInPerson | undefined>
  /** Lets the audit trail watch the key that signs tokens. */
  watchKey(key: SigningKey): SigningKey
  /** Told, before the answer leaves, that a sign-in has ended: by its owner, or because a code or refresh token was used twice. */
  signInEnded(sub: string, reason: 'signed out' | 'used twice'): Promise<void>
  /** Told what went wrong inside, for the log. */
  failed(error: unknown): void
}

/** One request of a program to sign somebody in, waiting for that person's answer. */
export interface SignInRequest {
  /** Approved on the device page already; there is nothing more to ask. */
  readonly deviceApproved: boolean
  /** The origin that the answer is sent to, where it goes back to the program by redirect. */
  readonly redirectOrigin: string | undefined
  /** Whom the provider's own session belongs to, if it has one. */
  readonly sub: string | undefined
}

/** The OpenID Connect issuer that is part of the instance. */
export interface EmbeddedIssuer {
  /** `<public-url>/oidc`, with its keys at hand. */
  readonly tokens: TokenIssuer
  /** Serves everything under `/oidc`. */
  readonly handler: NodeHandler
  /** Names of the provider's own cookies, which end when another person signs in. */
  readonly sessionCookies: readonly string[]
  /** The request that a browser on a sign-in page is about. Throws `account.sign-in-unknown` also where it is too old. */
  pending(request: IncomingMessage, response: ServerResponse): Promise<SignInRequest>
  /** Grants it, and sends the browser on. */
  approve(request: IncomingMessage, response: ServerResponse, person: SignedInPerson): Promise<void>
  /** Refuses it, and sends the browser on. */
  refuse(request: IncomingMessage, response: ServerResponse): Promise<void>
}

const MOUNT = '/oidc'

/** Seconds between two polls of a program that waits for its device code. */
const POLL_SECONDS = 2

/** Requests by one address within a minute that make a new record without anybody being signed in. */
const MAX_NEW_FLOWS = 120

/** Wrong user codes by one address within a minute. */
const MAX_WRONG_CODES = 20

const TOKEN_KEY = 'oidc-tokens'
const COOKIE_KEY = 'oidc-cookies'

/**
 * Opens the issuer: its token key (P-256) and the key behind its cookies are made in the key store on first use.
 * Access tokens are not used here; where OAuth 2.0 wants one the answer repeats the identity token, because sigstore-python reads it there.
 */
export async function createIssuer(deps: IssuerDeps): Promise<EmbeddedIssuer> {
  const url = new URL(deps.publicUrl)
  const key = deps.watchKey(await openKey(deps.keys, TOKEN_KEY, 'ecdsa-p256'))
  const flows = new AttemptLimit(deps.clock, MAX_NEW_FLOWS)
  const wrongCodes = new AttemptLimit(deps.clock, MAX_WRONG_CODES)
  const onRecord = new WeakMap<IncomingMessage, Promise<void>>()
  const visitors = new WeakMap<IncomingMessage, { person: SignedInPerson; code: string | undefined }>()
  const settings = providerSettings({
    adapter: providerRecords(deps.database, deps.clock),
    signer: new TokenSigner(key),
    cookieKey: await cookieKey(deps.keys),
    secureCookies: url.protocol === 'https:',
    findPerson: (sub) => deps.findPerson(sub),
    personOf: (ctx) => visitors.get(ctx.req)?.person,
    linkedCode: (ctx) => visitors.get(ctx.req)?.code,
    codeFailed: (ctx) => wrongCodes.count(ctx.req.socket.remoteAddress ?? ''),
  })
  const provider = new Provider(`${deps.publicUrl}${MOUNT}`, settings)
  // Addresses are built from the headers that `handler` sets, not from the caller's.
  provider.proxy = true
  provider.on('server_error', (_ctx, error) => deps.failed(error))
  const koa: EventEmitter = provider
  koa.on('error', (error: unknown) => deps.failed(error))
  provider.on('grant.revoked', (ctx) => {
    const { RefreshToken, DeviceCode, AuthorizationCode } = ctx.oidc.entities
    const sub = (RefreshToken ?? DeviceCode ?? AuthorizationCode)?.accountId
    const reason = ctx.oidc.route === 'revocation' ? 'signed out' : 'used twice'
    if (sub !== undefined) onRecord.set(ctx.req, deps.signInEnded(sub, reason))
  })
  provider.use(async (ctx, next) => {
    if (isNewFlow(ctx.path)) flows.count(ctx.req.socket.remoteAddress ?? '')
    await next()
    await onRecord.get(ctx.req)
    completeAnswer(ctx.path, ctx.body)
  })
  provider.use(async (ctx, next) => {
    if (ctx.path !== '/device') return next()
    const person = await deps.signedIn(ctx.get('cookie'))
    if (!person) return answerPage(ctx, 403, invitationNeededPage())
    if (wrongCodes.isOver(ctx.req.socket.remoteAddress ?? '')) return answerPage(ctx, 429, tooManyCodesPage())
    const { user_code: code } = ctx.query
    visitors.set(ctx.req, { person, code: ctx.method === 'GET' && typeof code === 'string' ? code : undefined })
    // Left to itself the provider answers a linked code with a page that posts itself by script.
    if (ctx.method === 'GET') ctx.querystring = ''
    await next()
  })
  const callback = provider.callback()

  return {
    tokens: {
      url: `${deps.publicUrl}${MOUNT}`,
      kind: 'email',
      audience: CLIENT_ID,
      keys: embeddedKeys(key),
      isCurrent: (sub) => deps.findPerson(sub) !== undefined,
    },
    sessionCookies: Object.values(settings.cookies?.names ?? {}).filter((name) => name !== undefined),
    async handler(request, response) {
      const path = mountedPath(request)
      if (isNewFlow(path) && flows.isOver(request.socket.remoteAddress ?? '')) return tooMany(response)
      const known = await tolerantRequest(request)
      if (known === undefined) return tooLarge(response)
      fixAddress(known, url, path)
      await callback(known, response)
    },
    async pending(request, response) {
      const { deviceCode, params, session } = await provider.interactionDetails(request, response).catch(refuseUnknown)
      const redirect = typeof params.redirect_uri === 'string' ? new URL(params.redirect_uri).origin : undefined
      return { deviceApproved: deviceCode !== undefined, redirectOrigin: redirect, sub: session?.accountId }
    },
    async approve(request, response, { sub }) {
      const grant = new provider.Grant({ accountId: sub, clientId: CLIENT_ID })
      grant.addOIDCScope('openid email offline_access')
      const consent = { grantId: await grant.save() }
      const result = { login: { accountId: sub, remember: false }, consent }
      await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
    },
    async refuse(request, response) {
      const result = { error: 'access_denied', error_description: 'the person refused' }
      await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
    },
  }
}

async function openKey(keys: KeyStore, name: string, algorithm: 'ecdsa-p256' | 'ed25519'): Promise<SigningKey> {
  return (await keys.has(name)) ? keys.open(name) : keys.create(name, algorithm)
}

/**
 * The secret that signs the provider's cookies: an Ed25519 signature is the same every time and cannot be made without the key,
 * which signs nothing else. So the secret is kept by the key store, sealed like every key, and is written nowhere.
 */
async function cookieKey(keys: KeyStore): Promise<string> {
  const key = await openKey(keys, COOKIE_KEY, 'ed25519')
  return hash('sha256', await key.sign(new TextEncoder().encode('countersign cookie key, version 1')), 'base64url')
}

function mountedPath(request: IncomingMessage): string {
  const path = request.url ?? '/'
  return path.startsWith(MOUNT) ? path.slice(MOUNT.length) || '/' : path
}

function fixAddress(request: IncomingMessage, url: URL, path: string): void {
  Object.assign(request, { url: path, originalUrl: `${MOUNT}${path}` })
  request.headers.host = url.host
  request.headers['x-forwarded-proto'] = url.protocol.slice(0, -1)
  delete request.headers['x-forwarded-host']
}

function refuseUnknown(error: unknown): never {
  if (!(error instanceof providerErrors.SessionNotFound)) throw error
  throw accountError('account.sign-in-unknown', 'no program waits for an answer from this browser', { cause: error })
}

function isNewFlow(path: string): boolean {
  return path === '/device/auth' || path === '/auth' || path.startsWith('/auth?')
}

function completeAnswer(path: string, body: unknown): void {
  if (typeof body !== 'object' || body === null) return
  // RFC 8628, 3.2 lets the interval out, and cosign then polls without a pause.
  if (path === '/device/auth' && 'device_code' in body) Object.assign(body, { interval: POLL_SECONDS })
  if (path === '/token' && 'id_token' in body) Object.assign(body, { access_token: body.id_token })
}

function answerPage(ctx: PageAnswer & { status: number }, status: number, page: string): void {
  ctx.status = status
  showPage(ctx, page)
}

function tooMany(response: ServerResponse): void {
  answerError(response, 429, 'slow_down', 'too many sign-ins were begun from this address; wait a minute')
}

function tooLarge(response: ServerResponse): void {
  answerError(response, 413, 'invalid_request', 'the form is larger than 16 KB')
}

function answerError(response: ServerResponse, status: number, error: string, description: string): void {
  const body = JSON.stringify({ error, error_description: description })
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(body)
}
