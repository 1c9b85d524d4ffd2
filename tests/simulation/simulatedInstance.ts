import { hash } from 'node:crypto'
import type { Clock } from '@countersign/local/clock/clock.ts'
import type { HttpServer } from '@countersign/platform/http/server.ts'
import { startJobs } from '@countersign/platform/jobs/jobs.ts'
import type { Logger } from '@countersign/platform/telemetry/logger.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { Identity } from 'countersign-server/account/identities/identity.ts'
import { mountArtifacts } from 'countersign-server/artifacts/routes.ts'
import { embeddedTicket } from 'countersign-server/compose/embeddedTicket.ts'
import { type Instance, openInstance } from 'countersign-server/compose/openInstance.ts'
import { devicesOf } from 'countersign-server/fleet/devicesRunning.ts'
import { mountFleet } from 'countersign-server/fleet/routes.ts'
import { createEnrolmentTicket } from 'countersign-server/fleet/tickets.ts'
import { handleEvents, scheduledWork } from 'countersign-server/flow.ts'
import { mountLogRoutes } from 'countersign-server/log/routes.ts'
import { changePolicy } from 'countersign-server/trust/anchors/changePolicy.ts'
import { mountRevocations } from 'countersign-server/trust/revocationRoutes.ts'
import { mountTrust } from 'countersign-server/trust/routes.ts'
import type { Answering } from './simulatedNetwork.ts'
import { SimulatedServer } from './simulatedServer.ts'

/** What an instance needs. */
export interface InstanceDeps {
  readonly folder: string
  readonly clock: Clock
  /** Of scheduled work. */
  readonly jobsClock: Clock
  readonly logger: Logger
  /** Told of what must never happen: a log that stops, an invariant that failed. */
  readonly defect: (what: string, error: unknown) => void
  /** How much later than a real instance of this size asks it, devices visit again. */
  readonly visitEveryMs: number
}

/** The real instance, opened in this process: its database, logs, keys and operations; only its sockets are simulated. */
export interface SimulatedInstance {
  readonly instance: Instance
  readonly answer: NonNullable<Answering>
  validatorTicket(): Promise<string>
  deviceTicket(name: string, group: string): Promise<string>
  changePolicy(change: (policy: VerificationPolicy) => VerificationPolicy): Promise<void>
  /** Ends it as an operator does. */
  close(): Promise<void>
}

export const PUBLIC_URL = 'https://localhost:8443'
const OPERATOR = 'operator'

/** The developer, as the instance's own issuer would vouch for them. */
export const DEVELOPER: Identity = {
  issuer: `${PUBLIC_URL}/oidc`,
  subject: 'anna',
  email: 'anna@example.org',
  kind: 'email',
  san: { type: 'email', value: 'anna@example.org' },
  claims: { issuer: `${PUBLIC_URL}/oidc` },
  challenges: ['anna@example.org'],
}

/** Opens the instance in `folder`, or creates it there. */
export async function openSimulatedInstance(deps: InstanceDeps): Promise<SimulatedInstance> {
  const { folder, clock, logger, defect } = deps
  const opened = await openInstance({
    folder,
    requested: {},
    clock,
    logger,
    confirmCreation: async () => {},
    wrappingKey: async () => new Uint8Array(hash('sha256', 'the key file of a simulation', 'buffer')),
    rootPassphrase: async () => 'the passphrase of a simulation',
    stopped: (name, error) => defect(`the log ${name} stopped`, error),
  })
  // Signing in is another suite's business: whoever asks is the developer.
  const verifyToken = async () => DEVELOPER
  const { trust, artifacts } = opened
  const instance: Instance = {
    ...opened,
    trust: { ...trust, authority: { ...trust.authority, verifyToken } },
    artifacts: { ...artifacts, verifyToken },
  }
  const { outbox, audit, fleet } = instance
  const servers = mountAll(instance, deps)
  handleEvents(outbox, { audit, publishCrls: trust.publishCrls })
  outbox.start()
  const jobs = startJobs({ clock: deps.jobsClock, logger, jobs: scheduledWork(flowOf(instance)) })
  return {
    instance,
    answer: (request) => servers[request.url.protocol === 'https:' ? 'https' : 'http'].answer(request),
    validatorTicket: () => embeddedTicket(fleet),
    async deviceTicket(name, group) {
      const request = { subject: 'devices', name, group, validityHours: 24 } as const
      return (await createEnrolmentTicket(fleet, OPERATOR, request)).ticket
    },
    async changePolicy(change) {
      await changePolicy({ audit, anchors: trust.anchors }, { actor: OPERATOR, why: 'simulation', change })
    },
    async close() {
      await jobs.stop()
      await outbox.stop()
      await instance.close()
    },
  }
}

function flowOf(instance: Instance): Parameters<typeof scheduledWork>[0] {
  const { logs, audit, account, trust, revocations, fleet } = instance
  return {
    logs: Object.values(logs),
    audit,
    anchors: trust.anchors,
    floor: trust.timestamps.floor,
    sweepAccounts: account.sweep,
    compareCertificateLog: async () => void (await trust.revokeUnrecorded()),
    publishCrls: trust.publishCrls,
    finishRevocations: revocations.finish,
    tidyFleet: fleet.tidy,
    removeUnsubmitted: instance.removeUnsubmitted,
    renewTimestampSigner: instance.renewTimestampSigner,
    renewTls: async () => {},
  }
}

/** As `createListeners`, on listeners without sockets. */
function mountAll(instance: Instance, { defect, visitEveryMs }: InstanceDeps) {
  const { facts, logs, trust, revocations, artifacts, fleet, storage, audit } = instance
  const broken = (error: unknown) => defect('an invariant of the instance failed', error)
  const own = { https: new SimulatedServer('https', broken), http: new SimulatedServer('http', broken) }
  const servers = own as unknown as Record<'https' | 'http', HttpServer>
  const validatorOf = async (request: Parameters<typeof fleet.callers.validatorOf>[0]) =>
    fleet.callers.validatorOf(request)
  const all = [servers.https, servers.http]
  for (const server of all) mountLogRoutes(server, { logs, environment: facts.environment, roots: [] })
  mountTrust(all, { ...trust, blobs: storage.blobs, tokenIssuers: () => [], validatorOf })
  mountRevocations(
    { ...servers, admin: new SimulatedServer('admin', broken) as unknown as HttpServer },
    {
      facts,
      revocations,
      policies: { audit, anchors: trust.anchors },
      verifyToken: artifacts.verifyToken,
      validatorOf,
    },
  )
  mountArtifacts(all, { ...artifacts, validatorOf, devicesOf: (one) => devicesOf(storage.database, one) })
  mountFleet(all, fleet)
  own.https.change('checkIn', (reply) => ({ ...(reply as object), nextMs: visitEveryMs }))
  return own
}
