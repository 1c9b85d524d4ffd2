import type { Anchors } from '../anchors/openAnchors.ts'
import { refreshAnchors } from '../anchors/refreshAnchors.ts'
import { type FeedListener, isTrouble, type WatchOptions, watchFeed } from './watchFeed.ts'

/** Who is told what the feed brings, and by which anchors it is read. */
export interface RenewedListener extends FeedListener {
  /**
   * Newer anchors were verified and are stored. Where their root or policy is another one, nothing of the old anchors comes
   * after this, and the next `onKnowledge` is authorised by the new policy. A rejection ends the watch.
   */
  onAnchors?(anchors: Anchors): Promise<void>
}

/** How the feed is watched, and its anchors are renewed. */
export interface RenewedWatchOptions extends WatchOptions {
  /** The settings folder of the anchors; the user's own where absent. */
  readonly config?: string
}

/** Between two renewals: a revoker, an approver or a validator that a new policy names counts at most this much later. */
const RENEW_MS = 60_000

/**
 * `watchFeed` for whoever stays longer than a moment and renews no anchors by itself: they are renewed now and then, and where
 * root or policy are replaced the feed is followed again by the new ones. Who follows by the anchors of the start for ever sees
 * fresh news and misses every record whose signer was named later.
 * Resolves once `signal` aborts. Anchors that cannot be renewed are trouble; what was trusted before counts on. Throws what
 * `watchFeed` and `onAnchors` throw, and `files.*`.
 */
export async function watchRenewed(
  first: Anchors,
  listener: RenewedListener,
  options: RenewedWatchOptions,
): Promise<void> {
  let anchors = first
  while (!options.signal.aborted) anchors = await watchUntilReplaced(anchors, listener, options)
}

/** Resolves with the anchors that take the place of these, or with the same ones once the signal aborts. */
async function watchUntilReplaced(
  anchors: Anchors,
  listener: RenewedListener,
  options: RenewedWatchOptions,
): Promise<Anchors> {
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  let next = anchors
  const renewing = renewUntilReplaced(anchors, listener, { ...options, signal }).then((replacing) => {
    next = replacing
    stop.abort(new DOMException('The anchors were replaced', 'AbortError'))
  })
  const listening: FeedListener = {
    ...listener,
    // A push that was being verified when the anchors were replaced knows only what the old policy let count.
    onKnowledge: async (...told) => (signal.aborted ? undefined : listener.onKnowledge(...told)),
  }
  try {
    await Promise.all([watchFeed(anchors, listening, { ...options, signal }), renewing])
  } catch (error) {
    if (!options.signal.aborted) throw error
  } finally {
    stop.abort()
  }
  if (next !== anchors) await listener.onAnchors?.(next)
  return next
}

/** Renews again and again, until root or policy are other ones. Rejects when the signal aborts. */
async function renewUntilReplaced(
  first: Anchors,
  listener: RenewedListener,
  options: RenewedWatchOptions,
): Promise<Anchors> {
  const { clock, signal, random = Math.random } = options
  for (let known = first; ; ) {
    await clock.sleep(RENEW_MS * (0.9 + 0.2 * random()), signal)
    const renewed = await renew(known, listener, options)
    if (isReplaced(known, renewed)) return renewed
    if (renewed !== known) await listener.onAnchors?.(renewed)
    known = renewed
  }
}

async function renew(anchors: Anchors, listener: RenewedListener, options: RenewedWatchOptions): Promise<Anchors> {
  try {
    return (await refreshAnchors(anchors, options)).anchors
  } catch (error) {
    if (!isTrouble(error)) throw error
    listener.onTrouble?.(error)
    return anchors
  }
}

/** Policy and trusted root are targets; a newer timestamp alone only says that they are still the newest. */
function isReplaced({ versions: old }: Anchors, { versions: now }: Anchors): boolean {
  return now.root !== old.root || now.targets !== old.targets
}
