import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Network, withNetwork } from '@countersign/local/anchors/network.ts'
import { createLogger, type Logger } from '@countersign/platform/telemetry/logger.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { assign } from 'countersign-server/fleet/assignments.ts'
import { publishRelease } from 'countersign-server/fleet/releases.ts'
import { submitVersion, type Version } from './developer.ts'
import type { SeededRandom } from './seededRandom.ts'
import { openSimulatedInstance, type SimulatedInstance } from './simulatedInstance.ts'
import { goodLink, simulatedNetwork } from './simulatedNetwork.ts'
import type { Life, SimulatedTime } from './simulatedTime.ts'
import { openSimulatedValidator, type SimulatedValidator } from './simulatedValidator.ts'
import type { Story } from './story.ts'
import type { Truth } from './truth.ts'

/** What a site stands on. */
export interface SiteDeps {
  readonly folder: string
  readonly time: SimulatedTime
  readonly random: SeededRandom
  readonly truth: Truth
  readonly story: Story
}

const VISIT_EVERY_MS = 3_600_000
const HEARTBEAT_MS = 1_800_000
const OPERATOR = 'operator'

/** The side of the instance: server, validator, developer and operator. */
export class Site {
  readonly #deps: SiteDeps
  readonly #logger: Logger
  readonly #versions = new Map<string, Version>()
  readonly #unreleased = new Set<string>()
  #newestRelease: string | undefined
  readonly #advisories: { readonly name: string; readonly below: number }[] = []
  #instance: SimulatedInstance | undefined
  #instanceSinceMs: number | undefined
  #validator: SimulatedValidator | undefined
  readonly #life: Life = { isAlive: true }

  constructor(deps: SiteDeps) {
    this.#deps = deps
    this.#logger = createLogger({ level: 'silent', name: 'simulation' })
  }

  get instance(): SimulatedInstance | undefined {
    return this.#instance
  }

  /** Since when the instance answers without a break. */
  get instanceSinceMs(): number | undefined {
    return this.#instanceSinceMs
  }

  get validator(): SimulatedValidator | undefined {
    return this.#validator
  }

