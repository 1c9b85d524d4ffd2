import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { createLogger } from '@countersign/platform/telemetry/logger.ts'
import { encodeBase64 } from '@countersign/protocol/json/base64.ts'
import { formatVkey } from '@countersign/protocol/log/note.ts'
import { defaultVerificationPolicy } from '@countersign/protocol/policy/defaultVerificationPolicy.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { revocationLeaf, revocationToSign } from '@countersign/protocol/revocation/envelope.ts'
import { type RevocationRecord, writeRecord } from '@countersign/protocol/revocation/record.ts'
import { certificationProof } from '@countersign/protocol/statement/certificationProof.ts'
import { openLog } from '../log/openLog.ts'
import { ed25519Signer, treeHeadSigner } from '../log/signers.ts'
import type { LogName, TransparencyLog } from '../log/transparencyLog.ts'
import { POLICY_TARGET } from './anchors/changePolicy.ts'
import { distributedPolicy } from './anchors/distributedPolicy.ts'
import type { CertifyingValidator } from './authority/certificationProfile.ts'
import type { CertificationRequest } from './authority/issueCertification.ts'
import { createTrust } from './createTrust.ts'
import { openOrCreateKey } from './openOrCreateKey.ts'
import { openTrust, type Trust } from './openTrust.ts'
import { openRevocations, type Revocations } from './revocation/openRevocations.ts'
import type { GroupReach } from './revocation/reachOf.ts'
import type { TrustFixture } from './trustFixture.ts'

/** A running authority with both logs it writes, for tests of certifications and revocation. */
export interface RunningTrust {
  readonly trust: Trust
  readonly revocations: Revocations
  readonly logs: { readonly certificates: TransparencyLog; readonly revocations: TransparencyLog }
  /** What the audit trail was told, oldest first. */
  readonly audited: { readonly kind: string; readonly detail: unknown }[]
  /** What `devicesRunning` answers. */
  groups: readonly GroupReach[]
  /** Closes the logs; the fixture stays open for the next start. */
  stop(): Promise<void>
}

/** Starts trust on `place` as a server does; again after a stop, it finds what was there. */
export async function startTrust(place: TrustFixture): Promise<RunningTrust> {
  if ((await place.certificates()).length === 0) await createTrust(place, place.facts)
  const sctKey = await openOrCreateKey(place.onlineKeys, 'ct-p256', 'ecdsa-p256')
  const certificates = await openTestLog(place, 'certificates', [treeHeadSigner(originOf('certificates'), sctKey)])
  const noteKey = await openOrCreateKey(place.onlineKeys, 'revocations', 'ed25519')
  const revocationLog = await openTestLog(place, 'revocations', [ed25519Signer(originOf('revocations'), noteKey)])
  const trust = await openTrust({
    ...place,
    keys: place.onlineKeys,
    certificateLog: certificates,
    sctKey,
    timeAtLeast: place.clock.now(),
    verifyToken: () => Promise.reject(new Error('not asked')),
  })
  const running: { groups: readonly GroupReach[] } = { groups: [] }
  const audited: { kind: string; detail: unknown }[] = []
  const revocations = await openRevocations({
    ...place,
    log: revocationLog,
    authority: trust.certifications.template.issuer.keyId,
    audit: {
      record: async ({ kind, detail }) => ({ index: BigInt(audited.push({ kind, detail })) }),
      intend: async (_trx, { kind, detail }) => ({ id: audited.push({ kind, detail }), leaf: new Uint8Array() }),
      settle: async ({ id }) => ({ index: BigInt(id) }),
    },
    policy: distributedPolicy(place.blobs),
    devicesRunning: async () => running.groups,
  })
  return Object.assign(running, {
    trust,
    revocations,
    audited,
    logs: { certificates, revocations: revocationLog },
    async stop() {
      revocations.close()
      await Promise.all([certificates.close(), revocationLog.close()])
    },
  })
}

/** A P-256 key pair with its public half as requests and policies carry it. */
export interface TestKey {
  readonly privateKey: KeyObject
  readonly spki: string
  readonly keyId: string
}

/** A fresh key pair. */
export function testKey(): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  return { privateKey, spki: encodeBase64(spki), keyId: createHash('sha256').update(spki).digest('hex') }
}

/** The default policy of the tests' instance with these keys as revokers. */
export function revokerPolicy(
  log: TransparencyLog,
  keys: VerificationPolicy['revokers']['keys'],
  changes: Partial<VerificationPolicy['revokers']> = {},
): VerificationPolicy {
  const named = {
    origin: log.origin,
    key: { vkey: formatVkey(log.noteKeys[0]!) },
    url: 'http://sign.example.test:8080',
  }
  const policy = defaultVerificationPolicy({
    environment: 'development',
    issuer: 'https://sign.example.test:8443/oidc',
    logs: { artifacts: named, certificates: named, revocations: named, audit: named },
    heartbeat: { name: 'sign.example.test/heartbeat', vkey: named.key.vkey },
  })
  return { ...policy, revokers: { ...policy.revokers, keys, ...changes } }
}

/** Distributes `policy`. */
export function distribute({ trust }: RunningTrust, policy: VerificationPolicy): Promise<void> {
  return trust.anchors.publish({ [POLICY_TARGET]: new TextEncoder().encode(JSON.stringify(policy)) })
}

/** A request for the certificate of a certification that ends after `days`. */
export function certificationRequest(
  { trust }: RunningTrust,
  {
    validator,
    sha256,
    key = testKey(),
    days = 90,
  }: { validator: CertifyingValidator; sha256: string; key?: TestKey; days?: number },
): CertificationRequest {
  const { facts, clock } = trust.certifications
  const until = new Date(Math.floor(clock.now().getTime() / 1000) * 1000 + days * 86_400_000)
  const notAfter = `${until.toISOString().slice(0, 19)}Z`
  const proved = certificationProof({
    sha256,
    notAfter: until,
    validator: `${facts.publicUrl}/validators/${validator.name}`,
  })
  const proofOfPossession = sign('sha256', proved, key.privateKey).toString('base64')
  return { publicKey: key.spki, proofOfPossession, sha256, notAfter }
}

/** A record as a leaf, signed by these keys. */
export function signedLeaf(record: RevocationRecord, ...keys: readonly TestKey[]): string {
  const payload = writeRecord(record)
  const signatures = keys.map((key) => ({ keyId: key.keyId, signature: signPayload(payload, key) }))
  return new TextDecoder().decode(revocationLeaf(payload, signatures))
}

/** What an approver signs. */
export function signPayload(payload: Uint8Array, { privateKey }: TestKey): Uint8Array {
  return new Uint8Array(sign('sha256', revocationToSign(payload), privateKey))
}

function originOf(name: 'certificates' | 'revocations'): string {
  return name === 'certificates' ? 'sign.example.test:8443/ct' : 'sign.example.test:8443/development/revocations'
}

function openTestLog(
  place: TrustFixture,
  name: LogName & ('certificates' | 'revocations'),
  signers: Parameters<typeof openLog>[1]['signers'],
): Promise<TransparencyLog> {
  // The log paces itself by waiting, which a clock that stands still never ends.
  const clock = { ...systemClock, now: () => place.clock.now() }
  const deps = { ...place, clock, logger: createLogger({ level: 'silent', name: 'test' }) }
  return openLog(deps, {
    name,
    origin: originOf(name),
    folder: `logs/${name}`,
    entriesAs: name === 'certificates' ? 'data' : 'entries',
    signers,
    cosigners: [],
    limits: { batchMs: 1 },
  })
}
