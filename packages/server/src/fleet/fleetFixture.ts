import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { enrol } from '@countersign/local/calls/est.ts'
import { migrate } from '@countersign/platform/database/migrate.ts'
import { createHttpServer, type HttpServer } from '@countersign/platform/http/server.ts'
import { outboxMigrations } from '@countersign/platform/outbox/migrations.ts'
import { createLogger } from '@countersign/platform/telemetry/logger.ts'
import { parseTicket } from '@countersign/protocol/api/ticket.ts'
import { testPolicy } from '@countersign/protocol/policy/policyFixture.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
import { createAuditTrail } from '../account/audit/auditTrail.ts'
import { accountMigrations } from '../account/migrations.ts'
import { MemoryAuditLog } from '../account/testAccount.ts'
import { openArtifactStore } from '../artifacts/artifactStore.ts'
import { artifactsMigrations } from '../artifacts/migrations.ts'
import { logMigrations } from '../log/migrations.ts'
import { createRoots } from '../trust/authority/createRoots.ts'
import { currentIssuer, currentIssuing } from '../trust/authority/issuers.ts'
import { issueTlsCertificate } from '../trust/authority/issueTlsCertificate.ts'
import { trustErrors } from '../trust/errors.ts'
import { trustMigrations } from '../trust/migrations.ts'
import { openTrustFixture } from '../trust/trustFixture.ts'
import { fleetErrors } from './errors.ts'
import { fleetMigrations } from './migrations.ts'
import { type Fleet, openFleet } from './openFleet.ts'
import { mountFleet } from './routes.ts'
import { createEnrolmentTicket } from './tickets.ts'

/** For tests: a fleet of its own with its listener on loopback. */
export interface FleetFixture {
  readonly fleet: Fleet
  readonly server: HttpServer
  readonly url: string
  readonly deviceRootPem: string
  readonly auditLog: MemoryAuditLog
  /** What was published, by target name. */
  readonly published: Map<string, Uint8Array>
  /** The policy that counts; a test may set another. */
  policy: VerificationPolicy
  /** How often devices were told to check in. */
  hints: number
  /** Sets the clock forward. */
  advance(ms: number): void
  close(): Promise<void>
}

/** A client as it enrolled. */
export interface FleetClient {
  readonly certificatePem: string
  readonly privateKeyPem: string
  readonly privateKey: KeyObject
}

/** For tests: roots, devices authority, fleet, and a listener that asks for client certificates. The clock is that of the day. */
export async function openFleetFixture(start: Date): Promise<FleetFixture> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-fleet-'))
  const trust = await openTrustFixture(folder, start)
  const { database, clock, facts, outbox } = trust
  await migrate(database, [
    ...outboxMigrations,
    ...logMigrations,
    ...trustMigrations,
    ...accountMigrations,
    ...artifactsMigrations,
    ...fleetMigrations,
  ])
  await createRoots(trust, facts)
  const issuers = await trust.certificates()
  const issuing = await trust.issuers()
  const auditLog = new MemoryAuditLog()
  const audit = await createAuditTrail({ log: auditLog, database, clock })
  const published = new Map<string, Uint8Array>()
  const fixture: Pick<FleetFixture, 'policy' | 'hints'> = { policy: testPolicy(), hints: 0 }
  const anchors = {
    publish: async (files: Readonly<Record<string, Uint8Array>>) => {
      for (const [name, bytes] of Object.entries(files)) published.set(name, bytes)
    },
    change: async (_name: string, change: (present: Uint8Array | undefined) => Promise<Uint8Array>) => {
      const next = await change(new TextEncoder().encode(JSON.stringify(fixture.policy)))
      fixture.policy = JSON.parse(new TextDecoder().decode(next))
    },
  }
  const fleet = await openFleet({
    facts,
    clock,
    database,
    outbox,
    audit,
    issuer: currentIssuing(issuing, 'devices'),
    issuers,
    rootHash: new Uint8Array(32),
    policy: async () => fixture.policy,
    policies: { audit, anchors },
    anchors,
    store: await openArtifactStore(join(folder, 'artifacts')),
    hintCheckIn: async () => void fixture.hints++,
  })
  const root = toPem(currentIssuer(issuers, 'device-root').certificate.raw)
  const tls = await issueTlsCertificate({ clock, issuer: currentIssuing(issuing, 'servers') }, facts, ['localhost'])
  const server = createHttpServer({
    name: 'https',
    logger: createLogger({ level: 'silent', name: 'test' }),
    errors: { ...trustErrors, ...fleetErrors },
    tls: { certificate: tls.certificatePem, key: tls.privateKeyPem },
    clientAuthorities: root + toPem(currentIssuing(issuing, 'devices').certificate.raw),
    checkReplies: true,
  })
  mountFleet([server], fleet)
  await server.listen({ host: '127.0.0.1', port: 0 })
  const { port } = server.address() as { port: number }
  return Object.assign(fixture, {
    fleet,
    server,
    url: `https://localhost:${port}`,
    deviceRootPem: root,
    auditLog,
    published,
    advance: (ms: number) => clock.advance(ms),
    async close() {
      await server.close()
      await trust.close()
      rmSync(folder, { recursive: true })
    },
  })
}

/** For tests: a fresh P-256 key. */
export function newClientKey(): KeyObject {
  const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' })
  return createPrivateKey(pem)
}

/** For tests: a ticket's secret for this member. */
export async function secretFor(
  fleet: Fleet,
  name: string,
  subject: 'devices' | 'validators' = 'devices',
): Promise<string> {
  const { ticket } = await createEnrolmentTicket(fleet, 'operator', {
    subject,
    name,
    group: 'default',
    validityHours: 24,
  })
  return parseTicket(ticket).secret ?? ''
}

/** For tests: enrols over TLS, as agents and validators do. */
export async function enrolClient(
  { fleet, url, deviceRootPem }: FleetFixture,
  name: string,
  subject: 'devices' | 'validators' = 'devices',
): Promise<FleetClient> {
  const privateKey = newClientKey()
  const secret = await secretFor(fleet, name, subject)
  const { clock } = fleet
  const { certificatePem } = await enrol({ url, deviceRootPem, name, secret, privateKey, clock })
  return { certificatePem, privateKey, privateKeyPem: String(privateKey.export({ type: 'pkcs8', format: 'pem' })) }
}
