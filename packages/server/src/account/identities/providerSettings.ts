import type { AdapterFactory, Configuration, JWK, KoaContextWithOIDC } from 'oidc-provider'
import { CLIENT_ID } from './clientRequest.ts'
import { codeProblem, confirmCodePage, deviceDonePage, enterCodePage, problemPage, showPage } from './devicePages.ts'
import type { SignedInPerson } from './personDirectory.ts'
import type { TokenSigner } from './tokenSigner.ts'

/** A sign-in lasts this long, refreshed or not; then the person is invited again. */
export const SIGN_IN_SECONDS = 30 * 24 * 60 * 60

/** Identity tokens are used within seconds; this leaves room for a slow upload. */
export const ID_TOKEN_SECONDS = 5 * 60

const FLOW_SECONDS = 10 * 60

/** Names of the provider's own cookies. */
export const PROVIDER_COOKIES = {
  session: 'countersign_oidc',
  interaction: 'countersign_oidc_step',
  resume: 'countersign_oidc_resume',
} as const

/** What the settings stand on. */
export interface SettingsDeps {
  readonly adapter: AdapterFactory
  readonly signer: TokenSigner
  readonly cookieKey: string
  /** Cookies are `Secure`; false only for a server on plain HTTP, which is none but a test's. */
  readonly secureCookies: boolean
  /** The person behind a `sub`, unless removed. */
  findPerson(sub: string): SignedInPerson | undefined
  /** Whom the browser is signed in as; always known on the device pages. */
  personOf(ctx: KoaContextWithOIDC): SignedInPerson | undefined
  /** The user code in the link that was opened. */
  linkedCode(ctx: KoaContextWithOIDC): string | undefined
  /** Called for every user code that was wrong. */
  codeFailed(ctx: KoaContextWithOIDC): void
}

/** The whole configuration of the OpenID Connect provider. Everything that is not needed is off. */
export function providerSettings(deps: SettingsDeps): Configuration {
  const cookie = { httpOnly: true, sameSite: 'lax', secure: deps.secureCookies, signed: true } as const
  return {
    adapter: deps.adapter,
    jwks: { keys: [deps.signer as unknown as JWK] },
    clients: [
      {
        client_id: CLIENT_ID,
        client_name: 'Countersign',
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
        response_types: ['code'],
        response_modes: ['query'],
        id_token_signed_response_alg: 'ES256',
        // RFC 8252, 7.3: native clients use any port of the loopback address.
        redirect_uris: [
          'http://localhost/auth/callback',
          'http://127.0.0.1/auth/callback',
          'http://[::1]/auth/callback',
        ],
      },
    ],
    clientAuthMethods: ['none'],
    responseTypes: ['code'],
    scopes: ['openid', 'offline_access'],
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    // Without this the ID token would hold no address, and Sigstore clients read nothing else.
    conformIdTokenClaims: false,
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    pkce: { required: () => true },
    cookies: {
      keys: [deps.cookieKey],
      names: PROVIDER_COOKIES,
      long: cookie,
      short: cookie,
    },
    features: {
      deviceFlow: deviceFlow(deps),
      externalSigningSupport: { enabled: true, ack: 'experimental-01' },
      revocation: { enabled: true, allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId },
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      resourceIndicators: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
    },
    interactions: { url: (_ctx, interaction) => `/people/sign-in/${interaction.uid}` },
    findAccount: (_ctx, sub) => {
      const person = deps.findPerson(sub)
      return person && { accountId: sub, claims: async () => ({ sub, email: person.email, email_verified: true }) }
    },
    issueRefreshToken: async (_ctx, client, source) =>
      client.grantTypeAllowed('refresh_token') && source.scopes.has('offline_access'),
    rotateRefreshToken: true,
    expiresWithSession: async () => false,
    clientBasedCORS: () => false,
    renderError: (ctx, out) =>
      showPage(ctx, problemPage(out.error, out.error_description ?? 'The request cannot be answered.')),
    ttl: lifetimes,
  }
}

const lifetimes: Configuration['ttl'] = {
  AccessToken: ID_TOKEN_SECONDS,
  AuthorizationCode: 60,
  DeviceCode: FLOW_SECONDS,
  Grant: SIGN_IN_SECONDS,
  IdToken: ID_TOKEN_SECONDS,
  Interaction: FLOW_SECONDS,
  // Rotation does not extend a sign-in: the new token ends when the first one would have.
  RefreshToken: (ctx) => ctx?.oidc?.entities.RotatedRefreshToken?.remainingTTL ?? SIGN_IN_SECONDS,
  Session: FLOW_SECONDS,
}

function deviceFlow(deps: SettingsDeps): NonNullable<Configuration['features']>['deviceFlow'] {
  return {
    enabled: true,
    charset: 'base-20',
    mask: '****-****',
    // Address and browser of whoever asks are not kept.
    deviceInfo: () => ({}),
    userCodeInputSource: async (ctx, _form, _out, error) => {
      const linked = error === undefined ? deps.linkedCode(ctx) : undefined
      const person = deps.personOf(ctx)
      const { action, xsrf } = formOf(ctx)
      if (linked !== undefined && person !== undefined && (await isOpen(ctx, linked))) {
        return showPage(ctx, confirmCodePage(action, xsrf, linked, person))
      }
      const wrong =
        linked === undefined ? codeProblem(error) : 'This code has expired or was used. Start again from your terminal.'
      if (linked !== undefined || error?.name === 'NotFoundError') deps.codeFailed(ctx)
      showPage(ctx, enterCodePage(action, xsrf, wrong))
    },
    userCodeConfirmSource: (ctx, _form, _client, _info, userCode) => {
      const person = deps.personOf(ctx)
      if (person) showPage(ctx, confirmCodePage(formOf(ctx).action, formOf(ctx).xsrf, userCode, person))
    },
    successSource: (ctx) => showPage(ctx, deviceDonePage()),
  }
}

/** Where the provider's device forms are sent, and the secret it has put into its session against forged ones. */
function formOf(ctx: KoaContextWithOIDC): { action: string; xsrf: string } {
  const { secret } = (ctx.oidc.session?.state ?? {}) as { secret?: string }
  return { action: ctx.oidc.urlFor('code_verification'), xsrf: secret ?? '' }
}

async function isOpen(ctx: KoaContextWithOIDC, userCode: string): Promise<boolean> {
  const code = await ctx.oidc.provider.DeviceCode.findByUserCode(userCode.toUpperCase().replace(/\W/g, ''))
  return code !== undefined && !code.isExpired && !code.error && !code.accountId && !code.inFlight
}
