import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { createHttpServer } from '@countersign/platform/http/server.ts'
import { createLogger, type Logger } from '@countersign/platform/telemetry/logger.ts'
import { signingCertificateRoute } from '@countersign/protocol/api/authority.ts'
import { SignJWT } from 'jose'
import { type TokenDeps, verifyIdentityToken } from '../packages/server/src/account/identities/verifyIdentityToken.ts'
import { openLog } from '../packages/server/src/log/openLog.ts'
import { ed25519Signer, treeHeadSigner } from '../packages/server/src/log/signers.ts'
import { openCertificateStore } from '../packages/server/src/trust/authority/certificateStore.ts'
import { createRoots } from '../packages/server/src/trust/authority/createRoots.ts'
import { identityTemplate } from '../packages/server/src/trust/authority/identityProfile.ts'
import {
  type IdentityAuthority,
  issueIdentityCertificate,
} from '../packages/server/src/trust/authority/issueIdentityCertificate.ts'
import { currentIssuing } from '../packages/server/src/trust/authority/issuers.ts'
import { openTrustFixture, type TrustFixture } from '../packages/server/src/trust/trustFixture.ts'
import type { BenchOptions, BenchResult } from './benchResult.ts'
import { postLoad } from './postLoad.ts'

const DEFAULT_SECONDS = 8
const LIMIT_MS = 2000
const ISSUER = 'https://issuer.example.test'
const ORIGIN = 'sign.example.test:8443/ct'

/**
 * Identity certificates over plain HTTP, 128 connections: token and proof of possession verified, intent and result
 * durable, logged and published, SCT embedded. The limit is what one core could do if a certificate were nothing but its
 * signatures: three made, three checked (token, possession, and the finished certificate).
 */
export async function run({ say, seconds = DEFAULT_SECONDS }: BenchOptions): Promise<BenchResult> {
  say('making an instance with an identity authority and a certificate log')
  const folder = await mkdtemp(join(tmpdir(), 'countersign-bench-'))
  const trust = await openTrustFixture(folder, new Date())
  const logger = createLogger({ level: 'error', name: 'bench' })
  const { authority, close, token } = await openAuthority(trust, logger)
  const server = createHttpServer({ name: 'https', logger, errors: {} })
  server.mount(signingCertificateRoute, async ({ body, headers }) => {
    const request = { body, authorization: headers.authorization }
    const certificates = await issueIdentityCertificate(authority, request)
    return { signedCertificateEmbeddedSct: { chain: { certificates } } }
  })
  await server.listen({ host: '127.0.0.1', port: 0 })
  say(`measuring the limit: three P-256 signatures made and three checked, ${LIMIT_MS / 1000} s`)
  const limit = sixOperationsPerSecond()
  say(`posting requests for ${seconds} s`)
  const address = server.address()
  const port = address !== undefined && 'port' in address ? address.port : 0
  const { refused, ...load } = await postLoad({
    port,
    path: '/api/v2/signingCert',
    mediaType: 'application/json',
    bodies: Array.from({ length: 128 }, () => newRequest(token)),
    connections: 128,
    warmUpMs: 2000,
    measureMs: seconds * 1000,
  })
  await server.close()
  await close()
  await trust.close()
  await rm(folder, { recursive: true })
  if (refused > 0) throw new Error(`${refused} requests were refused`)
  return {
    name: 'issue',
    cores: availableParallelism(),
    ...load,
    rssMb: process.memoryUsage.rss() / 1_048_576,
    limit: { name: 'three P-256 signatures made and three checked, one core', value: limit, unit: '/s' },
    ratioToLimit: load.perSecond / limit,
  }
}

async function openAuthority(trust: TrustFixture, logger: Logger) {
  await createRoots(trust, trust.facts)
  const sctKey = await trust.onlineKeys.create('ct-p256', 'ecdsa-p256')
  const lineKey = await trust.onlineKeys.create('ct-ed25519', 'ed25519')
  const log = await openLog(
    { ...trust, clock: systemClock, logger },
    {
      name: 'certificates',
      origin: ORIGIN,
      folder: 'logs/certificates',
      entriesAs: 'data',
      signers: [treeHeadSigner(ORIGIN, sctKey), ed25519Signer(ORIGIN, lineKey)],
      cosigners: [],
    },
  )
  const { deps, token } = await newIssuer()
  const authority: IdentityAuthority = {
    facts: trust.facts,
    clock: systemClock,
    template: identityTemplate(currentIssuing(await trust.issuers(), 'identities'), trust.facts),
    log,
    sctKey,
    store: await openCertificateStore(trust.database),
    verifyToken: (jwt) => verifyIdentityToken(deps, jwt),
  }
  return { authority, token, close: () => log.close() }
}

/** An issuer with one ES256 key, and a token of it. */
async function newIssuer(): Promise<{ deps: TokenDeps; token: string }> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const token = await new SignJWT({ email: 'me@example.test', email_verified: true })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer(ISSUER)
    .setSubject('subject-1')
    .setAudience('sigstore')
    .setIssuedAt()
    .setExpirationTime('10m')
    .sign(privateKey)
  const issuer = { url: ISSUER, kind: 'email', audience: 'sigstore', keys: { find: async () => publicKey } } as const
  return { deps: { clock: systemClock, issuers: { find: () => issuer } }, token }
}

function newRequest(token: string): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const content = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' })
  const proofOfPossession = sign('sha256', Buffer.from('me@example.test'), privateKey).toString('base64')
  const publicKeyRequest = { publicKey: { algorithm: 'ECDSA', content }, proofOfPossession }
  const body = { credentials: { oidcIdentityToken: token }, publicKeyRequest }
  return Buffer.from(JSON.stringify(body)).toString('base64')
}

function sixOperationsPerSecond(): number {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const message = Buffer.alloc(900)
  const startMs = performance.now()
  let count = 0
  for (; performance.now() - startMs < LIMIT_MS; count++) {
    for (let i = 0; i < 3; i++) verify('sha256', message, publicKey, sign('sha256', message, privateKey))
  }
  return (count / (performance.now() - startMs)) * 1000
}
