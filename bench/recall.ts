import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BareBroadcast, startBareBroadcast } from './bareBroadcast.ts'
import type { BenchOptions, BenchResult } from './benchResult.ts'
import {
  certifyVersion,
  MAX_ROUNDS,
  openRecallSite,
  type RecallAgent,
  type RecallSite,
  releaseVersion,
  startRecallAgent,
} from './recallSite.ts'
import { type Heard, type Listeners, monotonicMs, openListeners } from './streamLoad.ts'

/** The two halves of the time to stop, and their sum. All times in milliseconds. */
export interface RecallBenchResult extends BenchResult {
  /** Connections over mutual TLS that hear of each recall. */
  readonly devices: number
  /** Real agents among them, each with a child process that is stopped. */
  readonly agents: number
  readonly rounds: number
  /** From the arrival of the advisory at the validator until record and checkpoint are with a device. */
  readonly serverP50Ms: number
  readonly serverP99Ms: number
  readonly serverMaxMs: number
  /** From the first byte at an agent until the record is verified, and until its program is gone. */
  readonly verifiedP99Ms: number
  readonly deviceP50Ms: number
  readonly deviceP99Ms: number
  readonly deviceMaxMs: number
  /** The published figure: server p99 and device p99. */
  readonly sumP99Ms: number
  /** From the arrival of the advisory until a process is seen to be gone, by somebody else than its agent. */
  readonly seenGoneP50Ms: number
  readonly seenGoneMaxMs: number
  /** A bare TLS broadcast of the same bytes to as many connections. */
  readonly bareP50Ms: number
  readonly bareP99Ms: number
  /** How long all connections took to come, and what each costs the server. */
  readonly connectMs: number
  readonly connectionKb: number
  /** Of the minute before it ended, this benchmark's own included: above the number of cores everything waited. */
  readonly loadAverage: number
}

const DEFAULT_DEVICES = 1000
const DEFAULT_AGENTS = 20
/** After a round, until those who went back are quiet and what is measured next is not them. */
const SETTLE_MS = 1500
const ROUNDS = 6
const LOOK_EVERY_MS = 2
const ENROL_AT_ONCE = 2

/**
 * Time to stop. A real instance with its validator; devices that listen over mutual TLS from a process of their own; real
 * agents whose programs run a version of the product. Each round an advisory reaches that version: its certification
 * ends, every device hears it, the agents stop it and go back. The limit is a server that does nothing but write
 * the same bytes to as many mutual-TLS connections, in turns with the rounds.
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
  const rounds = Math.min(ROUNDS, MAX_ROUNDS)
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
  const tally = newTally()
  for (const [at, version] of later.entries()) {
    say(`round ${at + 1}: the agents run ${version.version}, then an advisory reaches it`)
    await releaseVersion(site, version)
    const pids = await Promise.all(agents.map((agent) => agent.runs(version.version)))
    const round = { agents, listeners, pids, bare, tally }
    const heard = await recall(site, version.advisory, `id: ${at + 1}\n`, round)
    await Promise.all(agents.map((agent) => agent.runs(first.version)))
    say(`  ${roundWords(tally, devices, agentCount)}`)
    await settle()
    await broadcast(heard, `id: ${at + 1}\n`, round)
  }
  return resultOf(tally, {
    devices,
    agents: agentCount,
    rounds,
    connectMs: listeners.connectMs,
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

/** Milliseconds, one figure for each device and round. */
interface Tally {
  readonly server: number[]
  readonly bare: number[]
  readonly verified: number[]
  readonly gone: number[]
  readonly seenGone: number[]
}

function newTally(): Tally {
  return { server: [], bare: [], verified: [], gone: [], seenGone: [] }
}

interface Round {
  readonly agents: readonly RecallAgent[]
  readonly listeners: Listeners
  readonly pids: readonly number[]
  readonly bare: Bare
  readonly tally: Tally
}

/** One advisory, and everything that follows. `marker` is in the event that tells of it and in none before. */
async function recall(site: RecallSite, advisory: string, marker: string, round: Round): Promise<Heard> {
  const { agents, listeners, pids, tally } = round
  await listeners.expect(marker)
  const gone = whenGone(pids)
  const arrivedMs = monotonicMs()
  const ended = await site.importAdvisories(advisory)
  if (ended.length !== 1) throw new Error(`the advisory ended ${ended.join(', ') || 'nothing'}`)
  const heard = await listeners.heard()
  for (const atMs of heard.atMs) tally.server.push(atMs - arrivedMs)
  for (const atMs of await gone) tally.seenGone.push(atMs - arrivedMs)
  for (const { verifiedMs, goneMs } of await Promise.all(agents.map((agent) => agent.recalled()))) {
    tally.verified.push(verifiedMs)
    tally.gone.push(goneMs)
  }
  return heard
}

/** The same bytes from a server that does nothing else. */
async function broadcast({ bytes }: Heard, marker: string, { bare, tally }: Round): Promise<void> {
  await bare.listeners.expect(marker)
  const beganMs = await bare.server.send(bytes)
  for (const atMs of (await bare.listeners.heard()).atMs) tally.bare.push(atMs - beganMs)
}

function roundWords({ server, gone, seenGone }: Tally, devices: number, agents: number): string {
  const [heard, stopped, seen] = [server.slice(-devices), gone.slice(-agents), seenGone.slice(-agents)]
  const ms = (times: readonly number[]) => `${at(times, 0.5).toFixed(0)} ms (p99 ${at(times, 0.99).toFixed(0)})`
  return `heard after ${ms(heard)}; programs gone ${ms(stopped)} after that, seen gone ${ms(seen)} after the advisory`
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

/** Resident memory of another process, as Linux tells it. */
function residentKb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

function resultOf(
  { server, bare, verified, gone, seenGone }: Tally,
  facts: Pick<RecallBenchResult, 'devices' | 'agents' | 'rounds' | 'connectMs' | 'connectionKb'> & { rssMb: number },
): RecallBenchResult {
  const [serverP99Ms, deviceP99Ms, bareP99Ms] = [at(server, 0.99), at(gone, 0.99), at(bare, 0.99)]
  return {
    name: 'recall',
    cores: availableParallelism(),
    ...facts,
    serverP50Ms: at(server, 0.5),
    serverP99Ms,
    serverMaxMs: at(server, 1),
    verifiedP99Ms: at(verified, 0.99),
    deviceP50Ms: at(gone, 0.5),
    deviceP99Ms,
    deviceMaxMs: at(gone, 1),
    sumP99Ms: serverP99Ms + deviceP99Ms,
    seenGoneP50Ms: at(seenGone, 0.5),
    seenGoneMaxMs: at(seenGone, 1),
    bareP50Ms: at(bare, 0.5),
    bareP99Ms,
    limit: { name: 'bare TLS broadcast of the same bytes to as many connections, p99', value: bareP99Ms, unit: 'ms' },
    loadAverage: loadavg()[0] ?? 0,
    ratioToLimit: serverP99Ms / bareP99Ms,
  }
}

function at(timesMs: readonly number[], part: number): number {
  const sorted = timesMs.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
}
