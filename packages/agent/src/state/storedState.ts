import {
  arrayShape,
  countShape,
  flagShape,
  objectShape,
  optional,
  type Shaped,
  stringShape,
} from '@countersign/protocol/policy/shape.ts'

const name = stringShape('a name', /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/)
const words = stringShape('text', /^[^\0]*$/, 512)
const sha256 = stringShape('a SHA-256 digest', /^[0-9a-f]{64}$/)
const time = stringShape('a time', /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
const counter = countShape(1, Number.MAX_SAFE_INTEGER)
const count = countShape(0, Number.MAX_SAFE_INTEGER)

/** Installed releases that are remembered, and events that wait for the next report. */
export const MAX_RELEASES = 16
/** Events beyond this push out the oldest. */
export const MAX_EVENTS = 256

const installedRelease = objectShape({
  product: name,
  channel: name,
  counter,
  version: words,
  /** Of the artifact. */
  sha256,
  /** Of the text of the developer's bundle. */
  signature: sha256,
  /** Of the texts of the certifications' bundles. */
  certifications: arrayShape(sha256, { max: 16 }),
  /** Whether this device has run it: only such a release may be gone back to. */
  hasRun: flagShape,
})

const runningProcess = objectShape({
  sha256,
  pid: countShape(1, 2 ** 31),
  /** When the process started, in the kernel's own unit since boot; tells it from a later one of the same number. */
  startTicks: optional(stringShape('a number', /^\d{1,20}$/)),
  bootId: optional(stringShape('a boot id', /^[0-9a-f-]{1,64}$/)),
  /** Whom it runs as; absent where the system has no such numbers. */
  uid: optional(countShape(0, 2 ** 32)),
  /** Path of its control group; absent: the process group of `pid`. */
  controlGroup: optional(stringShape('a path', /^\/[^\0]*$/, 4096)),
  startedAt: time,
  port: countShape(1, 65_535),
})

const event = objectShape({ at: time, kind: stringShape('a word', /^\S{1,64}$/), code: optional(words), detail: words })

/** What a device remembers, as it lies on disk. Every change is durable before anything is done about it. */
export const storedStateShape = objectShape({
  v: countShape(1, 1),
  /** Of the last report that was made. */
  reportCounter: count,
  /** No time before this is believed. */
  timeFloor: time,
  /** Versions of the trust metadata; the anchors on disk must not be older. */
  tuf: objectShape({ root: count, targets: count, timestamp: count }),
  /** Size of the revocation log up to which every record has been acted on, decimal. */
  acknowledged: stringShape('a decimal number', /^\d{1,19}$/),
  /** True after a loss of state: nothing starts before one fresh checkpoint. */
  needsFreshCheckpoint: flagShape,
  assignment: optional(objectShape({ product: name, channel: name, pinned: optional(words) })),
  releases: arrayShape(installedRelease, { max: MAX_RELEASES }),
  /** Highest release counter ever installed; it never falls. */
  highest: arrayShape(objectShape({ product: name, channel: name, counter }), { max: 64 }),
  running: optional(runningProcess),
  /** Not reported yet, newest last. */
  events: arrayShape(event, { max: MAX_EVENTS }),
})

/** What a device remembers. */
export type StoredState = Shaped<typeof storedStateShape>
/** One release that is on this device. */
export type InstalledRelease = Shaped<typeof installedRelease>
/** A process that this device started, so that it can be found again. */
export type RunningProcess = Shaped<typeof runningProcess>
/** Something that happened here. */
export type DeviceEvent = Shaped<typeof event>

/** The state of a device that knows nothing yet. */
export function emptyState(timeFloor: Date, needsFreshCheckpoint: boolean): StoredState {
  return {
    v: 1,
    reportCounter: 0,
    timeFloor: timeFloor.toISOString(),
    tuf: { root: 0, targets: 0, timestamp: 0 },
    acknowledged: '0',
    needsFreshCheckpoint,
    releases: [],
    highest: [],
    events: [],
  }
}

/** The highest counter of a product's channel; 0 where none was installed. */
export function highestCounter(state: StoredState, product: string, channel: string): number {
  return state.highest.find((one) => one.product === product && one.channel === channel)?.counter ?? 0
}

/** The state with `event` appended; the oldest ones go where there are too many. */
export function withEvent(state: StoredState, event: DeviceEvent): StoredState {
  return { ...state, events: [...state.events, { ...event, detail: event.detail.slice(0, 512) }].slice(-MAX_EVENTS) }
}
