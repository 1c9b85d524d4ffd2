import { verifyCosignatures } from '@countersign/protocol/log/cosignature.ts'
import { parseVkey } from '@countersign/protocol/log/note.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'

/** Freshness of one note: the quorum-th newest cosignature time, and whether a witness of another operator is among them. */
export interface Freshness {
  readonly time?: Date
  readonly witnessed: boolean
}

/**
 * Says how fresh `note` is by the witnesses that the policy names; the log's own signature is `openCheckpoint`'s business.
 * Throws `log.note-signature-wrong`, `log.note-malformed`.
 */
export function freshnessOf(note: string, { quorum, of }: VerificationPolicy['witnesses']): Freshness {
  const seen = verifyCosignatures(
    note,
    of.map((witness) => parseVkey(witness.vkey)),
  ).sort((a, b) => b.time.getTime() - a.time.getTime())
  const time = seen[quorum - 1]?.time
  const outside = new Set(of.filter((witness) => witness.outside).map((witness) => witness.vkey.split('+')[0]))
  return { ...(time && { time }), witnessed: time !== undefined && seen.some(({ name }) => outside.has(name)) }
}
