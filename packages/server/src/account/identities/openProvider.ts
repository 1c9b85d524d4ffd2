import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { AttemptLimit } from '../attemptLimit.ts'
import { accountError } from '../errors.ts'
import { CLIENT_ID } from './clientRequest.ts'
import { invitationNeededPage, type PageAnswer, showPage, tooManyCodesPage } from './devicePages.ts'
import { Provider, providerErrors } from './oidcProvider.ts'
import type { SignedInPerson } from './personDirectory.ts'
import { providerRecords } from './providerRecords.ts'
import { providerSettings } from './providerSettings.ts'
import { TokenSigner } from './tokenSigner.ts'

/** What the provider stands on. */
export interface ProviderDeps {
  /** `https://host[:port]/oidc`; every address that is given out begins with it. */
  readonly issuerUrl: string
  readonly database: Database
  readonly clock: Clock
  /** P-256; signs identity tokens. */
  readonly tokenKey: SigningKey
  /** Signs the provider's cookies. */
  readonly cookieSecret: string
  /** The person behind a `sub`, unless removed. */
  findPerson(sub: string): SignedInPerson | undefined
  /** The person whose browser session the `Cookie` header proves. */
  signedIn(cookies: string | undefined): Promise<SignedInPerson | undefined>
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

/** The OpenID Connect provider of the instance. */
export interface OpenProvider {
  /** Answers one request. Its path has no `/oidc`, and its headers name the public address. */
  answer(request: IncomingMessage, response: ServerResponse): Promise<void>
  /** The request that a browser on a sign-in page is about. Throws `account.sign-in-unknown` also where it is too old. */
  pending(request: IncomingMessage, response: ServerResponse): Promise<SignInRequest>
  /** Grants it, and sends the browser on. */
  approve(request: IncomingMessage, response: ServerResponse, person: SignedInPerson): Promise<void>
  /** Refuses it, and sends the browser on. */
  refuse(request: IncomingMessage, response: ServerResponse): Promise<void>
}

/** Seconds between two polls of a program that waits for its device code. */
const POLL_SECONDS = 2

/** Wrong user codes by one address within a minute. */
const MAX_WRONG_CODES = 20

/**
 * Sets the provider up. Access tokens are not used here; where OAuth 2.0 wants one the answer repeats the identity token,
 * because sigstore-python reads it there.
 */
export function openProvider(deps: ProviderDeps): OpenProvider {
  const wrongCodes = new AttemptLimit(deps.clock, MAX_WRONG_CODES)
  const onRecord = new WeakMap<IncomingMessage, Promise<void>>()
  const visitors = new WeakMap<IncomingMessage, { person: SignedInPerson; code: string | undefined }>()
  const settings = providerSettings({
    adapter: providerRecords(deps.database, deps.clock),
    signer: new TokenSigner(deps.tokenKey),
    cookieKey: deps.cookieSecret,
    secureCookies: deps.issuerUrl.startsWith('https:'),
    findPerson: (sub) => deps.findPerson(sub),
    personOf: (ctx) => visitors.get(ctx.req)?.person,
    linkedCode: (ctx) => visitors.get(ctx.req)?.code,
    codeFailed: (ctx) => wrongCodes.count(ctx.req.socket.remoteAddress ?? ''),
  })
  const provider = new Provider(deps.issuerUrl, settings)
  // Addresses are built from the headers that the issuer sets, not from the caller's.
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
    async answer(request, response) {
      await callback(request, response)
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

function refuseUnknown(error: unknown): never {
  if (!(error instanceof providerErrors.SessionNotFound)) throw error
  throw accountError('account.sign-in-unknown', 'no program waits for an answer from this browser', { cause: error })
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
