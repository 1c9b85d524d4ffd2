import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkAttention, checkDecisions, checkEndings } from './certificationChecker.ts'
import { DeviceChecker } from './deviceChecker.ts'
import { scheduleMisfortunes } from './misfortunes.ts'
import { type SeededRandom, seededRandom } from './seededRandom.ts'
import { SimulatedDevice } from './simulatedDevice.ts'
import { SimulatedTime } from './simulatedTime.ts'
import { Site } from './site.ts'
import { Story } from './story.ts'
import { Truth, type Violation } from './truth.ts'

/** What is simulated. */
export interface SimulationOptions {
  readonly seed: number
  readonly devices: number
  readonly hours: number
  /** Without misfortunes; then any alarm is a violation. */
  readonly honest: boolean
}

/** What came of it. */
export interface SimulationResult extends SimulationOptions {
  readonly violations: readonly Violation[]
  readonly versions: number
  readonly advisories: number
  readonly certifications: number
  readonly starts: number
  readonly recalls: number
  /** What was seen, line by line; the same for every run of one seed. */
  readonly story: Story
  readonly tookMs: number
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** Later than any program was made, so that no device's floor of time is above it. */
const START = new Date('2026-12-01T00:00:00Z')
const POLL_MS = 30 * MINUTE_MS
const REVIEW_MS = 15 * MINUTE_MS
const LOOK_MS = 5 * MINUTE_MS
const CALM_MS = 3 * HOUR_MS
const MAX_OFFLINE_MS = 4 * HOUR_MS
const FIRST_VERSION = '1.0.0'
const PACKAGES = ['router', 'parser', 'logger', 'colors', 'tar', 'mime', 'cookie', 'retry'] as const
const BOUNDS = {
  /** Poll with its spread, one that ends unlucky at a coarse tick, and the longest stop. */
  knownMs: POLL_MS * 1.1 + 2 * REVIEW_MS + LOOK_MS,
  offlineMs: MAX_OFFLINE_MS + HOUR_MS,
  leastOfflineMs: MAX_OFFLINE_MS - 2 * HOUR_MS,
  /** Two attempts that begin at coarse ticks, and the poll between them. */
  listensMs: 3 * REVIEW_MS,
  /** A push on a good way, the longest stop, and how seldom it is looked. */
  pushedMs: 20_000 + 2 * LOOK_MS,
}

interface World {
  readonly options: SimulationOptions
  readonly time: SimulatedTime
  readonly random: SeededRandom
  readonly truth: Truth
  readonly story: Story
  readonly site: Site
  readonly devices: SimulatedDevice[]
  readonly checkers: DeviceChecker[]
  readonly counts: { versions: number; advisories: number }
  readonly untilMs: number
}

/** Lives through a number of hours, then through calm ones in which everything has to settle. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const startedMs = performance.now()
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'countersign-simulation-'))
  try {
    const time = new SimulatedTime(START)
    const random = seededRandom(options.seed)
    const story = new Story(time, folder)
    const truth = new Truth(time, story)
    const site = new Site({ folder, time, random: random.fork('site'), truth, story })
    const untilMs = options.hours * HOUR_MS
    const counts = { versions: 0, advisories: 0 }
    const world: World = { options, time, random, truth, story, site, devices: [], checkers: [], counts, untilMs }
    await found(world)
    await enrolDevices(world, folder)
    const stage = { ...world, failed: (error: unknown) => truth.violated('everything opens again', String(error)) }
    if (!options.honest) scheduleMisfortunes(stage)
    lead(world)
    watch(world)
    await time.run(untilMs)
    await calmDown(world)
    return await result(world, performance.now() - startedMs)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Instance, validator, first advisory data, first release. */
async function found({ time, site, random, counts }: World): Promise<void> {
  await time.until(site.start())
  const { instance } = site
  if (instance === undefined) throw new TypeError('the instance is not there')
  await time.until(
    instance.changePolicy((policy) => ({
      ...policy,
      revokers: {
        ...policy.revokers,
        reach: { ...policy.revokers.reach, maxPercentOfGroup: 100, maxPercentOfCertifications: 100 },
      },
      maxStaleness: '2h',
      maxOffline: `${MAX_OFFLINE_MS / HOUR_MS}h`,
    })),
  )
  await time.until(site.startValidator(await time.until(instance.validatorTicket())))
  await time.until(site.importAdvisories())
  await time.until(site.submit(`1.${counts.versions++}.0`, choosePackages(random, site)))
  await time.run(time.nowMs + 5 * MINUTE_MS)
  await time.until(site.release())
  await time.until(site.assign({ kind: 'group', name: 'all' }))
}

async function enrolDevices(world: World, folder: string): Promise<void> {
  const { options, time, random, truth, story, site, devices, checkers } = world
  const around = {
    time,
    truth,
    story,
    instanceSinceMs: () => site.instanceSinceMs,
    versionOf: (sha256: string) => site.versionOf(sha256),
    artifactOf: (version: string) => site.artifactOf(version),
  }
  for (let at = 0; at < options.devices; at++) {
    const name = `device-${at}`
    const observer = new DeviceChecker(around, { ...BOUNDS, honest: options.honest })
    const device = new SimulatedDevice({
      name,
      folder: join(folder, name),
      time,
      random: random.fork(name),
      instance: () => site.instance?.answer,
      pollMs: POLL_MS,
      grainMs: REVIEW_MS,
      observer,
    })
    await time.until(device.enrol(await time.until(site.instance?.deviceTicket(name, 'all') as Promise<string>)))
    if (isPinned(at)) await time.until(site.assign({ kind: 'device', name }, FIRST_VERSION))
    observer.watch(device)
    device.startAgent()
    devices.push(device)
    checkers.push(observer)
  }
}

/** Every tenth device stays at the first version. */
function isPinned(at: number): boolean {
  return at % 10 === 9
}

/** What people do: versions, releases, advisories. */
function lead({ time, site, truth, random, counts, untilMs }: World): void {
  const chance = random.fork('people')
  const often = (pauseMs: () => number, work: () => Promise<unknown>) => {
    const atMs = time.nowMs + pauseMs()
    if (atMs > untilMs) return
    time.at(atMs, () => {
      work().catch((error) => truth.violated('people can work', String(error)))
      often(pauseMs, work)
    })
  }
  let newest: Record<string, string> = {}
  often(
    () => chance.between(HOUR_MS / 2, 3 * HOUR_MS),
    () => {
      newest = choosePackages(chance, site)
      return site.submit(`1.${counts.versions++}.0`, newest)
    },
  )
  often(
    () => 10 * MINUTE_MS,
    () => site.release(),
  )
  often(
    () => chance.between(HOUR_MS / 3, (3 * HOUR_MS) / 2),
    async () => {
      // Half of them speak of what was submitted last, or hardly anything that runs would ever end.
      const aimed = chance.chance(1 / 2) ? Object.keys(newest) : []
      const name = chance.pick(aimed.length > 0 ? aimed : PACKAGES)
      // Every third reaches nothing that is not fixed already.
      const below =
        site.fixedIn(name) + (aimed.length > 0 ? 1 + chance.below(3) : chance.chance(1 / 3) ? 0 : chance.below(4))
      if (await site.advise(name, below)) counts.advisories++
    },
  )
}

/** Three packages, as a rule without a known vulnerability; a careless developer does not look. */
function choosePackages(random: SeededRandom, site: Site): Record<string, string> {
  const isCareless = random.chance(0.2)
  const chosen = [0, 1, 2].map(() => {
    const name = random.pick(PACKAGES)
    const minor = isCareless ? 1 + random.below(9) : site.fixedIn(name) + random.below(3)
    return [name, `1.${minor}.0`]
  })
  return Object.fromEntries(chosen)
}

/** Looks at everything, from now on. */
function watch(world: World): void {
  const { options, time, site, truth, checkers } = world
  let looks = 0
  const look = async () => {
    const instance = site.instance?.instance
    for (const checker of checkers) checker.look()
    if (instance === undefined || ++looks % 2 === 1) return
    await truth.lookAtLogs(instance)
    if (site.validator !== undefined) await checkDecisions(instance, site.validator.validator, truth)
    if (options.honest) await checkAttention(instance, truth)
  }
  const again = () => {
    look().catch((error) => truth.violated('everything can be looked at', String(error)))
    time.at(time.nowMs + LOOK_MS, again)
  }
  const lookAtEndings = () => {
    const instance = site.instance?.instance
    if (instance !== undefined) truth.lookAtEndings(instance).catch(() => {})
    time.at(time.nowMs + MINUTE_MS / 2, lookAtEndings)
  }
  again()
  lookAtEndings()
}

/** No more misfortunes; what is broken is mended, and everything has time to settle. */
async function calmDown({ time, site, truth, devices }: World): Promise<void> {
  await time.run(time.nowMs + HOUR_MS)
  if (site.instance === undefined) await time.until(site.start())
  if (site.validator === undefined) await time.until(site.startValidator())
  for (const device of devices) {
    Object.assign(device.link, { isUp: true, lossChance: 0, pushMischance: 0, isMuted: false })
    device.clockOffsetMs = 0
    device.cutPowerAt()
    device.powerOn()
    device.startAgent()
  }
  await time.run(time.nowMs + CALM_MS)
  const instance = site.instance?.instance
  if (instance === undefined) throw new TypeError('the instance is not there')
  await time.until(checkEndings(instance, truth, (sha256) => site.isAffected(sha256)))
  for (const { name, processes } of devices) {
    for (const { sha256 } of processes.running) {
      if (site.isAffected(sha256)) truth.violated('in the end no ended code runs', `${name}: ${site.versionOf(sha256)}`)
    }
    if (processes.running.length > 1) truth.violated('a device runs one program', name)
  }
  for (const [at, device] of devices.entries()) checkRuns(device, isPinned(at), site, truth)
}

/** Whatever came in between: a device runs what it is to run, where that is good. */
function checkRuns({ name, processes }: SimulatedDevice, pinned: boolean, site: Site, truth: Truth): void {
  const wanted = pinned ? site.artifactOf(FIRST_VERSION) : site.newestRelease
  if (wanted === undefined || site.isAffected(wanted)) return
  const runs = processes.running.map(({ sha256 }) => site.versionOf(sha256))
  if (runs.join() !== site.versionOf(wanted)) {
    truth.violated(
      'in the end every device runs what it is to run',
      `${name} runs ${runs.join()}, not ${site.versionOf(wanted)}`,
    )
  }
}

async function result(world: World, tookMs: number): Promise<SimulationResult> {
  const { options, truth, story, site, checkers, counts, time } = world
  const lines = checkers.flatMap(({ journal }) => journal.map(({ line }) => line))
  const count = (word: string) => lines.filter((line) => line.startsWith(`${word} `)).length
  // Where nothing runs, nothing can go wrong.
  if (count('started') === 0) truth.violated('a world shows something', 'no program was ever started')
  const { certifications } = await time.until(
    site.validator?.validator.store.counts() as Promise<{ certifications: Record<string, number> }>,
  )
  return {
    ...options,
    ...counts,
    violations: truth.violations,
    certifications: Object.values(certifications).reduce((sum, one) => sum + one, 0),
    starts: count('started'),
    recalls: count('revoked'),
    story,
    tookMs: Math.round(tookMs),
  }
}
