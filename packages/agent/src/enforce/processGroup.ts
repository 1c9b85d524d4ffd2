import type { RunningProcess } from '../state/storedState.ts'
import { openControlGroup } from './controlGroup.ts'
import { isGroupAlive, processFacts, readKernelFile } from './processFacts.ts'

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
  let looked = 0
  const leaders: ProcessGroup = {
    signal: (name) => void send(-pid, name),
    isEmpty: () => {
      if (!send(-pid, 0)) return true
      if (!hasProc() || isLeading(pid)) return false
      // Its parent takes a dead leader out of the table in a moment, and then the call above tells.
      looked++
      return looked % LOOKS_FOR_ONE_SEARCH === 0 && !isGroupAlive(pid)
    },
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

/** Looking at every process of the system takes longer than stopping one. */
const LOOKS_FOR_ONE_SEARCH = 5

/** Told from one file: there is no need to search while the leader runs. */
function isLeading(pid: number): boolean {
  const facts = processFacts(pid)
  return facts !== undefined && facts.group === pid && !facts.isZombie
}

function hasProc(): boolean {
  return readKernelFile('/proc/self/stat') !== undefined
}
