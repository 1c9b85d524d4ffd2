import { type AddEntryRequest, verifyAddEntryRequests } from '@countersign/protocol/log/hashedRekord.ts'

interface Waiting {
  readonly request: AddEntryRequest
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Verified together at most: beyond it the next gain is small, and other requests would wait. */
const MAX_TOGETHER = 32

const waiting: Waiting[] = []

/**
 * Proves a request as `verifyAddEntryRequest` does, together with those that arrive in the same turn of the event loop,
 * which costs half as much each (docs/decisions/0002-ecdsa-over-a-digest.md). Rejects with this request's own error;
 * one that is refused does not touch the others.
 */
export function verifyTogether(request: AddEntryRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    waiting.push({ request, resolve, reject })
    if (waiting.length === 1) setImmediate(verifyWaiting)
  })
}

function verifyWaiting(): void {
  const together = waiting.splice(0, MAX_TOGETHER)
  if (waiting.length > 0) setImmediate(verifyWaiting)
  try {
    const refusals = verifyAddEntryRequests(together.map(({ request }) => request))
    for (const [index, { resolve, reject }] of together.entries()) {
      const refusal = refusals[index]
      if (refusal === undefined) resolve()
      else reject(refusal)
    }
  } catch (error) {
    for (const { reject } of together) reject(error)
  }
}
