import { existsSync, statSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** How much the restricted process may use. */
export interface ProcessLimits {
  /** Wall clock, from start to exit. Longer than `cpuSeconds`, which decides unless the process waits or others need the processor. */
  readonly timeoutMs: number
  readonly cpuSeconds: number
  /** Memory that it can write to and that is its own (RLIMIT_DATA); of it Node.js takes over half a GiB at its start. */
  readonly dataBytes: number
  /**
   * Addresses, whether used or not. A WebAssembly memory, such as the one in which Node.js takes types out of sources, reserves
   * 4 GiB of them, and where that does not fit half as much, and so on: what is left for work then depends on chance. So this is
   * well above, and `dataBytes` is what limits memory.
   */
  readonly addressBytes: number
  readonly heapMegabytes: number
  /** On standard output. */
  readonly outputBytes: number
}

/** The limits of one pass. */
export const DEFAULT_LIMITS: ProcessLimits = {
  timeoutMs: 900_000,
  cpuSeconds: 300,
  dataBytes: 2.5 * 1024 ** 3,
  addressBytes: 8 * 1024 ** 3,
  heapMegabytes: 1024,
  outputBytes: 192 * 1024 ** 2,
}

/** The layers around the process that this machine has. */
export interface Layers {
  readonly namespaces: boolean
  /** A file system of its own, with nothing but the runtime and the inspector's code in it. */
  readonly root: boolean
  readonly limits: boolean
  readonly permissions: boolean
}

const OPEN_FILES = 64
const PROCESSES = 64

/** Folder of the code that the process runs: the only one it may read. */
export const codeFolder: string = dirname(fileURLToPath(import.meta.url))

/** The program that the process runs, from the sources or built. */
export const inspectorProgram: string = fileURLToPath(
  new URL(`./inspectorMain${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)

/**
 * The command that runs `program` in every layer that is there, the outermost first: its own user, network, process, mount,
 * IPC and host name namespaces; a root with nothing else in it; limits of the operating system; Node.js's permission model.
 */
export function confinedCommand(
  program: string,
  args: readonly string[],
  layers: Layers,
  limits: ProcessLimits = DEFAULT_LIMITS,
): readonly string[] {
  const inner = [
    ...(layers.limits ? limitCommand(limits, layers.namespaces) : []),
    ...nodeCommand(program, args, layers, limits),
  ]
  if (!layers.namespaces) return inner
  return layers.root ? ownRootCommand(program, inner) : isolatedCommand(['--mount-proc'], inner)
}

/** Runs a command in namespaces of its own, as a user without power outside of them. */
export function isolatedCommand(options: readonly string[], command: readonly string[]): string[] {
  const isolate = ['--user', '--map-root-user', '--net', '--pid', '--fork', '--kill-child', '--mount', '--ipc', '--uts']
  return [findTool('unshare') ?? 'unshare', ...isolate, ...options, '--', ...command]
}

/** Runs a command in namespaces of its own, in a root that holds nothing but programs, libraries and the code. */
export function ownRootCommand(program: string, command: readonly string[]): string[] {
  return isolatedCommand([], ['/bin/sh', '-c', rootScript(program), 'sh', ...command])
}

/** Runs Node.js so that only `program` and what lies beside it may be read, if the permission model is to be used. */
function nodeCommand(
  program: string,
  args: readonly string[],
  { permissions }: Layers,
  limits: ProcessLimits,
): string[] {
  const readable = [dirname(program), packageFile(program)]
  return [
    process.execPath,
    ...(permissions ? ['--permission', ...readable.map((path) => `--allow-fs-read=${path}`)] : []),
    `--max-old-space-size=${limits.heapMegabytes}`,
    // Each WebAssembly memory would reserve 10 GiB of addresses in place of the 4 that it can grow to.
    '--disable-wasm-trap-handler',
    '--no-addons',
    '--disable-proto=throw',
    program,
    ...args,
  ]
}

/** Runs what follows within the limits of the operating system. */
export function limitCommand({ addressBytes, dataBytes, cpuSeconds }: ProcessLimits, isOwnUser: boolean): string[] {
  return [
    findTool('prlimit') ?? 'prlimit',
    `--as=${addressBytes}`,
    `--data=${dataBytes}`,
    `--cpu=${cpuSeconds}`,
    '--fsize=0',
    '--core=0',
    `--nofile=${OPEN_FILES}`,
    // Without a user namespace this counts everything that the user runs elsewhere.
    ...(isOwnUser ? [`--nproc=${PROCESSES}`] : []),
    '--',
  ]
}

/** The `package.json` above a program: Node.js looks there for the kind of its modules. */
function packageFile(program: string): string {
  for (let folder = dirname(program); ; folder = dirname(folder)) {
    const file = join(folder, 'package.json')
    if (existsSync(file) || dirname(folder) === folder) return file
  }
}

/**
 * Builds a root in memory, moves into it, lets go of the old one, gives up every capability, then runs its arguments. In it
 * are the system's programs and libraries, the runtime and the code, all read-only; no settings, no homes, no data, no /proc.
 */
function rootScript(program: string): string {
  const bind = (path: string) => {
    const quoted = quote(path)
    const isFolder = statSync(path).isDirectory()
    const make = isFolder ? `mkdir -p ".${path}"` : `mkdir -p ".${dirname(path)}"; : > ".${path}"`
    return `${make}; mount --bind ${quoted} ".${path}"; mount -o remount,bind,ro,nosuid ".${path}"`
  }
  const system = ['/usr', '/lib', '/lib64', '/bin', '/sbin'].filter((path) => existsSync(path))
  const own = [process.execPath, dirname(program), packageFile(program)].filter((path) => !path.startsWith('/usr/'))
  const stage = ['/mnt', '/media', '/srv', '/tmp'].find(
    (path) => existsSync(path) && !own.some((one) => one.startsWith(path)),
  )
  return [
    'set -e',
    'mount --make-rprivate /',
    `mount -t tmpfs -o size=1m,mode=755 none ${stage}`,
    `cd ${stage}`,
    ...system.map(bind),
    ...own.map(bind),
    // Only to let go of the old root: umount reads which mounts there are.
    'mkdir old proc',
    'mount -t proc none proc',
    'pivot_root . old',
    'cd /',
    'umount --lazy /old',
    'umount --lazy /proc',
    'rmdir /old /proc',
    'exec setpriv --no-new-privs --inh-caps=-all --bounding-set=-all "$@"',
  ].join('\n')
}

function quote(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`
}

/** A program of util-linux on the path of this process, or in its usual folders. */
export function findTool(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/bin', '/usr/sbin', '/sbin']
  return folders
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => resolve(folder, name))
    .find((path) => existsSync(path))
}
