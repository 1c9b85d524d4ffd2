import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import { parseTrustedRoot, type TrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { equalBytes } from '@countersign/protocol/json/base64.ts'
import { TUF_FOLDER } from '../trust/anchors/readRepository.ts'
import { readTarget } from '../trust/anchors/readTarget.ts'
import { trustError } from '../trust/errors.ts'

/**
 * Reads the trusted root as clients get it now. What was read is kept until `timestamp.json` changes; the object also
 * carries the chains that verified. Throws `trust.anchors-missing`, and what reading the anchors throws.
 */
export function distributedRoot(blobs: Blobs): () => Promise<TrustedRoot> {
  let known: { readonly timestamp: Uint8Array; readonly root: TrustedRoot } | undefined
  return async () => {
    const timestamp = await blobs.get(`${TUF_FOLDER}timestamp.json`)
    if (known !== undefined && timestamp !== undefined && equalBytes(known.timestamp, timestamp)) return known.root
    const bytes = await readTarget(blobs, 'trusted_root.json')
    if (bytes === undefined) throw trustError('trust.anchors-missing', 'no trusted root is published')
    const root = parseTrustedRoot(bytes)
    if (timestamp !== undefined) known = { timestamp, root }
    return root
  }
}
