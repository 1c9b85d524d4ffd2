import { availableParallelism, loadavg } from 'node:os'
import type { BenchResult } from './benchResult.ts'

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
  /** From the first byte at an agent until the record is verified, and until its program is gone; all agents at once. */
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
  /**
   * The same halves in rounds where the agents are halted until everybody else has heard, and then go on one by one: a server
   * without devices on its own processor, and devices that wait for nobody.
   */
  readonly quietServerP50Ms: number
  readonly quietServerP99Ms: number
  readonly quietDeviceP50Ms: number
  readonly quietDeviceP99Ms: number
  /** From letting the agent go on until its program is seen to be gone. */
  readonly quietSeenGoneP99Ms: number
  readonly quietSumP99Ms: number
  /** `quietServerP99Ms` to `bareP99Ms`. */
  readonly quietRatio: number
  /** Processor time of one agent for one recall, median. */
  readonly deviceCpuMs: number
  /**
   * As many processes as there are agents that check three signatures, write two files durably and end a child, all at once;
   * and what a recall of all agents at once takes compared with that.
   */
  readonly bareDeviceP50Ms: number
  readonly bareDeviceP99Ms: number
  readonly deviceRatio: number
  /** How long all connections took to come, to the bare server as well, and what each costs the server. */
  readonly connectMs: number
  readonly bareConnectMs: number
  readonly connectionKb: number
  /** Of the minute before it ended, this benchmark's own included: above the number of cores everything waited. */
  readonly loadAverage: number
}

/** Milliseconds, one figure for each device and round. */
export interface RecallTally {
  readonly server: number[]
  readonly bare: number[]
  readonly verified: number[]
  readonly gone: number[]
  readonly seenGone: number[]
  readonly quietServer: number[]
  readonly quietGone: number[]
  readonly quietSeenGone: number[]
  readonly deviceCpu: number[]
  readonly bareDevice: number[]
}

/** Nothing measured yet. */
export function newTally(): RecallTally {
  return {
    server: [],
    bare: [],
    verified: [],
    gone: [],
    seenGone: [],
    quietServer: [],
    quietGone: [],
    quietSeenGone: [],
    deviceCpu: [],
    bareDevice: [],
  }
}

/** What is known besides the times. */
export type RecallFacts = Pick<
  RecallBenchResult,
  'devices' | 'agents' | 'rounds' | 'connectMs' | 'bareConnectMs' | 'connectionKb' | 'rssMb'
>

/** The figures of a whole run. */
export function recallResult(tally: RecallTally, facts: RecallFacts): RecallBenchResult {
  const { server, bare, verified, gone, seenGone, quietServer, quietGone, quietSeenGone, deviceCpu, bareDevice } = tally
  const [serverP99Ms, deviceP99Ms, bareP99Ms] = [part(server, 0.99), part(gone, 0.99), part(bare, 0.99)]
  const [quietServerP99Ms, quietDeviceP99Ms] = [part(quietServer, 0.99), part(quietGone, 0.99)]
  const bareDeviceP99Ms = part(bareDevice, 0.99)
  return {
    name: 'recall',
    cores: availableParallelism(),
    ...facts,
    serverP50Ms: part(server, 0.5),
    serverP99Ms,
    serverMaxMs: part(server, 1),
    verifiedP99Ms: part(verified, 0.99),
    deviceP50Ms: part(gone, 0.5),
    deviceP99Ms,
    deviceMaxMs: part(gone, 1),
    sumP99Ms: serverP99Ms + deviceP99Ms,
    seenGoneP50Ms: part(seenGone, 0.5),
    seenGoneMaxMs: part(seenGone, 1),
    bareP50Ms: part(bare, 0.5),
    bareP99Ms,
    quietServerP50Ms: part(quietServer, 0.5),
    quietServerP99Ms,
    quietDeviceP50Ms: part(quietGone, 0.5),
    quietDeviceP99Ms,
    quietSeenGoneP99Ms: part(quietSeenGone, 0.99),
    quietSumP99Ms: quietServerP99Ms + quietDeviceP99Ms,
    quietRatio: quietServerP99Ms / bareP99Ms,
    deviceCpuMs: part(deviceCpu, 0.5),
    bareDeviceP50Ms: part(bareDevice, 0.5),
    bareDeviceP99Ms,
    deviceRatio: deviceP99Ms / bareDeviceP99Ms,
    limit: { name: 'bare TLS broadcast of the same bytes to as many connections, p99', value: bareP99Ms, unit: 'ms' },
    loadAverage: loadavg()[0] ?? 0,
    ratioToLimit: serverP99Ms / bareP99Ms,
  }
}

/** The time below which this part of all times lies. */
export function part(timesMs: readonly number[], share: number): number {
  const sorted = timesMs.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
