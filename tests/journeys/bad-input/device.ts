import { mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import path from 'node:path'
import { createDeviceTicketRoute } from '@countersign/protocol/api/devices.ts'
import { countersignAgent } from '../../support/programs.ts'
import { mustRun, runProgram } from '../../support/runProgram.ts'
import type { Outcome } from './badInput.ts'
import type { Delivery } from './delivery.ts'
import type { Setting } from './setting.ts'

/** The group of every device of the test. */
export const GROUP = 'site'

/** What runs on a device, as its agent remembers it. */
interface Running {
  readonly sha256: string
  readonly pid: number
  readonly controlGroup?: string
}

/** A device whose agent runs for one visit at a time, so that nothing happens between rows. What it started goes on. */
export interface Device {
  readonly name: string
  readonly folder: string
  /** One visit to the instance, perhaps with another clock: codes of everything that it refused or noted. */
  visit(env?: Readonly<Record<string, string>>): Promise<Outcome>
  /** What it runs; undefined where nothing does, whatever it remembers. */
  running(): Running | undefined
  /** Whom it is to its instance. */
  client(): { certificatePem: string; privateKeyPem: string }
}

/** Makes a ticket for a device of the name. */
export async function deviceTicket({ admin }: Delivery, device: string): Promise<string> {
  const body = { device, group: GROUP, validityHours: 1 }
  return (await admin(createDeviceTicketRoute, { body })).ticket
}

/** The words of the agent's command that enrols `folder` by the ticket on standard input. */
export function enrolCommand(folder: string): readonly string[] {
  return [...countersignAgent, 'enrol', '--ticket-file', '-', '--json', '--data', folder]
}

/** Enrols a device; what it will run ends with the test. */
export async function enrolDevice({ delivery, devicesFolder, ending }: Setting, name: string): Promise<Device> {
  mkdirSync(devicesFolder, { recursive: true })
  const folder = path.join(devicesFolder, name)
  await mustRun(enrolCommand(folder), { input: await deviceTicket(delivery, name) })
  const remembered = () =>
    (JSON.parse(readFileSync(path.join(folder, 'state.json'), 'utf8')) as { running?: Running }).running
  ending.defer(() => end(remembered()))
  const read = (file: string) => readFileSync(path.join(folder, file), 'utf8')
  return {
    name,
    folder,
    async visit(env = {}) {
      const command = [...countersignAgent, 'run', '--once', '--data', folder]
      const { status, stdout, stderr } = await runProgram(command, { env, timeoutMs: 180_000 })
      return { code: codesOfLines(`${stdout}${stderr}`), exitCode: status }
    },
    running() {
      const found = remembered()
      return found !== undefined && isAlive(found.pid) ? found : undefined
    },
    client: () => ({ certificatePem: read('device.crt'), privateKeyPem: read('device.key') }),
  }
}

/** The code at the end of each line, each once. */
function codesOfLines(output: string): string {
  const codes = output.split('\n').flatMap((line) => /\(([a-z][a-z0-9-]*\.[a-z0-9-]+)\)$/.exec(line)?.[1] ?? [])
  return [...new Set(codes)].join(' ') || 'none'
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Ends a program with everything that it started. */
async function end(running: Running | undefined): Promise<void> {
  if (running === undefined || !isAlive(running.pid)) return
  process.kill(-running.pid, 'SIGKILL')
  if (running.controlGroup === undefined) return
  for (let patience = 100; patience > 0 && isAlive(running.pid); patience -= 1) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  rmdirSync(running.controlGroup)
}
