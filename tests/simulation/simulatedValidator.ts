import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Network, withNetwork } from '@countersign/local/anchors/network.ts'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { type Jobs, startJobs } from '@countersign/platform/jobs/jobs.ts'
import type { Logger } from '@countersign/platform/telemetry/logger.ts'
import type { Catalogue } from '@countersign/protocol/sbom/catalogue.ts'
import { startWork } from 'countersign-validator/certify/work.ts'
import { openValidator, type Validator } from 'countersign-validator/compose/openValidator.ts'
import { readTold } from 'countersign-validator/compose/readStatus.ts'
import { handleEvents, scheduledWork } from 'countersign-validator/flow.ts'
import type { Version } from './developer.ts'
import type { Life } from './simulatedTime.ts'

/** What a validator of a simulation stands on. */
export interface ValidatorDeps {
  readonly folder: string
  readonly clock: Clock
  readonly logger: Logger
  readonly life: Life
  readonly network: Network
  /** For a folder in which nothing is enrolled. */
  readonly ticket?: string
  /** What the inspector would find in an artifact. */
  readonly versionOf: (sha256: string) => Version | undefined
}

/** The real validator in this process; only the inspector is simulated. */
export interface SimulatedValidator {
  readonly validator: Validator
  /** Takes over all that a folder holds, which says how new the data is. */
  importFrom(folder: string): Promise<void>
  /** Takes over a record as its publisher pushes it. */
  receive(record: Uint8Array): Promise<void>
  /** Its process is gone between two instructions. */
  kill(): void
}

/** Opens the validator in its folder, or enrols it there. */
export function openSimulatedValidator(deps: ValidatorDeps): Promise<SimulatedValidator> {
  return withNetwork(deps.network, () => open(deps))
}

async function open(deps: ValidatorDeps): Promise<SimulatedValidator> {
  const { folder, clock, logger, life, ticket, versionOf, network } = deps
  const validator = await openValidator({
    folder,
    clock,
    logger,
    wrappingKey: new Uint8Array(32).fill(7),
    allowUnprotected: true,
    ...(ticket !== undefined && { ticket }),
  })
  const certifying = {
    ...validator.certifying,
    inspect: async (artifact: { sha256: string; sizeBytes: number }) => {
      const version = versionOf(artifact.sha256)
      if (version === undefined) throw new TypeError('nobody made this artifact')
      return { catalogue: catalogueOf(version, artifact.sizeBytes), protections: [] }
    },
  }
  const { authority, trust, revokerKey, advisories, watch, outbox } = validator
  let jobs: Jobs | undefined
  const status = { validator, version: '1', startedAt: clock.now(), clock, jobs: () => jobs }
  const flow = {
    watch,
    putStatus: async () => authority.putStatus(await readTold(status)),
    renewTrust: async () => void (await trust.renew()),
    renewClient: () => validator.renewClient(),
    putRevokerKey: async () => void (await authority.putRevokerKey(revokerKey.spki)),
    syncAdvisories: async () => void (await advisories.sync()),
    followCertificates: async () => {},
    catalogueAgain: async () => {},
  }
  handleEvents(outbox, flow)
  await flow.putRevokerKey().catch(() => {})
  outbox.start()
  jobs = startJobs({ clock, logger, jobs: scheduledWork(flow) })
  startWork(certifying)
  return {
    validator,
    importFrom: (folder) => withNetwork(network, async () => void (await advisories.importFrom(folder))),
    receive: (record) => withNetwork(network, async () => void (await advisories.receive([record]))),
    kill() {
      life.isAlive = false
      for (const name of ['lock', 'lock-journal']) {
        if (existsSync(join(folder, name))) rmSync(join(folder, name))
      }
    },
  }
}

function catalogueOf({ version, sha256, packages }: Version, sizeBytes: number): Catalogue {
  const components = Object.entries(packages).map(([name, its]) => ({
    id: `node_modules/${name}`,
    purl: `pkg:npm/${name}@${its}`,
    ecosystem: 'npm',
    name,
    version: its,
    evidence: 'content' as const,
    files: 1,
  }))
  return {
    v: 1,
    artifact: { sha256, sizeBytes },
    manifest: { product: 'files', version, start: ['node', 'serve.js'], firstParty: ['serve.js'], stopTimeoutMs: 500 },
    components,
    dependencies: [{ from: '', to: components.map(({ id }) => id) }],
    gaps: [],
    scanner: { name: 'countersign-inspector', version: '1' },
  }
}