  /** Opens the instance, or opens it again. */
  async start(): Promise<void> {
    const { folder, time, truth } = this.#deps
    const facts = { life: this.#life, offsetMs: () => 0, bootedAtMs: 0, phaseMs: 0 }
    const opened: SimulatedInstance = await openSimulatedInstance({
      folder: join(folder, 'server'),
      // Comments on the streams of news still come before a silent one is given up.
      clock: time.clock({ ...facts, grainMs: 40_000, grainUpToMs: 20_000 }),
      jobsClock: time.clock({ ...facts, grainMs: HEARTBEAT_MS, grainUpToMs: 60_000 }),
      logger: this.#logger,
      defect: (what, error) =>
        this.#instance === opened && truth.violated('the instance has no defect', `${what}: ${error}`),
      visitEveryMs: VISIT_EVERY_MS,
    })
    this.#instance = opened
    this.#instanceSinceMs = time.nowMs
    this.#deps.story.tell('instance', 'is open')
  }

  /** Ends the instance as an operator does. */
  async stop(): Promise<void> {
    const ending = this.#instance
    this.#deps.story.tell('instance', 'ends')
    this.#instance = undefined
    this.#instanceSinceMs = undefined
    await ending?.close()
  }

  /** Opens the validator; with a ticket the first time. */
  async startValidator(ticket?: string): Promise<void> {
    const { folder, time } = this.#deps
    const life = { isAlive: true }
    const facts = { life, offsetMs: () => 0, bootedAtMs: time.nowMs, phaseMs: 0 }
    this.#validator = await openSimulatedValidator({
      folder: join(folder, 'validator'),
      clock: time.clock({ ...facts, grainMs: HEARTBEAT_MS / 3, grainUpToMs: 60_000 }),
      logger: this.#logger,
      life,
      network: this.#network(life),
      versionOf: (sha256) => this.#versions.get(sha256),
      ...(ticket !== undefined && { ticket }),
    })
    this.#deps.story.tell('validator', 'is open')
  }

  /** The validator's process is gone. */
  killValidator(): void {
    this.#deps.story.tell('validator', 'is killed')
    this.#validator?.kill()
    this.#validator = undefined
  }

  /** The developer submits a version that holds these packages. */
  async submit(version: string, packages: Readonly<Record<string, string>>): Promise<void> {
    const instance = this.#instance
    if (instance === undefined) return
    const made = await withNetwork(this.#network(this.#life), () => submitVersion(instance.instance, version, packages))
    this.#deps.story.tell('developer', `submitted ${version}: ${JSON.stringify(packages)}`)
    this.#versions.set(made.sha256, made)
    this.#unreleased.add(made.sha256)
  }

  /** The operator releases what is certified, oldest first. */
  async release(): Promise<void> {
    for (const sha256 of this.#unreleased) {
      const instance = this.#instance
      if (instance === undefined) return
      try {
        await publishRelease(instance.instance.fleet, OPERATOR, { sha256, channel: 'stable' })
        this.#deps.story.tell('operator', `released ${this.versionOf(sha256)}`)
        this.#unreleased.delete(sha256)
        this.#newestRelease = sha256
      } catch (error) {
        if (!hasCode(error, 'fleet.not-certified')) throw error
      }
    }
  }

  /** What the group runs, or one device of it. */
  async assign(to: { kind: 'group' | 'device'; name: string }, pinned?: string): Promise<void> {
    const assignment = { product: 'files', channel: 'stable', ...(pinned !== undefined && { pinned }) }
    await assign((this.#instance as SimulatedInstance).instance.fleet, OPERATOR, { to, assignment })
  }

  /** The data that is there before anything happens, read whole: one advisory that reaches nothing. */
  async importAdvisories(): Promise<void> {
    const source = join(this.#deps.folder, 'advisories')
    mkdirSync(source)
    writeFileSync(join(source, 'GHSA-nobody.json'), this.#record('GHSA-nobody', 'nobody-uses-this', 1))
    await this.#validator?.importFrom(source)
  }

  /** An advisory arrives: every version of the package below 1.`below`.0 is vulnerable. False where nobody takes it. */
  async advise(name: string, below: number): Promise<boolean> {
    const id = `GHSA-${String(this.#advisories.length).padStart(4, '0').replaceAll(/[01]/g, 'x')}-${name}-${below}`
    const validator = this.#validator
    if (validator === undefined) return false
    await validator.receive(Buffer.from(this.#record(id, name, below)))
    this.#deps.story.tell('publisher', `advised against ${name} below 1.${below}.0`)
    this.#advisories.push({ name, below })
    return true
  }

  #record(id: string, name: string, below: number): string {
    const ranges = [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: `1.${below}.0` }] }]
    const affected = [{ package: { ecosystem: 'npm', name }, ranges }]
    const modified = this.#deps.time.date.toISOString()
    return JSON.stringify({ schema_version: '1.6.0', id, modified, affected, database_specific: { severity: 'HIGH' } })
  }

  /** The first minor version of a package that no advisory reaches. */
  fixedIn(name: string): number {
    return Math.max(1, ...this.#advisories.filter((one) => one.name === name).map(({ below }) => below))
  }

  /** The artifact that was released last. */
  get newestRelease(): string | undefined {
    return this.#newestRelease
  }

  /** Whether an advisory that arrived reaches what this artifact holds. */
  isAffected(sha256: string): boolean {
    const { packages } = this.#versions.get(sha256) as Version
    return this.#advisories.some(({ name, below }) => Number(packages[name]?.split('.')[1] ?? below) < below)
  }

  /** The version of an artifact, for messages. */
  versionOf(sha256: string): string {
    return this.#versions.get(sha256)?.version ?? sha256
  }

  /** The artifact of a version; undefined for one that nobody made. */
  artifactOf(version: string): string | undefined {
    return [...this.#versions.values()].find((one) => one.version === version)?.sha256
  }

  #network(life: Life): Network {
    const { time, random } = this.#deps
    return simulatedNetwork({ time, random, link: goodLink(), life, instance: () => this.#instance?.answer })
  }
}
