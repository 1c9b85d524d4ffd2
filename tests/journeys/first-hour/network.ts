import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** One machine on the network: a network namespace with its own addresses, ports and host names. */
export interface Namespace {
  readonly name: string
  /** Addresses of the others, as this one reaches them; `outside` is the machine that the test runs on. */
  readonly addresses: Readonly<Record<string, string>>
}

/** Machines that are connected with each other and with nothing else. */
export interface Network {
  readonly namespaces: Readonly<Record<string, Namespace>>
  /** How the test itself reaches a machine. */
  addressOf(machine: string): string
  /** Gives a machine these host names, each with its address, as its `/etc/hosts`. */
  setHosts(machine: string, hosts: Readonly<Record<string, string>>): void
  /** Ends what still runs on the machines, and takes them away. */
  remove(): void
}

/** Where `ip netns exec` looks for files that stand in a namespace in place of those in `/etc`. */
const ownFiles = '/etc/netns'

/**
 * Makes one namespace for each machine, and one cable between any two in `cables` and from each machine to the outside. There
 * is no route: a machine reaches only the other ends of its own cables. Needs root. The addresses are those that are set
 * aside for documents (RFC 5737).
 */
export function makeNetwork(machines: readonly string[], cables: readonly (readonly [string, string])[]): Network {
  const prefix = `cs${process.pid}-`
  const namespaces = new Map<string, { name: string; addresses: Record<string, string> }>()
  const reached = new Map<string, string>()
  const network: Network = {
    get namespaces() {
      return Object.fromEntries(namespaces)
    },
    addressOf: (machine) => reached.get(machine) ?? '',
    setHosts(machine, hosts) {
      const folder = path.join(ownFiles, `${prefix}${machine}`)
      mkdirSync(folder, { recursive: true })
      const lines = Object.entries({ localhost: '127.0.0.1', ...hosts }).map(([name, address]) => `${address} ${name}`)
      writeFileSync(path.join(folder, 'hosts'), `${lines.join('\n')}\n`)
    },
    remove() {
      for (const { name } of namespaces.values()) {
        for (const pid of ip('netns', 'pids', name).split('\n').filter(Boolean)) end(Number(pid))
        ip('netns', 'delete', name)
        rmSync(path.join(ownFiles, name), { recursive: true, force: true })
      }
      namespaces.clear()
    },
  }
  try {
    for (const machine of machines) {
      ip('netns', 'add', `${prefix}${machine}`)
      namespaces.set(machine, { name: `${prefix}${machine}`, addresses: {} })
      inside(`${prefix}${machine}`, 'link', 'set', 'lo', 'up')
    }
    const all = [...cables, ...machines.map((machine) => ['outside', machine] as const)]
    for (const [at, [left, right]] of all.entries()) {
      const [leftAddress, rightAddress] = [`192.0.2.${at * 4 + 1}`, `192.0.2.${at * 4 + 2}`]
      connect(`cs${process.pid}c${at}`, [
        { space: namespaces.get(left)?.name, address: leftAddress },
        { space: namespaces.get(right)?.name, address: rightAddress },
      ])
      Object.assign(namespaces.get(left)?.addresses ?? {}, { [right]: rightAddress })
      Object.assign(namespaces.get(right)?.addresses ?? {}, { [left]: leftAddress })
      if (left === 'outside') reached.set(right, rightAddress)
    }
    return network
  } catch (error) {
    network.remove()
    throw error
  }
}

interface Plug {
  /** Namespace; undefined is outside. */
  readonly space: string | undefined
  readonly address: string
}

/** A cable between two namespaces. Both its ends go with either of them. */
function connect(cable: string, [left, right]: readonly [Plug, Plug]): void {
  const [one, other] = [`${cable}a`, `${cable}b`]
  ip('link', 'add', one, 'type', 'veth', 'peer', 'name', other)
  for (const [end, { space, address }] of [
    [one, left],
    [other, right],
  ] as const) {
    if (space !== undefined) ip('link', 'set', end, 'netns', space)
    const where = space === undefined ? [] : ['-netns', space]
    ip(...where, 'address', 'add', `${address}/30`, 'dev', end)
    ip(...where, 'link', 'set', end, 'up')
  }
}

function inside(space: string, ...command: readonly string[]): void {
  ip('-netns', space, ...command)
}

function ip(...command: readonly string[]): string {
  return execFileSync('ip', command, { encoding: 'utf8' })
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself meanwhile.
  }
}
