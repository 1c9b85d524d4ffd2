import type { Clock } from '@countersign/local/clock/clock.ts'

/** Who waits for something to change, by what it is. Forgets a restart: whoever waited asks again. */
export class Waiters {
  readonly #clock: Pick<Clock, 'sleep'>
  readonly #waiting = new Map<string, Set<() => void>>()

  constructor(clock: Pick<Clock, 'sleep'>) {
    this.#clock = clock
  }

  /** Ends every wait for `key`. After the change is committed. */
  wake(key: string): void {
    const waiting = this.#waiting.get(key)
    this.#waiting.delete(key)
    for (const resolve of waiting ?? []) resolve()
  }

  /**
   * What `read` gives as soon as `isNews` holds for it, or what it gives when `waitMs` are over or `signal` aborts.
   * Nothing between a reading and the wait after it is missed.
   */
  async until<T>(
    key: string,
    read: () => Promise<T>,
    isNews: (found: T) => boolean,
    { waitMs, signal }: { readonly waitMs: number; readonly signal: AbortSignal },
  ): Promise<T> {
    const over = new AbortController()
    const end = AbortSignal.any([signal, over.signal])
    if (waitMs > 0) void this.#endAfter(waitMs, over)
    try {
      for (;;) {
        const { woken, leave } = this.#enter(key, end)
        try {
          const found = await read()
          if (waitMs === 0 || end.aborted || isNews(found)) return found
          await woken
        } finally {
          leave()
        }
      }
    } finally {
      over.abort()
    }
  }

  async #endAfter(waitMs: number, over: AbortController): Promise<void> {
    // Rejects only because the wait is over already.
    await this.#clock.sleep(waitMs, over.signal).catch(() => {})
    over.abort()
  }

  #enter(key: string, end: AbortSignal): { woken: Promise<void>; leave: () => void } {
    const { promise: woken, resolve } = Promise.withResolvers<void>()
    const waiting = this.#waiting.get(key) ?? new Set()
    this.#waiting.set(key, waiting.add(resolve))
    const ended = () => resolve()
    end.addEventListener('abort', ended, { once: true })
    const leave = () => {
      end.removeEventListener('abort', ended)
      waiting.delete(resolve)
      if (waiting.size === 0 && this.#waiting.get(key) === waiting) this.#waiting.delete(key)
    }
    return { woken, leave }
  }
}
