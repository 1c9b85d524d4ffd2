import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BareBroadcast, startBareBroadcast } from './bareBroadcast.ts'
import { type BareDevices, startBareDevices } from './bareDevices.ts'
import type { BenchOptions } from './benchResult.ts'
import { processorMs, residentKb } from './processCost.ts'
import {
  certifyVersion,
  MAX_ROUNDS,
  openRecallSite,
  type RecallAgent,
  type RecallSite,
  releaseVersion,
  startRecallAgent,
} from './recallSite.ts'
import { newTally, part, type RecallBenchResult, type RecallTally, recallResult } from './recallTally.ts'
import { type Heard, type Listeners, monotonicMs, openListeners } from './streamLoad.ts'

const DEFAULT_DEVICES = 1000
const DEFAULT_AGENTS = 20
/** After a round, until those who went back are quiet and what is measured next is not them. */
const SETTLE_MS = 1500
const ROUNDS = 6
/** Rounds in which the agents wait for each other. */
const QUIET_ROUNDS = 3
const LOOK_EVERY_MS = 2
const ENROL_AT_ONCE = 2

/**
 * Time to stop. A real instance with its validator; devices that listen over mutual TLS from a process of their own; real
 * agents whose programs run a version of the product. Each round an advisory reaches that version: its certification
 * ends, every device hears it, the agents stop it and go back. The limit is a server that does nothing but write
 * the same bytes to as many mutual-TLS connections, in turns with the rounds; for the devices it is as many processes that
 * do nothing but check signatures, write durably and end a child. In the last rounds the agents do not share their moment.
 */
export async function run({
  say,
  devices = DEFAULT_DEVICES,
  agents = DEFAULT_AGENTS,
}: BenchOptions): Promise<RecallBenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-bench-'))
  const started: { close(): unknown }[] = []
  try {
    return await measure(folder, { devices, agentCount: agents }, say, started)
  } finally {
    for (const one of started.reverse()) await one.close()
    await rm(folder, { recursive: true })
  }
}

async function measure(
  folder: string,
  { devices, agentCount }: { devices: number; agentCount: number },
  say: BenchOptions['say'],
  started: { close(): unknown }[],
): Promise<RecallBenchResult> {
  say('an instance with its validator, and a developer')
  const site = await openRecallSite(folder)
  started.push({ close: () => site.instance.stop() })
  const rounds = Math.min(ROUNDS + QUIET_ROUNDS, MAX_ROUNDS)
  say(`${rounds + 1} versions of a product are certified`)
  const [first, ...later] = await certifyVersions(site, rounds)
  if (first === undefined) throw new Error('nothing was certified')
  await releaseVersion(site, first)
  say(`${agentCount} agents are enrolled and run ${first.version}`)
  const agents = await startAgents(site, agentCount, started)
  await Promise.all(agents.map((agent) => agent.runs(first.version)))
  const pid = site.instance.process.pid ?? 0
  const beforeKb = residentKb(pid)
  const listeners = await openProductListeners(site, agents, devices)
  started.push(listeners)
  const connectionKb = (residentKb(pid) - beforeKb) / devices
  say(`${devices} devices listen; all came in ${Math.round(listeners.connectMs)} ms`)
  const bare = await openBare(site, agents, devices, started)
  const bareDevices = await startBareDevices(agentCount, folder)
  started.push(bareDevices)
  const tally = newTally()
  for (const [at, version] of later.entries()) {
    const isQuiet = at >= rounds - QUIET_ROUNDS
    say(`round ${at + 1}: the agents run ${version.version}, then an advisory reaches it${isQuiet ? ', quietly' : ''}`)
    await releaseVersion(site, version)
    const pids = await Promise.all(agents.map((agent) => agent.runs(version.version)))
    const round = { agents, listeners, pids, bare, bareDevices, tally, goesBackTo: first.version }
    const heard = await (isQuiet ? recallQuietly : recall)(site, version.advisory, `id: ${at + 1}\n`, round)
    say(`  ${isQuiet ? quietWords(tally, devices, agentCount) : roundWords(tally, devices, agentCount)}`)
    await settle()
    await broadcast(heard, `id: ${at + 1}\n`, round)
    tally.bareDevice.push(...(await bareDevices.recall()))
    await settle()
  }
  return recallResult(tally, {
    devices,
    agents: agentCount,
    rounds,
    connectMs: listeners.connectMs,
    bareConnectMs: bare.listeners.connectMs,
    connectionKb,
    rssMb: residentKb(pid) / 1024,
  })
}

async function certifyVersions(site: RecallSite, rounds: number) {
  const versions = []
  for (let round = 0; round <= rounds; round++) versions.push(await certifyVersion(site, round))
  return versions
}

async function startAgents(site: RecallSite, count: number, started: { close(): unknown }[]): Promise<RecallAgent[]> {
  const agents: RecallAgent[] = []
  let next = 0
  const startSome = async () => {
    while (next < count) {
      const agent = await startRecallAgent(site, `device-${next++}`)
      started.push({ close: () => agent.stop() })
      agents.push(agent)
    }
  }
  await Promise.all(Array.from({ length: ENROL_AT_ONCE }, startSome))
  return agents
}

