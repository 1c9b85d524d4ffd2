import type { Clock } from '@countersign/local/clock/clock.ts'
import type { SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import type { KeyInterval } from './auditEvent.ts'
import { CompactRange } from './compactRange.ts'

/**
 * Counts what keys that sign all the time sign, so that each gets one audit entry per interval.
 * Costs two or three hashes a signature and no input or output. What a crash loses is the account of the running interval,
 * never a signature: what those keys sign (certificates, timestamps, checkpoints) is logged by itself.
 */
export class KeyWatch {
  readonly #clock: Clock
  readonly #running = new Map<string, RunningInterval>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The same key; each of its signatures is counted before it is returned. */
  watch(key: SigningKey): SigningKey {
    return withSign(key, async (message) => {
      const signature = await key.sign(message)
      this.#note(key, message)
      return signature
    })
  }

  /** Ends the running interval of every key that signed, and begins new ones. */
  take(): KeyInterval[] {
    const ended = [...this.#running.values()].map(({ key, range, firstMs, lastMs }) => ({
      keyId: key.keyId,
      keyName: key.name,
      count: range.count,
      first: new Date(firstMs),
      last: new Date(lastMs),
      root: range.root()!,
    }))
    this.#running.clear()
    return ended
  }

  #note(key: SigningKey, message: Uint8Array): void {
    const nowMs = this.#clock.now().getTime()
    const running = this.#running.get(key.keyId)
    if (running === undefined) {
      const range = new CompactRange()
      range.add(message)
      this.#running.set(key.keyId, { key, range, firstMs: nowMs, lastMs: nowMs })
      return
    }
    running.range.add(message)
    running.lastMs = nowMs
  }
}

interface RunningInterval {
  readonly key: SigningKey
  readonly range: CompactRange
  readonly firstMs: number
  lastMs: number
}

/** `key` with another way to sign. Members are copied by name because an implementation may hold them on its prototype. */
export function withSign(key: SigningKey, sign: (message: Uint8Array) => Promise<Uint8Array>): SigningKey {
  const { name, keyId, algorithm, spki, publicKey, signatureAlgorithm } = key
  return { name, keyId, algorithm, spki, publicKey, signatureAlgorithm, sign }
}
