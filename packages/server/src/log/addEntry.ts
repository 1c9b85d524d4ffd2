import { addLogEntryRoute, type TransparencyLogEntryReply } from '@countersign/protocol/api/logs.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import { canonicalEntry, ENTRY_KIND, parseAddEntryRequest } from '@countersign/protocol/log/hashedRekord.ts'
import { verifyInclusion } from '@countersign/protocol/log/merkle.ts'
import { logId } from '@countersign/protocol/log/note.ts'
import { writeTransparencyLogEntry } from '@countersign/protocol/log/transparencyLogEntry.ts'
import { leafEntry } from './leafEntry.ts'
import type { Appended, TransparencyLog } from './transparencyLog.ts'
import { verifyTogether } from './verifyTogether.ts'

const JSON_LIMITS = { maxBytes: addLogEntryRoute.maxBodyBytes, maxDepth: 12 }

/**
 * Logs the signature that `body` asks to log (Rekor v2), and answers once anyone can fetch the entry and its proof.
 * An entry that is there already gets the same index. The signature is checked against the digest; who signed, and
 * whether the certificate is of anyone's trust, is for those who verify a bundle.
 * Throws the codes of `parseJson`, `parseAddEntryRequest`, `verifyTogether`, `canonicalEntry`, and of `append`.
 */
export async function addEntry(log: TransparencyLog, body: Uint8Array): Promise<TransparencyLogEntryReply> {
  const request = parseAddEntryRequest(parseJson(body, JSON_LIMITS))
  await verifyTogether(request)
  const leaf = canonicalEntry(request)
  const entry = leafEntry(leaf)
  const appended = await log.append(entry)
  // The caller keeps this answer as evidence, perhaps for years: never hand out one that does not verify.
  const { index, size, proof, root } = appended
  verifyInclusion({ leaf: entry.dedupeKey, index, size, proof, root })
  return reply(log, leaf, appended)
}

function reply(log: TransparencyLog, leaf: Uint8Array, appended: Appended): TransparencyLogEntryReply {
  const { index, size, root, proof, checkpoint } = appended
  const [key] = log.noteKeys
  if (key === undefined) throw new TypeError('a log has a key')
  return writeTransparencyLogEntry({
    logIndex: index,
    logId: logId(key),
    ...ENTRY_KIND,
    inclusionProof: { logIndex: index, rootHash: root, treeSize: size, hashes: proof, checkpoint },
    canonicalizedBody: leaf,
  }) as TransparencyLogEntryReply
}
