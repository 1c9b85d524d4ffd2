import { hash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { KeyStore, SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { AttemptLimit } from '../attemptLimit.ts'
import { CLIENT_ID, tolerantRequest } from './clientRequest.ts'
import { embeddedKeys } from './embeddedKeys.ts'
import type { OpenProvider, ProviderDeps } from './openProvider.ts'
import { PROVIDER_COOKIES } from './providerSettings.ts'
import type { TokenIssuer } from './verifyIdentityToken.ts'

/** A handler of Node's own requests, for what cannot be described as a route. */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** What the issuer stands on. */
export interface IssuerDeps extends Omit<ProviderDeps, 'issuerUrl' | 'tokenKey' | 'cookieSecret'> {
  /** `https://host[:port]`; every address the issuer gives out begins with it, whatever `Host` a request names. */
  readonly publicUrl: string
  readonly keys: KeyStore
  /** Lets the audit trail watch the key that signs tokens. */
  watchKey(key: SigningKey): SigningKey
}

/** The OpenID Connect issuer that is part of the instance. */
export interface EmbeddedIssuer extends Omit<OpenProvider, 'answer'> {
  /** `<public-url>/oidc`, with its keys at hand. */
  readonly tokens: TokenIssuer
  /** Serves everything under `/oidc`. */
  readonly handler: NodeHandler
  /** Names of the provider's own cookies, which end when another person signs in. */
  readonly sessionCookies: readonly string[]
}

const MOUNT = '/oidc'

/** Requests by one address within a minute that make a new record without anybody being signed in. */
const MAX_NEW_FLOWS = 120

const TOKEN_KEY = 'oidc-tokens'
const COOKIE_KEY = 'oidc-cookies'

/**
 * Opens the issuer: its token key (P-256) and the key behind its cookies are made in the key store on first use.
 * The provider itself is loaded by the first request that needs it: that takes a fifth of the time in which a server starts.
 */
export async function createIssuer(deps: IssuerDeps): Promise<EmbeddedIssuer> {
  const url = new URL(deps.publicUrl)
  const issuerUrl = `${deps.publicUrl}${MOUNT}`
  const tokenKey = deps.watchKey(await openKey(deps.keys, TOKEN_KEY, 'ecdsa-p256'))
  const cookieSecret = await readCookieSecret(deps.keys)
  const flows = new AttemptLimit(deps.clock, MAX_NEW_FLOWS)
  let opened: Promise<OpenProvider> | undefined
  const provider = () => {
    opened ??= import('./openProvider.ts').then(({ openProvider }) =>
      openProvider({ ...deps, issuerUrl, tokenKey, cookieSecret }),
    )
    return opened
  }

  return {
    tokens: {
      url: issuerUrl,
      kind: 'email',
      audience: CLIENT_ID,
      keys: embeddedKeys(tokenKey),
      isCurrent: (sub) => deps.findPerson(sub) !== undefined,
    },
    sessionCookies: Object.values(PROVIDER_COOKIES),
    async handler(request, response) {
      const path = mountedPath(request)
      const address = request.socket.remoteAddress ?? ''
      if (isNewFlow(path) && flows.isOver(address)) return tooMany(response)
      const known = await tolerantRequest(request)
      if (known === undefined) return tooLarge(response)
      if (isNewFlow(path)) flows.count(address)
      fixAddress(known, url, path)
      await (await provider()).answer(known, response)
    },
    pending: async (request, response) => (await provider()).pending(request, response),
    approve: async (request, response, person) => (await provider()).approve(request, response, person),
    refuse: async (request, response) => (await provider()).refuse(request, response),
  }
}

async function openKey(keys: KeyStore, name: string, algorithm: 'ecdsa-p256' | 'ed25519'): Promise<SigningKey> {
  return (await keys.has(name)) ? keys.open(name) : keys.create(name, algorithm)
}

/**
 * The secret that signs the provider's cookies: an Ed25519 signature is the same every time and cannot be made without the key,
 * which signs nothing else. So the secret is kept by the key store, sealed like every key, and is written nowhere.
 */
async function readCookieSecret(keys: KeyStore): Promise<string> {
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

function isNewFlow(path: string): boolean {
  const [place] = path.split('?', 1)
  return place === '/device/auth' || place === '/auth'
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
