import { DEVICE_WRITES } from './powerCuts.ts'
import type { SeededRandom } from './seededRandom.ts'
import type { SimulatedDevice } from './simulatedDevice.ts'
import type { SimulatedTime } from './simulatedTime.ts'
import type { Site } from './site.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** What misfortunes happen to. */
export interface Stage {
  readonly time: SimulatedTime
  readonly random: SeededRandom
  readonly site: Site
  readonly devices: readonly SimulatedDevice[]
  /** Misfortunes begin only before this. */
  readonly untilMs: number
  /** Reports what a misfortune could not do. */
  readonly failed: (error: unknown) => void
}

type Misfortune = (device: SimulatedDevice, stage: Stage, random: SeededRandom) => void

/** Times that a wall clock may show, relative to the truth. */
const WRONG_CLOCKS_MS = [
  0,
  0,
  HOUR_MS,
  -HOUR_MS,
  Date.UTC(1970) - Date.UTC(2026, 11),
  Date.UTC(2060) - Date.UTC(2026, 11),
]

const deviceMisfortunes: readonly Misfortune[] = [
  function partition({ link }, { time }, random) {
    link.isUp = false
    time.at(time.nowMs + random.between(5 * MINUTE_MS, 12 * HOUR_MS), () => {
      link.isUp = true
    })
  },
  function lossyLink({ link }, { time }, random) {
    link.lossChance = random.between(0.02, 0.3)
    link.pushMischance = random.between(0.1, 0.9)
    time.at(time.nowMs + random.between(10 * MINUTE_MS, 6 * HOUR_MS), () => {
      link.lossChance = 0
      link.pushMischance = 0
    })
  },
  function mutedPushes({ link }, { time }, random) {
    link.isMuted = true
    time.at(time.nowMs + random.between(HOUR_MS, 8 * HOUR_MS), () => {
      link.isMuted = false
    })
  },
  function killedAgent(device, { time }, random) {
    device.killAgent()
    time.at(time.nowMs + random.between(10_000, 10 * MINUTE_MS), () => device.startAgent())
  },
  function powerCut(device, { time }, random) {
    device.powerOff()
    if (random.chance(0.3)) device.clockOffsetMs = random.pick(WRONG_CLOCKS_MS)
    time.at(time.nowMs + random.between(MINUTE_MS, 3 * HOUR_MS), () => device.powerOn())
  },
  function powerCutAtWrite(device, _stage, random) {
    const point = `${random.pick(DEVICE_WRITES)}:${random.pick(['before', 'after'])}`
    device.cutPowerAt({ point, passings: 1 + random.below(4), offMs: random.between(MINUTE_MS, 2 * HOUR_MS) })
  },
  function wrongClock(device, _stage, random) {
    device.clockOffsetMs = random.pick(WRONG_CLOCKS_MS)
  },
  function endedProgram(device, _stage, random) {
    const { running } = device.processes
    if (running.length > 0) device.processes.crash(random.pick(running).pid)
  },
  function snapshot(device, { time }, random) {
    device.takeSnapshot()
    time.at(time.nowMs + random.between(HOUR_MS, 10 * HOUR_MS), () => {
      device.powerOff()
      device.restoreSnapshot()
      time.at(time.nowMs + random.between(MINUTE_MS, HOUR_MS), () => device.powerOn())
    })
  },
]

/** Lets misfortunes happen to every device, a few a day each, and to instance and validator. */
export function scheduleMisfortunes(stage: Stage): void {
  for (const device of stage.devices) {
    const random = stage.random.fork(`misfortunes of ${device.name}`)
    repeat(
      stage,
      () => random.between(HOUR_MS, 10 * HOUR_MS),
      () => random.pick(deviceMisfortunes)(device, stage, random),
    )
  }
  const random = stage.random.fork('misfortunes of the site')
  repeat(
    stage,
    () => random.between(4 * HOUR_MS, 14 * HOUR_MS),
    () => void restartInstance(stage, random),
  )
  repeat(
    stage,
    () => random.between(3 * HOUR_MS, 10 * HOUR_MS),
    () => void restartValidator(stage, random),
  )
}

function repeat(stage: Stage, pauseMs: () => number, work: () => void): void {
  const atMs = stage.time.nowMs + pauseMs()
  if (atMs > stage.untilMs) return
  stage.time.at(atMs, () => {
    work()
    repeat(stage, pauseMs, work)
  })
}

async function restartInstance({ site, time, failed }: Stage, random: SeededRandom): Promise<void> {
  try {
    await site.stop()
    await time.wait(random.between(MINUTE_MS, 30 * MINUTE_MS))
    await site.start()
  } catch (error) {
    failed(error)
  }
}

async function restartValidator({ site, time, failed }: Stage, random: SeededRandom): Promise<void> {
  try {
    site.killValidator()
    await time.wait(random.between(MINUTE_MS, 30 * MINUTE_MS))
    await site.startValidator()
  } catch (error) {
    failed(error)
  }
}
