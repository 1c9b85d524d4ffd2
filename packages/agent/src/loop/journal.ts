import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import type { DeviceTime } from '../state/deviceTime.ts'
import type { StateStore } from '../state/stateStore.ts'
import { type DeviceEvent, withEvent } from '../state/storedState.ts'

/** What happens here, for the next report and for whoever looks at this machine. */
export interface Journal {
  /** Durable with the next state; said once at most as long as it stays the same under `topic`. */
  note(event: Omit<DeviceEvent, 'at'>, topic?: string): Promise<void>
  /** The same for something that went wrong. A value without code is a defect and is thrown. */
  failure(kind: string, error: unknown, topic?: string): Promise<void>
  /** What stood under `topic` is over: the same may be said again. */
  settled(topic: string): void
  /** Makes an event with the device's time. */
  event(event: Omit<DeviceEvent, 'at'>): DeviceEvent
}

/** Opens the journal; `print` takes one line for people. */
export function openJournal(store: StateStore, time: DeviceTime, print: (line: string) => void): Journal {
  const standing = new Map<string, string>()
  const event = (one: Omit<DeviceEvent, 'at'>): DeviceEvent => {
    print([one.kind, one.detail, ...(one.code === undefined ? [] : [`(${one.code})`])].join(' '))
    return { at: time.now().toISOString(), ...one }
  }
  const note: Journal['note'] = async (one, topic) => {
    const said = `${one.kind} ${one.code} ${one.detail}`
    if (topic !== undefined && standing.get(topic) === said) return
    if (topic !== undefined) standing.set(topic, said)
    const noted = event(one)
    await store.change((state) => withEvent(state, noted))
  }
  return {
    event,
    note,
    async failure(kind, error, topic) {
      if (!(error instanceof CodedError)) throw error
      await note({ kind, code: error.code, detail: error.message.replace(/\p{Cc}/gu, ' ').slice(0, 512) }, topic)
    },
    settled: (topic) => void standing.delete(topic),
  }
}
