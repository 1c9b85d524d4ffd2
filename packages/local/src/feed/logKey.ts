import { createPublicKey } from 'node:crypto'
import { decodeBase64 } from '@countersign/protocol/json/base64.ts'
import { type NoteKey, noteKey, parseVkey } from '@countersign/protocol/log/note.ts'
import type { PolicyLog } from '@countersign/protocol/policy/verificationPolicy.ts'

/** Which of the four lists of a policy a log stands in. */
export type LogKind = 'artifacts' | 'certificates' | 'revocations' | 'audit'

/** The key that a log's checkpoints are opened with. A certificate log's SPKI signs RFC 6962 tree heads. Throws `log.key-malformed`. */
export function logKey(log: PolicyLog, kind: LogKind): NoteKey {
  if ('vkey' in log.key) return parseVkey(log.key.vkey)
  const spki = decodeBase64(log.key.spki, 'log key')
  const isEd25519 =
    createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }).asymmetricKeyType === 'ed25519'
  return noteKey(log.origin, isEd25519 ? 0x01 : kind === 'certificates' ? 0x05 : 0x02, spki)
}
