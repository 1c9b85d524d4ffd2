import { openCheckpoint, type VerifiedCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import type { PolicyLog, VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { type Freshness, freshnessOf } from './freshness.ts'
import { type LogKind, logKey } from './logKey.ts'

/** A push and what follows from it look at the same few notes a dozen times. */
const MAX_REMEMBERED = 32

const opened = new WeakMap<PolicyLog, Map<string, VerifiedCheckpoint>>()
const fresh = new WeakMap<VerificationPolicy['witnesses'], Map<string, Freshness>>()

/** `openCheckpoint` by the key of a log, computed once for each of the newest notes. Throws the same, and `log.key-malformed`. */
export function openNote(note: string, log: PolicyLog, kind: LogKind): VerifiedCheckpoint {
  return remembered(opened, log, note, () => openCheckpoint(note, logKey(log, kind)))
}

/** `freshnessOf`, computed once for each of the newest notes. Throws the same. */
export function noteFreshness(note: string, witnesses: VerificationPolicy['witnesses']): Freshness {
  return remembered(fresh, witnesses, note, () => freshnessOf(note, witnesses))
}

function remembered<Owner extends object, Value>(
  values: WeakMap<Owner, Map<string, Value>>,
  owner: Owner,
  note: string,
  make: () => Value,
): Value {
  const known = values.get(owner) ?? new Map<string, Value>()
  values.set(owner, known)
  const value = known.get(note) ?? make()
  known.delete(note)
  known.set(note, value)
  const [oldest] = known.keys()
  if (known.size > MAX_REMEMBERED && oldest !== undefined) known.delete(oldest)
  return value
}
