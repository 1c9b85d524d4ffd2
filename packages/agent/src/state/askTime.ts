import { hash, randomBytes } from 'node:crypto'
import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { tlsTrust } from '@countersign/local/anchors/trustedRequest.ts'
import { call } from '@countersign/local/calls/call.ts'
import { timestampRoute } from '@countersign/protocol/api/timestamps.ts'
import { parseTrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { writeTimestampRequest } from '@countersign/protocol/timestamp/request.ts'
import { verifyTimestamp } from '@countersign/protocol/timestamp/verifyTimestamp.ts'

const TIMEOUT_MS = 5_000
const MAX_REPLY_BYTES = 64 * 1024

/**
 * The time that the timestamp authority of the anchors proves now: it stamps 32 fresh random bytes, so nobody can replay an
 * older answer (design 8), and its signature leads to the anchors, so it does not matter who brings it. Throws `calls.*`
 * where no answer comes, `timestamp.*` for one that proves nothing, and the signal's reason.
 */
export async function askTime(anchors: Anchors, signal?: AbortSignal): Promise<Date> {
  const over = new Uint8Array(randomBytes(32))
  const digest = new Uint8Array(hash('sha256', over, 'buffer'))
  // By a clock that is wrong every certificate of TLS has expired or is not valid yet; the answer needs none of them.
  const target = { url: anchors.url, trust: { ...tlsTrust(anchors), anyServer: true } }
  const response = await call(target, timestampRoute, {
    body: writeTimestampRequest({ hash: 'sha256', digest, certReq: false }),
    mediaType: 'application/timestamp-query',
    timeoutMs: TIMEOUT_MS,
    maxBytes: MAX_REPLY_BYTES,
    ...(signal && { signal }),
  })
  const { timestampAuthorities } = parseTrustedRoot(anchors.target('trusted_root.json'))
  return verifyTimestamp(response, over, timestampAuthorities).time
}
