import { AsyncLocalStorage } from 'node:async_hooks'

/** A machine that is told of every durable write of its own, right before and right after it. */
export interface WritingMachine {
  /** `point` as in `crashPoint`. What this throws ends the writer: nothing after it happens on this machine. */
  passes(point: string): void
}

const writing = new AsyncLocalStorage<WritingMachine>()

/** What agents write on their way, each a place where the power may go. */
export const DEVICE_WRITES = [
  'agent.state',
  'agent.state',
  'agent.unpack',
  'agent.release-folder',
  'agent.certificate',
  'anchors.save',
  'feed.save',
  'feed.records',
] as const

/** Runs `work`, and everything that it starts, as code of `machine`. */
export function onMachine<T>(machine: WritingMachine, work: () => T): T {
  return writing.run(machine, work)
}

Reflect.set(globalThis, Symbol.for('countersign.crashPoint'), (point: string) => writing.getStore()?.passes(point))
