import { join, relative } from 'node:path'
import { makeControlFolder, removeControlFolder, writeControl } from '@countersign/local/files/controlFile.ts'
import { readKernelFile } from './processFacts.ts'

/** A control group of our own (cgroup v2): whatever a program forks stays in it, so nothing survives its end. */
export interface ControlGroup {
  readonly path: string
  /** Moves a process in, before it has forked. False where the kernel refuses. */
  take(pid: number): boolean
  /** Numbers of the processes directly in it. */
  members(): number[]
  /** Whether any process is left, also in groups below. */
  isEmpty(): boolean
  /** Ends all of it at once (`cgroup.kill`, Linux 5.14). False where the kernel cannot. */
  kill(): boolean
  /** Removes the group once it is empty. */
  remove(): void
}

/**
 * Where control groups of version 2 are mounted and this process may make its own: below its own group, which systemd
 * delegates, else below the root of the mount. Found from the mount table, because the place differs between systems.
 */
export function controlGroupBases(mountinfo: string, own: string): string[] {
  const ownPath = /^0::(\/.*)$/m.exec(own)?.[1]
  return mountinfo.split('\n').flatMap((line) => {
    // proc(5): id, parent, device, root, mount point, options, optional fields, a dash, type
    const [before = '', after = ''] = line.split(' - ')
    const [, , , root = '', point = ''] = before.split(' ')
    if (!after.startsWith('cgroup2 ')) return []
    const mountPoint = point.replace(/\\(\d{3})/g, (_all, octal: string) => String.fromCharCode(parseInt(octal, 8)))
    const below = ownPath === undefined ? '..' : relative(root, ownPath)
    return below.startsWith('..') || below === '' ? [mountPoint] : [join(mountPoint, below), mountPoint]
  })
}

/** Makes the group `name`; undefined where this system or this user has none. */
export function createControlGroup(name: string): ControlGroup | undefined {
  const bases = controlGroupBases(
    readKernelFile('/proc/self/mountinfo') ?? '',
    readKernelFile('/proc/self/cgroup') ?? '',
  )
  const paths = bases.map((base) => join(base, name))
  const path = paths.find((one) => makeControlFolder(one) && readKernelFile(join(one, 'cgroup.procs')) !== undefined)
  return path === undefined ? undefined : openControlGroup(path)
}

/** The group at `path`, which was made before. */
export function openControlGroup(path: string): ControlGroup {
  const file = (name: string) => join(path, name)
  return {
    path,
    take: (pid) => writeControl(file('cgroup.procs'), String(pid)),
    members: () => (readKernelFile(file('cgroup.procs')) ?? '').split('\n').filter(Boolean).map(Number),
    isEmpty: () => !/^populated 1$/m.test(readKernelFile(file('cgroup.events')) ?? ''),
    kill: () => writeControl(file('cgroup.kill'), '1'),
    remove: () => void removeControlFolder(path),
  }
}
