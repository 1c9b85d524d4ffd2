import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { freePort } from '../../support/freePort.ts'
import { countersignAgent } from '../../support/programs.ts'
import { mustRun } from '../../support/runProgram.ts'

/** What an agent says about itself. */
export interface DeviceStatus {
  readonly running?: { readonly version: string; readonly pid: number }
}

/** A device with its agent. */
export interface Device {
  readonly name: string
  /** Where the program answers. */
  readonly url: string
  readonly folder: string
  readonly agent: ChildProcess
  status(): Promise<DeviceStatus>
  /** Waits until the agent runs `version` and the program answers on its port; resolves with the process id. */
  runs(version: string): Promise<number>
  stop(): Promise<void>
}

const WAIT_MS = 60_000

/**
 * Enrols a device by its ticket, which comes on standard input, and starts its agent, `more` being further arguments of
 * `run`. What the agent says is in `<parent>/<name>.log`.
 */
export async function startDevice(
  name: string,
  ticket: string,
  parent: string,
  more: readonly string[] = [],
): Promise<Device> {
  const folder = path.join(parent, name)
  mkdirSync(folder, { recursive: true })
  await mustRun([...countersignAgent, 'enrol', '--ticket-file', '-', '--data', folder], { input: ticket })
  const port = await freePort()
  const [program = '', ...script] = countersignAgent
  // To a file, so that the agent can outlive the demo.
  const logFile = path.join(parent, `${name}.log`)
  const log = openSync(logFile, 'a', 0o600)
  const agent = spawn(program, [...script, 'run', '--data', folder, '--port', String(port), ...more], {
    stdio: ['ignore', log, log],
    detached: true,
  })
  closeSync(log)
  const url = `http://127.0.0.1:${port}`
  const status = async (): Promise<DeviceStatus> => {
    const run = await mustRun([...countersignAgent, 'status', '--data', folder, '--json'])
    return JSON.parse(run.stdout) as DeviceStatus
  }
  return {
    name,
    url,
    folder,
    agent,
    status,
    async runs(version) {
      const until = performance.now() + WAIT_MS
      while (performance.now() < until) {
        if (agent.exitCode !== null) break
        const { running } = await status()
        if (running?.version === version && (await answers(url, version))) return running.pid
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      throw new Error(`${name} does not run ${version}\n${readFileSync(logFile, 'utf8').slice(-20_000)}`)
    },
    async stop() {
      if (agent.exitCode === null && agent.signalCode === null) {
        agent.kill('SIGTERM')
        await once(agent, 'exit')
      }
    },
  }
}

/** Whether the program serves the file that names its version. */
export async function answers(url: string, version: string): Promise<boolean> {
  try {
    const reply = await fetch(`${url}/version.txt`, { signal: AbortSignal.timeout(2000) })
    return (await reply.text()).trim() === `files ${version}`
  } catch {
    return false
  }
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
