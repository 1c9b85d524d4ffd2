import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { manualClock } from '@countersign/local/clock/manualClock.ts'
import { exportJWK, type JWTPayload, SignJWT } from 'jose'
import type { IssuerKind } from './identity.ts'
import { importKeys, selectKey } from './importKeys.ts'
import { type TokenDeps, type TokenIssuer, verifyIdentityToken } from './verifyIdentityToken.ts'

const NOW = 1_780_000_000
const ISSUER = 'https://id.example.org'
const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com'

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ed = generateKeyPairSync('ed25519')
const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })

const jwks = await Promise.all(
  Object.entries({ ec, rsa, ed, weak }).map(async ([kid, { publicKey }]) => ({
    ...(await exportJWK(publicKey)),
    kid,
    use: 'sig',
  })),
)
const keys = importKeys(jwks)
const find: TokenIssuer['keys']['find'] = async (kid, algorithm) => selectKey(keys, kid, algorithm)

function depsOf(...issuers: Partial<TokenIssuer>[]): TokenDeps {
  const listed = issuers.map((issuer) => ({
    url: ISSUER,
    kind: 'email' as IssuerKind,
    audience: 'sigstore',
    keys: { find },
    ...issuer,
  }))
  return {
    clock: manualClock(new Date(NOW * 1000)),
    issuers: { find: (url) => listed.find((issuer) => issuer.url === url) },
  }
}

const deps = depsOf({}, { url: GITHUB_ISSUER, kind: 'github-workflow' })

interface Shape {
  claims?: JWTPayload & Record<string, unknown>
  without?: string
  kid?: string | undefined
  alg?: string
  key?: KeyObject
}

const EMAIL_CLAIMS = {
  iss: ISSUER,
  aud: 'sigstore',
  sub: 's-1',
  iat: NOW,
  exp: NOW + 300,
  email: 'me@example.org',
  email_verified: true,
}

async function token({
  claims = {},
  without,
  kid = 'ec',
  alg = 'ES256',
  key = ec.privateKey,
}: Shape = {}): Promise<string> {
  const payload: Record<string, unknown> = { ...EMAIL_CLAIMS, ...claims }
  if (without !== undefined) delete payload[without]
  return new SignJWT(payload as JWTPayload).setProtectedHeader(kid === '' ? { alg } : { alg, kid }).sign(key)
}