function openProductListeners({ instance, deviceRoot }: RecallSite, agents: readonly RecallAgent[], count: number) {
  const { hostname: host, port } = new URL(instance.publicUrl)
  const path = '/development/revocations/events'
  return openListeners({
    count,
    host,
    port: Number(port),
    request: `GET ${path} HTTP/1.1\r\nhost: ${host}:${port}\r\naccept: text/event-stream\r\n\r\n`,
    tls: { ca: deviceRoot, clients: agents.map(({ client }) => client) },
  })
}

interface Bare {
  readonly server: BareBroadcast
  readonly listeners: Listeners
}

async function openBare(
  { deviceRoot }: RecallSite,
  agents: readonly RecallAgent[],
  count: number,
  started: { close(): unknown }[],
): Promise<Bare> {
  const server = await startBareBroadcast(deviceRoot)
  started.push(server)
  const tls = { ca: server.ca, clients: agents.map(({ client }) => client) }
  const listeners = await openListeners({ count, host: 'localhost', port: server.port, request: '', tls })
  started.push(listeners)
  return { server, listeners }
}

interface Round {
  readonly agents: readonly RecallAgent[]
  readonly listeners: Listeners
  readonly pids: readonly number[]
  readonly bare: Bare
  readonly bareDevices: BareDevices
  readonly goesBackTo: string
  readonly tally: RecallTally
}

/** One advisory, and everything that follows. `marker` is in the event that tells of it and in none before. */
async function recall(site: RecallSite, advisory: string, marker: string, round: Round): Promise<Heard> {
  const { agents, listeners, pids, tally, goesBackTo } = round
  await listeners.expect(marker)
  const gone = whenGone(pids)
  const arrivedMs = monotonicMs()
  await end(site, advisory)
  const heard = await listeners.heard()
  for (const atMs of heard.atMs) tally.server.push(atMs - arrivedMs)
  for (const atMs of await gone) tally.seenGone.push(atMs - arrivedMs)
  for (const { verifiedMs, goneMs } of await Promise.all(agents.map((agent) => agent.recalled()))) {
    tally.verified.push(verifiedMs)
    tally.gone.push(goneMs)
  }
  await Promise.all(agents.map((agent) => agent.runs(goesBackTo)))
  return heard
}

async function end(site: RecallSite, advisory: string): Promise<void> {
  const ended = await site.importAdvisories(advisory)
  if (ended.length !== 1) throw new Error(`the advisory ended ${ended.join(', ') || 'nothing'}`)
}

/** The same, while no agent runs: each goes on when the one before it has stopped its program and gone back. */
async function recallQuietly(site: RecallSite, advisory: string, marker: string, round: Round): Promise<Heard> {
  const { agents, listeners, pids, tally, goesBackTo } = round
  await listeners.expect(marker)
  for (const agent of agents) process.kill(agent.pid, 'SIGSTOP')
  const arrivedMs = monotonicMs()
  await end(site, advisory)
  const heard = await listeners.heard()
  for (const atMs of heard.atMs) tally.quietServer.push(atMs - arrivedMs)
  await settle()
  for (const [at, agent] of agents.entries()) {
    const gone = whenGone([pids[at] ?? 0])
    const [beganMs, beforeMs] = [monotonicMs(), processorMs(agent.pid)]
    process.kill(agent.pid, 'SIGCONT')
    for (const atMs of await gone) tally.quietSeenGone.push(atMs - beganMs)
    tally.deviceCpu.push(processorMs(agent.pid) - beforeMs)
    tally.quietGone.push((await agent.recalled()).goneMs)
    await agent.runs(goesBackTo)
  }
  return heard
}

/** The same bytes from a server that does nothing else. */
async function broadcast({ bytes }: Heard, marker: string, { bare, tally }: Round): Promise<void> {
  await bare.listeners.expect(marker)
  const beganMs = await bare.server.send(bytes)
  for (const atMs of (await bare.listeners.heard()).atMs) tally.bare.push(atMs - beganMs)
}

function roundWords({ server, gone, seenGone }: RecallTally, devices: number, agents: number): string {
  const [heard, stopped, seen] = [server.slice(-devices), gone.slice(-agents), seenGone.slice(-agents)]
  return `heard after ${ms(heard)}; programs gone ${ms(stopped)} after that, seen gone ${ms(seen)} after the advisory`
}

function quietWords(
  { quietServer, quietGone, quietSeenGone, deviceCpu }: RecallTally,
  devices: number,
  agents: number,
) {
  const [heard, stopped, seen] = [quietServer.slice(-devices), quietGone.slice(-agents), quietSeenGone.slice(-agents)]
  const cpu = `${part(deviceCpu.slice(-agents), 0.5).toFixed(1)} ms of processor each`
  return `heard after ${ms(heard)}; programs gone ${ms(stopped)} after that, seen gone ${ms(seen)}, with ${cpu}`
}

function ms(times: readonly number[]): string {
  return `${part(times, 0.5).toFixed(0)} ms (p99 ${part(times, 0.99).toFixed(0)})`
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
}

/** When each of these processes was seen to be gone. */
async function whenGone(pids: readonly number[]): Promise<number[]> {
  const left = new Set(pids)
  const gone: number[] = []
  while (left.size > 0) {
    for (const pid of left) {
      if (isAlive(pid)) continue
      gone.push(monotonicMs())
      left.delete(pid)
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
  return gone
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
