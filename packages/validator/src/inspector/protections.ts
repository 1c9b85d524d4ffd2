import {
  confinedCommand,
  DEFAULT_LIMITS,
  findTool,
  inspectorProgram,
  isolatedCommand,
  type Layers,
  limitCommand,
  ownRootCommand,
} from './confinement.ts'
import { runConfined } from './runConfined.ts'

/** One layer around the inspector. */
export interface Protection {
  readonly name: string
  readonly active: boolean
  /** What it does, or why it is not there. */
  readonly detail: string
}

/** The layers, with what trying them gave. */
export interface ProbedLayers {
  readonly layers: Layers
  readonly protections: readonly Protection[]
}

const NOTHING = { chunks: (async function* () {})() }
// What is found once counts as long as the process lives, so a busy machine must not look like one without protections.
const PROBE_TIMEOUT_MS = 120_000
const NAMESPACES = ['user', 'net', 'pid', 'mnt', 'ipc', 'uts']

/** Tries what refused means: reading a system file, starting a process, opening a connection. Prints what was refused. */
const PERMISSION_PROBE = `
const refused = []
const note = (name) => (error) => { if (error?.code === 'ERR_ACCESS_DENIED') refused.push(name) }
const attempt = (name, work) => { try { work() } catch (error) { note(name)(error) } }
attempt('files', () => require('node:fs').readFileSync(process.execPath))
attempt('processes', () => require('node:child_process').spawnSync(process.execPath, ['-v']))
attempt('network', () => {
  const socket = require('node:net').connect(9, '127.0.0.1')
  socket.on('error', note('network')).on('connect', () => socket.destroy())
})
process.on('exit', () => console.log(refused.join(' ')))`

let probed: Promise<ProbedLayers> | undefined

/** Which layers confine the inspector on this machine. Each is tried, once for each process: none is assumed. */
export async function probeProtections(): Promise<Protection[]> {
  return [...(await probeLayers()).protections]
}

/** The same, with the layers as `confinedCommand` takes them. */
export function probeLayers(): Promise<ProbedLayers> {
  probed ??= tryLayers()
  return probed
}

async function tryLayers(): Promise<ProbedLayers> {
  const namespaces = await tryNamespaces()
  const limits = await tryLimits(namespaces.active)
  const root = namespaces.active ? await tryRoot() : { active: false, detail: 'needs the namespaces' }
  const permissions = await tryPermissions()
  const layers = {
    namespaces: namespaces.active,
    root: root.active,
    limits: limits.active,
    permissions: permissions.active,
  }
  return {
    layers,
    protections: [
      { name: 'namespaces', ...namespaces },
      { name: 'own root', ...root },
      { name: 'limits', ...limits },
      { name: 'permission model', ...permissions },
    ],
  }
}

type Tried = Omit<Protection, 'name'>

async function tryNamespaces(): Promise<Tried> {
  if (process.platform !== 'linux') return { active: false, detail: `${process.platform} has none` }
  if (findTool('unshare') === undefined)
    return { active: false, detail: 'the program unshare of util-linux is missing' }
  const links = NAMESPACES.map((name) => `/proc/self/ns/${name}`)
  const command = ['/bin/sh', '-c', `readlink ${links.join(' ')}`]
  const [own, said] = await Promise.all([ask(command), ask(isolatedCommand(['--mount-proc'], command))])
  if ('why' in said) return { active: false, detail: `the kernel refuses them: ${said.why}` }
  if ('why' in own) return { active: false, detail: own.why }
  const others = said.text.split('\n')
  const ours = own.text.split('\n')
  const shared = NAMESPACES.filter((_, at) => ours[at] === others[at])
  if (others.length !== NAMESPACES.length || shared.length > 0)
    return { active: false, detail: `shared: ${shared.join(', ')}` }
  return { active: true, detail: 'own users, network without interfaces, processes, mounts' }
}

async function tryRoot(): Promise<Tried> {
  const said = await ask(ownRootCommand(inspectorProgram, ['/bin/sh', '-c', 'for one in /*; do echo "$one"; done']))
  if ('why' in said) return { active: false, detail: said.why }
  const seen = said.text.split('\n')
  const open = ['/etc', '/home', '/root', '/var', '/proc', '/old'].filter((path) => seen.includes(path))
  if (open.length > 0) return { active: false, detail: `still there: ${open.join(', ')}` }
  return { active: true, detail: 'sees programs, libraries and its own code, read-only' }
}

async function tryLimits(isOwnUser: boolean): Promise<Tried> {
  if (findTool('prlimit') === undefined)
    return { active: false, detail: 'the program prlimit of util-linux is missing' }
  const command = [
    ...limitCommand(DEFAULT_LIMITS, false),
    '/bin/sh',
    '-c',
    'ulimit -v; ulimit -d; ulimit -t; ulimit -f',
  ]
  const said = await ask(isOwnUser ? isolatedCommand([], command) : command)
  if ('why' in said) return { active: false, detail: said.why }
  const { addressBytes, dataBytes, cpuSeconds } = DEFAULT_LIMITS
  const isSet = said.text === [addressBytes / 1024, dataBytes / 1024, cpuSeconds, 0].join('\n')
  return { active: isSet, detail: isSet ? 'memory, processor time, files and their size' : 'they are not in force' }
}

async function tryPermissions(): Promise<Tried> {
  const said = await ask([process.execPath, '--permission', '-e', PERMISSION_PROBE])
  if ('why' in said) return { active: false, detail: said.why }
  const active = said.text === 'files processes network'
  return { active, detail: active ? 'Node.js refuses files, processes and network' : `refused only: ${said.text}` }
}

async function ask(command: readonly string[]): Promise<{ text: string } | { why: string }> {
  const result = await runConfined(command, NOTHING, { timeoutMs: PROBE_TIMEOUT_MS, outputBytes: 64 * 1024 })
  return 'died' in result ? { why: result.died } : { text: Buffer.from(result.output).toString().trim() }
}

/** The command that inspects, in every layer of this machine. */
export async function inspectorCommand(
  job: 'list' | 'compare',
  program: string = inspectorProgram,
): Promise<readonly string[]> {
  return confinedCommand(program, [job], (await probeLayers()).layers)
}
