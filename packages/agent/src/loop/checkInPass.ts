import { refreshAnchors } from '@countersign/local/anchors/refreshAnchors.ts'
import type { CallTarget } from '@countersign/local/calls/call.ts'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { removeTree } from '@countersign/local/files/folderTree.ts'
import type { DeviceState } from '@countersign/protocol/api/devices.ts'
import type { ReleaseTarget } from '@countersign/protocol/release/releaseTarget.ts'
import { examine, refuseInstall } from '../enforce/examine.ts'
import type { World } from '../enforce/world.ts'
import { type ClientIdentity, instanceTarget, loadClientIdentity, renewWhenDue } from '../enrol/clientCertificate.ts'
import { readSize } from '../recall/follow.ts'
import { type CheckInReply, checkIn } from '../releases/checkIn.ts'
import { chooseRelease, requireSameProduct } from '../releases/chooseRelease.ts'
import { install } from '../releases/install.ts'
import { releaseFolder } from '../releases/releaseFolder.ts'
import { type InstalledRelease, MAX_RELEASES, type StoredState, withEvent } from '../state/storedState.ts'
import { type DeviceParts, proveTime } from './deviceParts.ts'
import { nameOf, type Steward } from './steward.ts'

/**
 * One visit to the instance: time, trust, report, then what is assigned is brought here and started. Each step that fails is an
 * event and leaves everything as it was; what runs goes on. Resolves with the milliseconds until the next visit, or undefined
 * where the instance was not reached.
 */
export async function checkInPass(deps: DeviceParts): Promise<number | undefined> {
  await proveTime(deps)
  await renewAnchors(deps)
  const identity = await clientIdentity(deps)
  const target = instanceTarget(deps.world.anchors, identity)
  const reply = await report(deps, target, identity)
  if (reply === undefined) return undefined
  await takeAssignment(deps, reply)
  if (await bring(deps, target)) await deps.steward.settle()
  return reply.nextMs
}

/** The device's own time: whoever sets the clock must not decide whether trust has expired. */
function deviceClock({ clock, time }: DeviceParts): Clock {
  return { ...clock, now: () => time.now() }
}

async function renewAnchors(deps: DeviceParts): Promise<void> {
  const { world, folder, store, journal, signal } = deps
  try {
    const { anchors } = await refreshAnchors(world.anchors, { clock: deviceClock(deps), config: folder.trust, signal })
    const { root, targets, timestamp } = anchors.versions
    await store.change((state) => {
      const { tuf } = state
      const isSame = tuf.root === root && tuf.targets === targets && tuf.timestamp === timestamp
      return isSame ? state : { ...state, tuf: { root, targets, timestamp } }
    })
    world.replaceAnchors(anchors)
    journal.settled('trust')
  } catch (error) {
    signal.throwIfAborted()
    await journal.failure('trustNotRenewed', error, 'trust')
  }
}

async function clientIdentity(deps: DeviceParts): Promise<ClientIdentity> {
  const { folder, name, world, journal, signal } = deps
  const identity = await loadClientIdentity(folder)
  try {
    return await renewWhenDue(identity, world.anchors, { folder, name, clock: deviceClock(deps) })
  } catch (error) {
    signal.throwIfAborted()
    await journal.failure('certificateNotRenewed', error, 'certificate')
    return identity
  }
}

async function report(
  { store, time, steward, world, journal, signal }: DeviceParts,
  target: CallTarget,
  { privateKeyPem }: ClientIdentity,
): Promise<CheckInReply | undefined> {
  try {
    const running = runningNow(steward, world)
    const facts = { at: time.now(), known: await readSize(world.anchors), ...(running && { running }) }
    const reply = await checkIn(store, facts, target, privateKeyPem, signal)
    journal.settled('checkIn')
    return reply
  } catch (error) {
    signal.throwIfAborted()
    await journal.failure('notReported', error, 'checkIn')
    return undefined
  }
}

