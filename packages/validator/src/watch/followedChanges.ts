/** What one change of the advisories has ended. */
export interface FollowedChange {
  /** Certification numbers whose records are logged, ascending. */
  readonly ended: readonly string[]
  /** Those whose records are above the reach limit: nothing of them ends unless approvers say so. */
  readonly waiting: readonly string[]
}

/** Outcomes that are kept for whoever asks late. */
const MAX_KEPT = 256

/**
 * Tells whoever brought advisories what they have ended, once that is logged. In memory only, and only for people and
 * programs that wait: what must happen happens without it.
 */
export class FollowedChanges {
  readonly #followed = new Map<number, FollowedChange>()
  readonly #arrivedMs = new Map<number, number>()
  readonly #waiting = new Map<number, ((change: FollowedChange) => void)[]>()

  /** What leads to `state` came at `atMs` of the monotonic clock; without a change there is no such state to follow. */
  arrived(state: number, atMs: number): void {
    this.#arrivedMs.set(state, atMs)
    for (const old of this.#arrivedMs.keys()) if (this.#arrivedMs.size > MAX_KEPT) this.#arrivedMs.delete(old)
  }

  /** When it came; undefined where nobody has said so, as after a restart. */
  arrivedMs(state: number): number | undefined {
    return this.#arrivedMs.get(state)
  }

  /** Everything that the change leading to `state` ends is with the instance. */
  followed(state: number, change: FollowedChange): void {
    this.#followed.set(state, change)
    for (const old of this.#followed.keys()) if (this.#followed.size > MAX_KEPT) this.#followed.delete(old)
    for (const tell of this.#waiting.get(state) ?? []) tell(change)
    this.#waiting.delete(state)
  }

  /** Resolves once the change leading to `state` was followed; with undefined where `signal` aborts before. */
  async until(state: number, signal: AbortSignal): Promise<FollowedChange | undefined> {
    const known = this.#followed.get(state)
    if (known !== undefined || signal.aborted) return known
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(state) ?? []
      waiting.push(resolve)
      this.#waiting.set(state, waiting)
      signal.addEventListener('abort', () => resolve(undefined), { once: true })
    })
  }
}
