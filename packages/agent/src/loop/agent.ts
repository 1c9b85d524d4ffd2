import { type Anchors, openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { type FeedKnowledge, readKnowledge } from '@countersign/local/feed/knowledge.ts'
import { makeFolder } from '@countersign/local/files/durable.ts'
import { lockFolder } from '@countersign/local/files/lock.ts'
import { type Programs, systemPrograms } from '../enforce/program.ts'
import { programUser } from '../enforce/programUser.ts'
import { openWorld } from '../enforce/world.ts'
import { type NewsListener, readSize } from '../recall/follow.ts'
import type { DataFolder } from '../state/dataFolder.ts'
import { EARLIEST_TIME, openDeviceTime } from '../state/deviceTime.ts'
import { loadEnrolment } from '../state/enrolment.ts'
import { stateError } from '../state/errors.ts'
import { openState, type StateStore } from '../state/stateStore.ts'
import { type DeviceEvent, withEvent } from '../state/storedState.ts'
import { type DeviceParts, proveTime } from './deviceParts.ts'
import { isFreshCheckpoint } from './freshCheckpoint.ts'
import { openJournal } from './journal.ts'
import { Steward } from './steward.ts'

/** How an agent runs. */
export interface AgentOptions {
  readonly folder: DataFolder
  readonly clock: Clock
  /** Ends the agent and what it runs. */
  readonly signal: AbortSignal
  readonly port?: number
  /** A name or `uid:gid`; see `programUser`. */
  readonly user?: string
  /** Between two polls of the feed. */
  readonly pollMs: number
  /** One visit only; what runs then goes on without the agent. */
  readonly once: boolean
  /** Takes one line for people. */
  readonly print: (line: string) => void
  /** From 0 up to 1, for the spread of visits, polls and reconnections; `Math.random` where not given. */
  readonly random?: () => number
  /** The operating system's processes where not given. */
  readonly programs?: Programs
}

const REVIEW_MS = 1_000
const FLOOR_EVERY_MS = 60_000
const FIRST_RETRY_MS = 2_000
const MAX_RETRY_MS = 120_000
const MIN_VISIT_MS = 1_000
const MAX_VISIT_MS = 3_600_000
/** Anybody on the way can send hints; they make a device visit its instance no more often than this. */
const HINT_EVERY_MS = 3_000

/**
 * Runs the agent until `signal` aborts: takes over what runs, starts what may run by what is stored, then follows the feed and
 * visits the instance. A defect, or a disk that does not keep state, ends it; the program is stopped then as well.
 * Throws `state.*`, `anchors.*` for anchors that were changed on disk, `policy.*`, `files.*`.
 */
export async function runAgent(options: AgentOptions): Promise<void> {
  const { folder, print } = options
  const enrolment = await loadEnrolment(folder)
  const lock = await lockFolder(folder.path)
  // Ends the parts together: the first defect of one is the end of all.
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  try {
    const visit = wakeable()
    const deps = await openDevice(enrolment.rootSha256, enrolment.name, { ...options, signal }, visit.wake)
    const { steward } = deps
    try {
      await steward.adopt()
      await steward.settle()
      print(`ready ${enrolment.name} at ${enrolment.url}`)
      if (options.once) return await visitOnce(deps, options)
      await Promise.all([followWhile(deps, options, visit), visitWhile(deps, options, visit), watchTime(deps)])
    } finally {
      stop.abort()
      if (!options.once) await steward.close()
    }
  } catch (error) {
    if (!options.signal.aborted) throw error
  } finally {
    lock.release()
  }
}

async function openDevice(
  rootSha256: string,
  name: string,
  options: AgentOptions,
  changed: () => void,
): Promise<DeviceParts> {
  const { folder, clock, print, signal, port, programs = systemPrograms(clock, signal) } = options
  for (const [path, mode] of [
    [folder.releases, 0o755],
    [folder.work, 0o711],
  ] as const) {
    await makeFolder(path, { point: 'agent.folders', mode })
  }
  const store = await openState(folder, EARLIEST_TIME)
  const { anchors, knowledge, timeFloor } = await openTrusted(rootSha256, folder, store).catch(async (error) => {
    // Without trust there is nobody to watch what an agent before this one left running.
    if (store.current.running !== undefined) await programs.endRemains(store.current.running)
    throw error
  })
  const floor = Math.max(EARLIEST_TIME.getTime(), Date.parse(store.current.timeFloor), timeFloor?.getTime() ?? 0)
  const time = openDeviceTime(clock, new Date(floor))
  const journal = openJournal(store, time, print)
  const world = openWorld(anchors, knowledge, time)
  const user = programUser(options.user, folder.releases)
  const given = { ...(port !== undefined && { port }), ...(user && { user }) }
  const steward = new Steward({ folder, store, world, clock, journal, programs, signal, changed, ...given })
  return { folder, name, store, world, time, clock, journal, steward, signal }
}

/** The anchors and what is known by them. Throws `anchors.*`, `policy.*`, `feed.damaged`, `state.went-back`. */
async function openTrusted(rootSha256: string, folder: DataFolder, store: StateStore) {
  const anchors = await openAnchors(rootSha256, folder.trust)
  const { knowledge, timeFloor } = await readKnowledge(anchors)
  await refuseOlder(anchors, store)
  return { anchors, knowledge, timeFloor }
}

/**
 * Anchors older than what was acted on were put there by somebody. A feed that knows less than was acknowledged was lost, and
 * then nothing starts before a fresh checkpoint, as after any loss of state (design 8).
 */
async function refuseOlder(anchors: Anchors, store: StateStore): Promise<void> {
  const { tuf, acknowledged } = store.current
  const { root, targets, timestamp } = anchors.versions
  if (root < tuf.root || targets < tuf.targets || timestamp < tuf.timestamp) {
    throw stateError('state.went-back', `targets ${targets}, had ${tuf.targets}; root ${root}, had ${tuf.root}`)
  }
  if (BigInt(await readSize(anchors)) >= BigInt(acknowledged)) return
  await store.change((state) => ({ ...state, needsFreshCheckpoint: true }))
}

/** Follows the feed of the anchors that count, again when they are replaced. */
async function followWhile(deps: DeviceParts, { pollMs, random }: AgentOptions, visit: Wakeable): Promise<void> {
  const { follow } = await import('../recall/follow.ts')
  while (!deps.signal.aborted) {
    const { anchors, anchorsReplaced } = deps.world
    const signal = AbortSignal.any([deps.signal, anchorsReplaced])
    const checkInHint = (withinMs: number) => visit.wakeWithin(withinMs, deps, random)
    await follow(
      anchors,
      { ...newsListener(deps), checkInHint },
      { clock: deps.clock, signal, pollMs, ...(random && { random }) },
    )
  }
}

function newsListener(deps: DeviceParts): NewsListener {
  const { world, steward, store, time, clock, journal } = deps
  let verified: DeviceEvent | undefined
  return {
    async act({ knowledge, timeFloor }, cause, receivedAtMs) {
      if (timeFloor) time.raise(timeFloor)
      const hasNew = knowledge.records.length > world.knowledge.records.length
      world.replaceKnowledge(knowledge)
      const news = receivedAtMs === undefined ? undefined : { receivedAtMs, verifiedAtMs: clock.monotonicMs() }
      await steward.review(news)
      const detail = `${knowledge.records.length} records, by ${cause}`
      if (hasNew) verified = journal.event({ kind: 'verified', detail })
    },
    async acknowledge({ knowledge, size }) {
      // Nothing is fresh by a time that is not proven, and a start waits for this.
      if (store.current.needsFreshCheckpoint) await proveTime(deps)
      await takeFreshness(deps, knowledge, size, verified)
      verified = undefined
      startSoon(deps)
    },
    trouble: (error) => void journal.failure('feed', error, `feed ${error.code}`),
  }
}

/**
 * What was acted on is written down, in one go with the event that tells of it; a first fresh checkpoint after a loss of state
 * lets things start again.
 */
async function takeFreshness(
  { store, time, world }: DeviceParts,
  knowledge: FeedKnowledge['knowledge'],
  size: string,
  verified: DeviceEvent | undefined,
): Promise<void> {
  const isFresh = isFreshCheckpoint(knowledge, size, { time, store, policy: world.anchors.policy })
  await store.change((before) => {
    const state = verified === undefined ? before : withEvent(before, verified)
    const needsFreshCheckpoint = state.needsFreshCheckpoint && !isFresh
    const acknowledged = BigInt(size) > BigInt(state.acknowledged) ? size : state.acknowledged
    const isSame = needsFreshCheckpoint === state.needsFreshCheckpoint && acknowledged === state.acknowledged
    return isSame ? state : { ...state, needsFreshCheckpoint, acknowledged, timeFloor: time.floor().toISOString() }
  })
}

/** Starting takes its time and must not keep the next piece of news waiting. */
function startSoon({ steward }: DeviceParts): void {
  if (steward.running === undefined) void steward.settle()
}

/** Visits the instance until the end: when it asks for it, soon after a change, and with growing pauses where it is away. */
async function visitWhile(deps: DeviceParts, { random = Math.random }: AgentOptions, visit: Wakeable): Promise<void> {
  const { checkInPass } = await import('./checkInPass.ts')
  for (let retryMs = FIRST_RETRY_MS; ; ) {
    const nextMs = await checkInPass(deps)
    const waitMs = nextMs ?? retryMs * (0.5 + random())
    retryMs = nextMs === undefined ? Math.min(retryMs * 2, MAX_RETRY_MS) : FIRST_RETRY_MS
    await visit.wait(Math.min(Math.max(waitMs, MIN_VISIT_MS), MAX_VISIT_MS), deps)
  }
}

async function visitOnce(deps: DeviceParts, { clock }: AgentOptions): Promise<void> {
  const { followFeed } = await import('@countersign/local/feed/followFeed.ts')
  const { checkInPass } = await import('./checkInPass.ts')
  const { world, signal } = deps
  const listener = newsListener(deps)
  const hear = async () => {
    const followed = await followFeed(world.anchors, { clock, signal })
    await listener.act(followed, 'poll')
    await listener.acknowledge({ ...followed, cause: 'poll', size: await readSize(world.anchors) })
  }
  await proveTime(deps)
  await hear()
  await checkInPass(deps)
  await deps.steward.settle()
  // The server hears at once what became of it.
  await checkInPass(deps)
}

/** What comes with time alone: expiry, staleness, a clock that jumped; and a floor that is written down now and then. */
async function watchTime(deps: DeviceParts): Promise<void> {
  const { clock, signal, steward, store, time } = deps
  for (let writtenMs = clock.monotonicMs(); ; ) {
    await clock.sleep(REVIEW_MS, signal)
    steward.trimOutput()
    await steward.review()
    await proveTime(deps)
    if (clock.monotonicMs() - writtenMs < FLOOR_EVERY_MS) continue
    writtenMs = clock.monotonicMs()
    await store.change((state) => ({ ...state, timeFloor: time.floor().toISOString() }))
  }
}

interface Wakeable {
  /** Ends the wait of now, or the next one at once. */
  wake(): void
  /** Ends the wait at random within `ms`; hints that come before that, or too fast after it, change nothing. */
  wakeWithin(ms: number, deps: Pick<DeviceParts, 'clock' | 'signal'>, random?: () => number): void
  /** Waits at most `ms`, less where somebody wakes it. Rejects when the signal aborts. */
  wait(ms: number, deps: Pick<DeviceParts, 'clock' | 'signal'>): Promise<void>
}

function wakeable(): Wakeable {
  let waker = new AbortController()
  let nextHintMs = 0
  return {
    wake: () => waker.abort(),
    wakeWithin(ms, { clock, signal }, random = Math.random) {
      const nowMs = clock.monotonicMs()
      if (nowMs < nextHintMs) return
      const waitMs = random() * ms
      nextHintMs = nowMs + waitMs + HINT_EVERY_MS
      // Rejects only because the agent ends.
      clock.sleep(waitMs, signal).then(
        () => waker.abort(),
        () => undefined,
      )
    },
    async wait(ms, { clock, signal }) {
      try {
        await clock.sleep(ms, AbortSignal.any([signal, waker.signal]))
      } catch (error) {
        if (!waker.signal.aborted) throw error
      }
      signal.throwIfAborted()
      waker = new AbortController()
    },
  }
}
