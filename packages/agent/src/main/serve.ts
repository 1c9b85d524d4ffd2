import { resolve } from 'node:path'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { runAgent } from '../loop/agent.ts'
import { dataFolder } from '../state/dataFolder.ts'

/** What `countersign-agent run` takes. */
export interface ServeOptions {
  readonly data: string
  readonly port?: number
  readonly user?: string
  /** Seconds. */
  readonly poll: number
  readonly once?: boolean
}

/** `countersign-agent run`: until SIGTERM or SIGINT, which stop the program first. */
export async function serve({ data, port, user, poll, once = false }: ServeOptions): Promise<void> {
  const stop = new AbortController()
  const end = () => stop.abort(new DOMException('The agent was asked to end', 'AbortError'))
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, end)
  try {
    await runAgent({
      folder: dataFolder(resolve(data)),
      clock: systemClock,
      signal: stop.signal,
      pollMs: poll * 1000,
      once,
      print: (line) => process.stdout.write(`${line}\n`),
      ...(port !== undefined && { port }),
      ...(user !== undefined && { user }),
    })
  } finally {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.off(name, end)
  }
}
