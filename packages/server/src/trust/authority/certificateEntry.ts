import { createHash } from 'node:crypto'
import { merkleTreeLeaf, tileLeaf } from '@countersign/protocol/log/staticCt.ts'
import { leafIndexExtension } from '@countersign/protocol/x509/sct.ts'
import type { LogEntry } from '../../log/transparencyLog.ts'

/** A signed precertificate on its way into the certificate log. */
export interface LoggedPrecertificate {
  /** Milliseconds since 1970, as the SCT will say. */
  readonly timestampMs: bigint
  /** DER with poison, signed. */
  readonly precertificate: Uint8Array
  /** Its TBSCertificate without the poison. */
  readonly tbs: Uint8Array
  readonly issuerKeyHash: Uint8Array
  /** SHA-256 of each certificate above it, its issuer first. */
  readonly chainFingerprints: readonly Uint8Array[]
}

/**
 * The entry as static-ct-api has it: the leaf index is part of the leaf, so the bytes are made when the log has given
 * the index. Everything else is fixed before; the same precertificate again gets the same entry.
 */
export function certificateEntry(logged: LoggedPrecertificate): LogEntry {
  const { issuerKeyHash, tbs, precertificate: submitted } = logged
  return {
    dedupeKey: createHash('sha256').update(Uint8Array.of(1)).update(issuerKeyHash).update(tbs).digest(),
    encode(index) {
      const entry = {
        timestampMs: logged.timestampMs,
        certificate: tbs,
        precertificate: { issuerKeyHash, submitted },
        extensions: leafIndexExtension(index),
        chainFingerprints: logged.chainFingerprints,
      }
      return { leaf: merkleTreeLeaf(entry), stored: tileLeaf(entry) }
    },
  }
}
