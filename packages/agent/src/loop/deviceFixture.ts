import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { type Clock, systemClock } from '@countersign/local/clock/clock.ts'
import { writeTrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import type { Knowledge } from '@countersign/protocol/decide/facts.ts'
import { loggedRecord } from '@countersign/protocol/decide/revokerFixture.ts'
import { testPolicy } from '@countersign/protocol/policy/policyFixture.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { RevocationRecord } from '@countersign/protocol/revocation/record.ts'
import { TEST_TIME } from '@countersign/protocol/x509/authorityFixture.ts'
import { certifyTestArtifact, validatorsOf } from '../../../../tests/vectors/bundle/certification.ts'
import { createTestInstance } from '../../../../tests/vectors/bundle/fixture.ts'
import { systemPrograms } from '../enforce/program.ts'
import { openWorld, type World } from '../enforce/world.ts'
import { releaseFolder } from '../releases/releaseFolder.ts'
import { programEntries, type TestEntry, testArchive } from '../releases/tarFixture.ts'
import { unpack } from '../releases/unpack.ts'
import { type DataFolder, dataFolder } from '../state/dataFolder.ts'
import { type DeviceTime, openDeviceTime } from '../state/deviceTime.ts'
import { openState, type StateStore } from '../state/stateStore.ts'
import type { InstalledRelease } from '../state/storedState.ts'
import { openJournal } from './journal.ts'
import { Steward } from './steward.ts'

const instance = createTestInstance()
const sha256Of = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')

/** A device of tests: real files, real processes, a signed and certified product `files`; no network. */
export class TestDevice {
  readonly folder: DataFolder
  readonly clock: Clock
  readonly time: DeviceTime
  readonly printed: string[] = []
  /** How wrong the wall clock is. */
  wallOffsetMs = 0
  store!: StateStore
  world!: World
  steward!: Steward
  #stop = new AbortController()
  readonly #path = mkdtempSync(join(tmpdir(), 'countersign-device-'))
  #number = 0n

  private constructor(policy: Partial<VerificationPolicy>, isTimeProven: boolean) {
    this.folder = dataFolder(join(this.#path, 'device'))
    const aheadMs = TEST_TIME.getTime() - Date.now()
    this.clock = { ...systemClock, now: () => new Date(Date.now() + aheadMs + this.wallOffsetMs) }
    this.time = openDeviceTime(this.clock, TEST_TIME)
    if (isTimeProven) this.time.prove(TEST_TIME)
    mkdirSync(this.folder.releases, { recursive: true })
    this.world = openWorld(anchors(policy, join(this.#path, 'anchors')), this.#knowledge([]), this.time)
  }

  static async make(policy: Partial<VerificationPolicy> = {}, isTimeProven = true): Promise<TestDevice> {
    const device = new TestDevice(policy, isTimeProven)
    await device.restart()
    await device.store.change((state) => ({
      ...state,
      needsFreshCheckpoint: false,
      assignment: { product: 'files', channel: 'stable' },
    }))
    return device
  }

  /** A new agent on the same folder; the old one was killed where nobody closed it. */
  async restart(): Promise<void> {
    const { folder, clock, world, time } = this
    this.#stop.abort()
    this.#stop = new AbortController()
    this.store = await openState(folder, TEST_TIME)
    const journal = openJournal(this.store, time, (line) => this.printed.push(line))
    const parts = { folder, store: this.store, world, clock, journal, programs: systemPrograms(clock) }
    this.steward = new Steward({ ...parts, signal: this.#stop.signal, changed: () => {} })
  }

  /**
   * Puts a release on the device as `install` leaves it: signed by a person, certified under its own number. `said` is the
   * version in its manifest, where that is another.
   */
  async install(
    version: string,
    counter: number,
    more: readonly TestEntry[] = [],
    said = version,
  ): Promise<InstalledRelease> {
    const artifact = testArchive(programEntries(said, more))
    const sha256 = sha256Of(artifact)
    this.#number += 1n
    const { signature, certification } = certifyTestArtifact(instance, {
      artifact,
      number: this.#number,
      claims: { product: 'files', version, sha256 },
    })
    const at = releaseFolder(this.folder, sha256)
    mkdirSync(at.path, { recursive: true })
    for (const [path, content] of [
      [at.archive, artifact],
      [at.signature, signature],
      [at.certification(0), certification],
    ] as const) {
      writeFileSync(path, content)
    }
    await unpack({ archive: at.archive, folder: at.files, sha256 })
    const release = {
      product: 'files',
      channel: 'stable',
      counter,
      version,
      sha256,
      signature: sha256Of(signature),
      certifications: [sha256Of(certification)],
      hasRun: false,
    }
    await this.store.change((state) => ({
      ...state,
      releases: [...state.releases, release],
      highest: [{ product: 'files', channel: 'stable', counter: Math.max(counter, state.highest[0]?.counter ?? 0) }],
    }))
    return release
  }

  /** What the feed brings: the certifications of these numbers, or these digests, have ended. */
  revoke(...ended: readonly (bigint | string)[]): void {
    this.revokeAdvising(ended.map((one) => [one, undefined]))
  }

  /** The same, each by a record with this advice. */
  revokeAdvising(ended: readonly (readonly [bigint | string, RevocationRecord['action']])[]): void {
    const authority = instance.certifications.certificate.keyId
    const common = { reason: 'follow-redirects before 1.15.4', issuedAt: TEST_TIME }
    const records = ended.map(([one, action], at) => {
      const said = { ...common, ...(action !== undefined && { action }) }
      return loggedRecord(
        typeof one === 'bigint'
          ? { scope: 'certifications', effect: 'ended', authority, numbers: [one], ...said }
          : { scope: 'digest', effect: 'blocked', digest: one, ...said },
        BigInt(at),
      )
    })
    this.world.replaceKnowledge(this.#knowledge(records))
  }

  /** The instance distributes another policy; what else it distributes stays. */
  setPolicy(changes: Partial<VerificationPolicy>): void {
    const { anchors: before } = this.world
    const { versions } = before
    this.world.replaceAnchors({
      ...before,
      policy: { ...before.policy, ...changes },
      versions: { ...versions, targets: versions.targets + 1, timestamp: versions.timestamp + 1 },
    })
  }

  /** No news since then. */
  lastHeard(freshness: Date | undefined): void {
    const { freshness: _before, ...knowledge } = this.world.knowledge
    this.world.replaceKnowledge({ ...knowledge, ...(freshness && { freshness }) })
  }

  /** Version and process id of what runs. */
  get runs(): { version: string; pid: number } | undefined {
    const { running } = this.steward
    return running && { version: running.loaded.release.version, pid: running.program.record.pid }
  }

  get events(): string[] {
    return this.store.current.events.map(({ kind, code }) => (code === undefined ? kind : `${kind} ${code}`))
  }

  async close(): Promise<void> {
    await this.steward.close()
    this.#stop.abort()
    rmSync(this.#path, { recursive: true, force: true })
  }

  #knowledge(records: Knowledge['records']): Knowledge {
    return { freshness: this.time.now(), source: 'fetched', witnessed: true, records }
  }
}

function anchors(changes: Partial<VerificationPolicy>, folder: string): Anchors {
  const issuer = validatorsOf(instance)
  const policy = testPolicy({
    environment: 'development',
    anchors: [],
    identities: [{ issuer: 'https://sign.example.com/oidc', subject: { any: true } }],
    validators: { required: 1, of: [{ name: 'embedded', issuer, subject: `${issuer}/embedded` }] },
    ...changes,
  })
  const trustedRoot = Buffer.from(JSON.stringify(writeTrustedRoot(instance.trustedRoot)))
  return {
    url: 'https://sign.example.com',
    httpUrl: 'http://127.0.0.1:1',
    environment: 'development',
    rootSha256: '11'.repeat(32),
    addedAt: TEST_TIME,
    expires: new Date(TEST_TIME.getTime() + 90 * 86_400_000),
    versions: { root: 1, targets: 1, timestamp: 1 },
    policy,
    folder,
    target: () => trustedRoot,
    otherTargets: new Map(),
  }
}
