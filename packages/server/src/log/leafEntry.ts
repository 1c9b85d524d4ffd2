import { leafHash } from '@countersign/protocol/log/merkle.ts'
import type { LogEntry } from './transparencyLog.ts'

/**
 * An entry whose bytes do not depend on its place, as in all logs but the certificate log. Equal bytes are one entry: the
 * dedupe key is the leaf hash.
 */
export function leafEntry(leaf: Uint8Array): LogEntry {
  return { dedupeKey: leafHash(leaf), encode: () => ({ leaf, stored: leaf }) }
}
