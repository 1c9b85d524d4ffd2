import { readdirSync, readFileSync } from 'node:fs'
import type { RunningProcess } from '../state/storedState.ts'

/** What the kernel says of a process. */
export interface ProcessFacts {
  /** When it started, in clock ticks since boot: with the number it names one process for good. */
  readonly startTicks: string
  /** It has ended; only its parent has not asked how yet. */
  readonly isZombie: boolean
  /** Number of its process group. */
  readonly group: number
}

/** What the kernel says of `pid` (proc(5), `/proc/[pid]/stat`), or undefined: no such process, or a system without /proc. */
export function processFacts(pid: number): ProcessFacts | undefined {
  const stat = readKernelFile(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The second field is the program's name in parentheses, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, group, startTicks] = [fields[0], fields[2], fields[19]]
  if (startTicks === undefined) return undefined
  return { startTicks, isZombie: state === 'Z' || state === 'X', group: Number(group) }
}

/** Changes with every boot; undefined where the kernel does not tell. */
export function bootId(): string | undefined {
  return readKernelFile('/proc/sys/kernel/random/boot_id')?.trim()
}

/** Whether the process that a device wrote down still runs, and is no later one of the same number. */
export function isStillThere({ pid, startTicks, bootId: boot }: RunningProcess): boolean {
  const facts = processFacts(pid)
  return facts !== undefined && !facts.isZombie && facts.startTicks === startTicks && boot === bootId()
}

/** Whether anything of a process group still runs. Zombies do not: where nobody asks for them they stay for ever. */
export function isGroupAlive(group: number): boolean {
  return readdirSync('/proc').some((name) => {
    const facts = /^\d+$/.test(name) ? processFacts(Number(name)) : undefined
    return facts?.group === group && !facts.isZombie
  })
}

/** A file of the kernel's own as text; undefined where there is none or it may not be read. */
export function readKernelFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
