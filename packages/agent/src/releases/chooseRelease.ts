import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import {
  fetchReleaseTarget,
  type ListedRelease,
  listReleaseTargets,
} from '@countersign/local/anchors/releaseTargets.ts'
import { parseReleaseTarget, type ReleaseTarget } from '@countersign/protocol/release/releaseTarget.ts'
import { highestCounter, type StoredState } from '../state/storedState.ts'
import { releasesError } from './errors.ts'

/** What a device is to run. */
export type Assignment = NonNullable<StoredState['assignment']>

/** Releases of one channel that are looked through for a pinned version, newest first. */
const MAX_LOOKED_AT = 64

/**
 * Finds the release that `assignment` asks for: the newest of its channel, or the newest of the pinned version. Never one of
 * another product or channel, and none below the highest counter that this device has had (design 20), whoever asks.
 * Throws `releases.none`, `releases.lower-counter`, `releases.disagrees`, `release.*`, `anchors.*`.
 */
export async function chooseRelease(
  anchors: Anchors,
  assignment: Assignment,
  state: StoredState,
  signal?: AbortSignal,
): Promise<ReleaseTarget> {
  const { product, channel, pinned } = assignment
  const listed = releasesOf(anchors, assignment)
  const highest = highestCounter(state, product, channel)
  for (const one of listed.slice(0, pinned === undefined ? 1 : MAX_LOOKED_AT)) {
    const target = await readTarget(anchors, one, signal)
    if (pinned !== undefined && target.version !== pinned) continue
    if (target.counter >= highest) return target
    const had = `this device has had release ${highest} of ${product}/${channel}`
    throw releasesError('releases.lower-counter', `${had}, offered is ${target.counter} (${target.version})`)
  }
  const version = pinned === undefined ? '' : ` ${pinned}`
  throw releasesError('releases.none', `there is no release of ${product}${version} on ${channel}`)
}

/**
 * Refuses an assignment to another product than the one that this device has had releases of: the answer to a check-in is
 * the delivery server's word alone, and who has taken that server over must not turn a device into another one (design 8).
 * Throws `releases.other-product`.
 */
export function requireSameProduct({ product }: Assignment, { highest }: StoredState): void {
  if (highest.length === 0 || highest.some((one) => one.product === product)) return
  const had = [...new Set(highest.map((one) => one.product))].join(', ')
  throw releasesError('releases.other-product', `this device runs ${had}, and is assigned ${product}`)
}

function releasesOf(anchors: Anchors, { product, channel }: Assignment): ListedRelease[] {
  return listReleaseTargets(anchors)
    .filter((one) => one.product === product && one.channel === channel)
    .sort((a, b) => b.counter - a.counter)
}

async function readTarget(anchors: Anchors, listed: ListedRelease, signal?: AbortSignal): Promise<ReleaseTarget> {
  const bytes = await fetchReleaseTarget(anchors, listed.name, { ...(signal && { signal }) })
  const target = parseReleaseTarget(bytes)
  const { product, channel, counter } = target
  if (product === listed.product && channel === listed.channel && counter === listed.counter) return target
  throw releasesError('releases.disagrees', `${listed.name} says that it is ${product}/${channel}/${counter}`)
}
