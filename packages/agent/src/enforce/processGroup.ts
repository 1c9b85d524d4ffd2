import type { RunningProcess } from '../state/storedState.ts'
import { openControlGroup } from './controlGroup.ts'
import { isGroupAlive, readKernelFile } from './processFacts.ts'

/** Everything that one program has started, as far as the system can tell. */
export interface ProcessGroup {
  /** Sends it to every member; those that are gone already do not matter. */
  signal(name: 'SIGTERM' | 'SIGKILL'): void
  /** Zombies do not count: they run nothing. */
  isEmpty(): boolean
  /** Gives back what the group took from the system; it is empty. */
  release(): void
}

/** The control group of a process where it has one, else the process group that it leads. */
export function processGroup({ pid, controlGroup }: Pick<RunningProcess, 'pid' | 'controlGroup'>): ProcessGroup {
  const leaders: ProcessGroup = {
    signal: (name) => void send(-pid, name),
    isEmpty: () => !send(-pid, 0) || (hasProc() && !isGroupAlive(pid)),
    release() {},
  }
  if (controlGroup === undefined) return leaders
  const group = openControlGroup(controlGroup)
  return {
    signal(name) {
      if (name === 'SIGKILL' && group.kill()) return
      for (const member of group.members()) send(member, name)
    },
    // A leader that was not moved in yet is only in its own group.
    isEmpty: () => group.isEmpty() && leaders.isEmpty(),
    release: () => group.remove(),
  }
}

function send(pid: number, signal: 'SIGTERM' | 'SIGKILL' | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

function hasProc(): boolean {
  return readKernelFile('/proc/self/stat') !== undefined
}