function part(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

function refuses(name: string, code: string, make: () => Promise<string> | string, of: TokenDeps = deps): void {
  test(`refuses ${name} with ${code}`, async () => {
    await assert.rejects(verifyIdentityToken(of, await make()), { code })
  })
}

test('takes a token of an e-mail issuer, and keeps its subject out of the certificate', async () => {
  assert.deepEqual(await verifyIdentityToken(deps, await token()), {
    issuer: ISSUER,
    subject: 's-1',
    email: 'me@example.org',
    kind: 'email',
    san: { type: 'email', value: 'me@example.org' },
    claims: { issuer: ISSUER },
    challenges: ['me@example.org', 's-1'],
  })
})

for (const [alg, kid, key] of [
  ['RS256', 'rsa', rsa.privateKey],
  ['PS256', 'rsa', rsa.privateKey],
  ['EdDSA', 'ed', ed.privateKey],
] as const) {
  test(`takes a token signed with ${alg}`, async () => {
    assert.equal((await verifyIdentityToken(deps, await token({ alg, kid, key }))).email, 'me@example.org')
  })
}

test('takes several audiences, and a token without key id where only one key fits', async () => {
  await verifyIdentityToken(deps, await token({ claims: { aud: ['other', 'sigstore'] } }))
  await verifyIdentityToken(deps, await token({ kid: '' }))
})

test('clocks may differ by half a minute', async () => {
  await verifyIdentityToken(deps, await token({ claims: { iat: NOW + 30, nbf: NOW + 30 } }))
  await verifyIdentityToken(deps, await token({ claims: { iat: NOW - 330, exp: NOW - 29 } }))
})

refuses('no token', 'account.token-missing', () => '')
refuses('a token of 1 MB', 'account.token-too-large', async () => `${await token()}${'A'.repeat(1024 * 1024)}`)
refuses('a megabyte of dots', 'account.token-too-large', () => '.'.repeat(1024 * 1024))
refuses('two parts', 'account.token-malformed', async () => (await token()).split('.').slice(0, 2).join('.'))
refuses('four parts', 'account.token-malformed', async () => `${await token()}.AA`)
refuses('another alphabet', 'account.token-malformed', async () => (await token()).replace(/^./, '+'))
refuses('a header that is not JSON', 'account.token-malformed', () => `${part('{')}.${part(EMAIL_CLAIMS)}.AAAA`)
refuses('a header that is an array', 'account.token-malformed', () => `${part(['ES256'])}.${part(EMAIL_CLAIMS)}.AAAA`)
refuses(
  'a payload that is not an object',
  'account.token-malformed',
  () => `${part({ alg: 'ES256' })}.${part('"x"')}.AAAA`,
)
refuses(
  'a key twice in the payload',
  'account.token-malformed',
  () => `${part({ alg: 'ES256' })}.${part('{"iss":"a","iss":"b"}')}.AAAA`,
)
refuses(
  'a payload nested too deeply',
  'account.token-malformed',
  () => `${part({ alg: 'ES256' })}.${part('['.repeat(5000) + ']'.repeat(5000))}.AAAA`,
)
refuses(
  'extensions it demands',
  'account.token-malformed',
  () => `${part({ alg: 'ES256', crit: ['b64'], b64: false })}.${part(EMAIL_CLAIMS)}.AAAA`,
)
refuses(
  'a key id that is an object',
  'account.token-malformed',
  () => `${part({ alg: 'ES256', kid: {} })}.${part(EMAIL_CLAIMS)}.AAAA`,
)
refuses('alg none', 'account.token-unsigned', () => `${part({ alg: 'none' })}.${part(EMAIL_CLAIMS)}.`)
refuses(
  'alg nOnE with a signature',
  'account.token-unsigned',
  () => `${part({ alg: 'nOnE' })}.${part(EMAIL_CLAIMS)}.AAAA`,
)
refuses('a signature cut off', 'account.token-unsigned', async () => (await token()).replace(/[^.]*$/, ''))
refuses('no algorithm at all', 'account.token-algorithm', () => `${part({})}.${part(EMAIL_CLAIMS)}.AAAA`)
refuses('ES384', 'account.token-algorithm', () => `${part({ alg: 'ES384' })}.${part(EMAIL_CLAIMS)}.AAAA`)
refuses('an embedded key (jwk header) of a stranger', 'account.token-signature', async () => {
  const header = { alg: 'ES256', kid: 'ec', jwk: await exportJWK(stranger.publicKey) }
  return new SignJWT(EMAIL_CLAIMS).setProtectedHeader(header).sign(stranger.privateKey)
})
refuses('HS256 signed with the public key (algorithm confusion)', 'account.token-algorithm', () => {
  const input = `${part({ alg: 'HS256', kid: 'ec' })}.${part(EMAIL_CLAIMS)}`
  const secret = ec.publicKey.export({ type: 'spki', format: 'pem' })
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
})
refuses('RS256 with the id of an EC key', 'account.token-key-unknown', () =>
  token({ alg: 'RS256', kid: 'ec', key: rsa.privateKey }),
)
refuses('an RSA key of 1024 bits', 'account.token-key-unknown', () => {
  return `${part({ alg: 'RS256', kid: 'weak' })}.${part(EMAIL_CLAIMS)}.AAAA`
})
refuses('an unknown key id', 'account.token-key-unknown', () => token({ kid: 'other' }))
refuses('another issuer', 'account.token-issuer', () => token({ claims: { iss: 'https://evil.example.org' } }))
refuses('an issuer with a slash more', 'account.token-issuer', () => token({ claims: { iss: `${ISSUER}/` } }))
refuses('no issuer', 'account.token-issuer', () => token({ without: 'iss' }))
refuses('another audience', 'account.token-audience', () => token({ claims: { aud: 'other' } }))
refuses('no audience', 'account.token-audience', () => token({ without: 'aud' }))
refuses('a stranger’s signature', 'account.token-signature', () => token({ key: stranger.privateKey }))
refuses('a changed payload', 'account.token-signature', async () => {
  const [header, , signature] = (await token()).split('.')
  return `${header}.${part({ ...EMAIL_CLAIMS, email: 'boss@example.org' })}.${signature}`
})
refuses('a signature of a wrong length', 'account.token-signature', async () =>
  (await token()).replace(/[^.]*$/, 'AAAA'),
)
refuses('an expired token', 'account.token-expired', () => token({ claims: { iat: NOW - 600, exp: NOW - 31 } }))
refuses('a token issued in the future', 'account.token-not-yet-valid', () =>
  token({ claims: { iat: NOW + 3600, exp: NOW + 3900 } }),
)
refuses('a token not valid yet', 'account.token-not-yet-valid', () => token({ claims: { nbf: NOW + 60 } }))
refuses('no expiry', 'account.token-malformed', () => token({ without: 'exp' }))
refuses('no issue time', 'account.token-malformed', () => token({ without: 'iat' }))
refuses('an expiry beyond the year 9999', 'account.token-malformed', () => token({ claims: { exp: 1e15 } }))
refuses('no subject', 'account.token-malformed', () => token({ without: 'sub' }))
refuses('no e-mail address', 'account.token-email-missing', () => token({ without: 'email' }))
refuses('an address that is none', 'account.token-email-missing', () => token({ claims: { email: 'me' } }))
refuses('no email_verified', 'account.token-email-unverified', () => token({ without: 'email_verified' }))
refuses('email_verified false', 'account.token-email-unverified', () => token({ claims: { email_verified: false } }))
refuses('email_verified as text', 'account.token-email-unverified', () => token({ claims: { email_verified: 'true' } }))
refuses('a removed person', 'account.token-person-removed', () => token(), depsOf({ isCurrent: () => false }))

test('an expired token names both times and the clocks', async () => {
  const error = await verifyIdentityToken(deps, await token({ claims: { iat: NOW - 4000, exp: NOW - 3600 } })).catch(
    (e) => e,
  )
  assert.match(error.message, /3600 seconds.*compare the clocks/)
  assert.equal(error.detail.now, new Date(NOW * 1000).toISOString())
})

const WORKFLOW = {
  iss: GITHUB_ISSUER,
  sub: 'repo:acme/app:ref:refs/heads/main',
  event_name: 'push',
  sha: 'a'.repeat(40),
  workflow: 'release',
  repository: 'acme/app',
  ref: 'refs/heads/main',
  job_workflow_ref: 'acme/ci/.github/workflows/sign.yml@refs/tags/v1',
  job_workflow_sha: 'b'.repeat(40),
  runner_environment: 'github-hosted',
  repository_id: '1',
  repository_owner: 'acme',
  repository_owner_id: '2',
  workflow_ref: 'acme/app/.github/workflows/release.yml@refs/heads/main',
  workflow_sha: 'c'.repeat(40),
  run_id: '77',
  run_attempt: '2',
  repository_visibility: 'public',
}

test('a GitHub workflow becomes the claims that Fulcio writes', async () => {
  const identity = await verifyIdentityToken(deps, await token({ claims: { ...WORKFLOW, environment: 'prod' } }))
  assert.equal(identity.kind, 'github-workflow')
  assert.equal(identity.email, undefined)
  assert.deepEqual(identity.challenges, [WORKFLOW.sub])
  assert.deepEqual(identity.san, {
    type: 'uri',
    value: 'https://github.com/acme/ci/.github/workflows/sign.yml@refs/tags/v1',
  })
  assert.deepEqual(identity.claims, {
    issuer: GITHUB_ISSUER,
    githubWorkflowTrigger: 'push',
    githubWorkflowSha: 'a'.repeat(40),
    githubWorkflowName: 'release',
    githubWorkflowRepository: 'acme/app',
    githubWorkflowRef: 'refs/heads/main',
    buildSignerUri: 'https://github.com/acme/ci/.github/workflows/sign.yml@refs/tags/v1',
    buildSignerDigest: 'b'.repeat(40),
    runnerEnvironment: 'github-hosted',
    sourceRepositoryUri: 'https://github.com/acme/app',
    sourceRepositoryDigest: 'a'.repeat(40),
    sourceRepositoryRef: 'refs/heads/main',
    sourceRepositoryIdentifier: '1',
    sourceRepositoryOwnerUri: 'https://github.com/acme',
    sourceRepositoryOwnerIdentifier: '2',
    buildConfigUri: 'https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main',
    buildConfigDigest: 'c'.repeat(40),
    buildTrigger: 'push',
    runInvocationUri: 'https://github.com/acme/app/actions/runs/77/attempts/2',
    sourceRepositoryVisibilityAtSigning: 'public',
    deploymentEnvironment: 'prod',
    tokenSubject: WORKFLOW.sub,
  })
})

refuses('a workflow without its reference', 'account.token-claims', () =>
  token({ claims: WORKFLOW, without: 'job_workflow_ref' }),
)
refuses('a workflow claim with a line break', 'account.token-claims', () =>
  token({ claims: { ...WORKFLOW, ref: 'a\nb' } }),
)
refuses('a workflow claim that is too long', 'account.token-claims', () =>
  token({ claims: { ...WORKFLOW, workflow: 'x'.repeat(2000) } }),
)
