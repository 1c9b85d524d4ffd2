import { sign } from 'node:crypto'
import { type CallReply, type CallTarget, call } from '@countersign/local/calls/call.ts'
import { checkInRoute, type DeviceState } from '@countersign/protocol/api/devices.ts'
import { encodeBase64 } from '@countersign/protocol/json/base64.ts'
import { deviceReportBytes } from '@countersign/protocol/release/deviceReport.ts'
import type { StateStore } from '../state/stateStore.ts'
import { version } from '../state/version.ts'

/** What the server answered. */
export type CheckInReply = CallReply<typeof checkInRoute>

/** What this device says of itself besides what it remembers. */
export interface ReportFacts {
  readonly at: Date
  /** How far the revocation logs are kept here, decimal. After a loss that is less than what was acknowledged once. */
  readonly known: string
  readonly running?: DeviceState['running']
}

/**
 * Reports the state of this device, signed by its client key, and learns what it is assigned. The report counter is durable
 * before the report goes out, so no two reports have the same one; events leave the state only once the server has them.
 * Throws `calls.*` and the server's codes.
 */
export async function checkIn(
  store: StateStore,
  facts: ReportFacts,
  target: CallTarget,
  privateKeyPem: string,
  signal?: AbortSignal,
): Promise<CheckInReply> {
  const { reportCounter, acknowledged, tuf, highest, events } = await store.change((state) => ({
    ...state,
    reportCounter: state.reportCounter + 1,
  }))
  const state: DeviceState = {
    counter: reportCounter,
    at: facts.at.toISOString(),
    agentVersion: version,
    // Never more than is known here, so that the server sees a device that has lost its news go back.
    acknowledged: BigInt(facts.known) < BigInt(acknowledged) ? facts.known : acknowledged,
    tuf,
    ...(facts.running && { running: facts.running }),
    highest: [...highest],
    events: [...events],
  }
  const report = JSON.stringify(state)
  const signature = encodeBase64(sign('sha256', deviceReportBytes(report), privateKeyPem))
  const reply = await call(target, checkInRoute, { body: { report, signature }, ...(signal && { signal }) })
  const reported = new Set(events)
  if (events.length > 0) {
    await store.change((now) => ({ ...now, events: now.events.filter((event) => !reported.has(event)) }))
  }
  return reply
}
