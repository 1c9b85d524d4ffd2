import type { Work } from './authority.ts'
import { certify, takeSubmission } from './certify.ts'
import type { CertifyDeps } from './certifyDeps.ts'

/** The loop that takes submissions. */
export interface WorkLoop {
  /** Takes nothing more and waits a little for what is under way; the next start goes on with the rest. */
  stop(): Promise<void>
}

/** Inspecting is one process each, so more at once would only share the processor. */
const PARALLEL = 2
const POLL_MS = 25_000
const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 60_000
const FULL_MS = 250
const STOP_WITHIN_MS = 3_000

/**
 * Takes what the instance hands over, oldest first, until stopped. One that cannot go on now (the network, the instance) is
 * tried again after 0.5 s, 1 s, 2 s and so on up to a minute, beside the others.
 */
export function startWork(deps: CertifyDeps): WorkLoop {
  const stopping = new AbortController()
  const running = new Map<string, Promise<void>>()
  const loop = takeWork(deps, running, stopping.signal)
  return {
    async stop() {
      stopping.abort()
      await loop
      await Promise.race([Promise.all(running.values()), deps.clock.sleep(STOP_WITHIN_MS)])
    },
  }
}

async function takeWork(deps: CertifyDeps, running: Map<string, Promise<void>>, signal: AbortSignal): Promise<void> {
  for (let failures = 0; !signal.aborted; ) {
    try {
      await resume(deps, running, signal)
      const isBusy = running.size > 0
      const work = await deps.authority.listWork(isBusy ? 0 : POLL_MS, signal)
      failures = 0
      for (const one of work.filter(({ id }) => !running.has(id)).slice(0, Math.max(0, PARALLEL - running.size))) {
        begin(running, one.id, carryOut(deps, one, signal))
      }
      if (running.size > 0) await Promise.race([...running.values(), deps.clock.sleep(FULL_MS, signal).catch(() => {})])
    } catch (error) {
      if (signal.aborted) return
      const retryMs = Math.min(FIRST_RETRY_MS * 2 ** failures++, LONGEST_RETRY_MS)
      deps.logger.warn({ err: error, retryMs }, 'the instance does not hand over work; asked again later')
      await deps.clock.sleep(retryMs, signal).catch(() => {})
    }
  }
}

/**
 * Goes on with what the instance does not hand over: what it was told to be certified may have to be finished here, after a
 * restart, and what the operator has decided goes on.
 */
async function resume(deps: CertifyDeps, running: Map<string, Promise<void>>, signal: AbortSignal): Promise<void> {
  for (const one of await deps.store.unfinished()) {
    if (one.stage === 'found' || running.has(one.id)) continue
    // Read anew for each try: one that failed may have come further before.
    const work = repeat(deps, one.id, signal, async () => certify(deps, (await deps.store.submission(one.id)) ?? one))
    begin(running, one.id, work)
  }
}

async function carryOut(deps: CertifyDeps, work: Work, signal: AbortSignal): Promise<void> {
  await repeat(deps, work.id, signal, async () => certify(deps, await takeSubmission(deps, work)))
}

function begin(running: Map<string, Promise<void>>, id: string, work: Promise<void>): void {
  running.set(
    id,
    work.finally(() => running.delete(id)),
  )
}

/** Repeats one submission's work until it is done or the signal aborts. Never rejects. */
async function repeat(
  deps: CertifyDeps,
  submission: string,
  signal: AbortSignal,
  work: () => Promise<unknown>,
): Promise<void> {
  for (let failures = 0; !signal.aborted; ) {
    try {
      await work()
      return
    } catch (error) {
      if (signal.aborted) return
      const retryMs = Math.min(FIRST_RETRY_MS * 2 ** failures++, LONGEST_RETRY_MS)
      deps.logger.warn({ err: error, submission, retryMs }, 'a submission is tried again later')
      await deps.clock.sleep(retryMs, signal).catch(() => {})
    }
  }
}