/** What runs, for the report. */
function runningNow(steward: Steward, world: World): DeviceState['running'] {
  const running = steward.running
  if (running === undefined) return undefined
  const { product, version, counter, sha256 } = running.loaded.release
  const { pid, startedAt } = running.program.record
  const { certifications } = examine(running.loaded, world.surroundings()).decision
  return {
    product,
    version,
    releaseCounter: counter,
    sha256,
    certifications: certifications.map((one) => `${one.authority}:${one.number}`),
    pid,
    startedAt,
  }
}

/** An answer without assignment changes nothing here, nor does one that is refused: whoever gives it must not stop a device. */
async function takeAssignment({ store, journal }: DeviceParts, reply: CheckInReply): Promise<void> {
  if (reply.state === 'pending') {
    await journal.note({ kind: 'waiting', detail: 'the operator has not admitted this device yet' }, 'admission')
  } else journal.settled('admission')
  const { assignment } = reply
  if (assignment === undefined) return
  try {
    requireSameProduct(assignment, store.current)
    journal.settled('assignment')
  } catch (error) {
    return journal.failure('notAssigned', error, 'assignment')
  }
  await store.change((state) =>
    JSON.stringify(state.assignment) === JSON.stringify(assignment) ? state : { ...state, assignment },
  )
}

/** Installs what is assigned and not here yet. True where something new may be started. */
async function bring(deps: DeviceParts, target: CallTarget): Promise<boolean> {
  const { store, world, journal, steward, folder, signal } = deps
  const { assignment } = store.current
  if (assignment === undefined) return false
  try {
    const release = await chooseRelease(world.anchors, assignment, store.current, signal)
    const known = store.current.releases.find((one) => isSame(one, release))
    if (known !== undefined && !steward.isBroken(known.sha256)) {
      journal.settled('release')
      // What ended by itself or could not start is tried again by its own rules; a release gone back from stays where it is.
      return steward.running === undefined
    }
    const installed = await install(release, {
      folder,
      target,
      approve: (loaded) => refuseInstall(examine(loaded, world.surroundings())),
      signal,
    })
    const noted = journal.event({ kind: 'installed', detail: nameOf(installed) })
    await store.change((state) => withEvent(withRelease(state, installed), noted))
    steward.repaired(installed.sha256)
    journal.settled('release')
    await removeOthers(deps)
    return true
  } catch (error) {
    signal.throwIfAborted()
    await journal.failure('notInstalled', error, 'release')
    return steward.running === undefined
  }
}

function isSame(one: InstalledRelease, { product, channel, counter, artifacts }: ReleaseTarget): boolean {
  return (
    one.product === product && one.channel === channel && one.counter === counter && one.sha256 === artifacts[0]?.sha256
  )
}

/** Remembers a release and its counter, which never falls; the newest ones are kept where there are too many. */
function withRelease(state: StoredState, installed: InstalledRelease): StoredState {
  const { product, channel, counter } = installed
  const isThis = (one: { product: string; channel: string }) => one.product === product && one.channel === channel
  const before = state.releases.find((one) => one.sha256 === installed.sha256)
  const others = state.releases.filter((one) => one.sha256 !== installed.sha256)
  const highest = Math.max(counter, state.highest.find(isThis)?.counter ?? 0)
  return {
    ...state,
    releases: [...others, { ...installed, hasRun: before?.hasRun ?? false }]
      .sort((a, b) => a.counter - b.counter)
      .slice(-MAX_RELEASES),
    highest: [...state.highest.filter((one) => !isThis(one)), { product, channel, counter: highest }].slice(-64),
  }
}

/** Removes the folders of releases that are not remembered any more. */
async function removeOthers({ folder, store }: DeviceParts): Promise<void> {
  const { readdir } = await import('node:fs/promises')
  const kept = new Set(store.current.releases.map((one) => one.sha256))
  for (const name of await readdir(folder.releases)) {
    if (/^[0-9a-f]{64}$/.test(name) && !kept.has(name)) {
      await removeTree(releaseFolder(folder, name).path, { point: 'agent.remove-release' })
    }
  }
}
