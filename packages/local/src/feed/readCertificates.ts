import { equalBytes } from '@countersign/protocol/json/base64.ts'
import type { VerifiedCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import { leafHash, verifyInclusion } from '@countersign/protocol/log/merkle.ts'
import { inclusionProof, type TileReader } from '@countersign/protocol/log/proof.ts'
import { type CtEntry, decodeDataTile, merkleTreeLeaf } from '@countersign/protocol/log/staticCt.ts'
import { TILE_WIDTH, tileWidth } from '@countersign/protocol/log/tiles.ts'
import { parseCertificate } from '@countersign/protocol/x509/certificate.ts'
import { tbsWithoutScts } from '@countersign/protocol/x509/sct.ts'
import { feedError } from './errors.ts'
import type { LogReader } from './logReader.ts'

/** A certificate log as it is read. */
export interface CertificateSource {
  readonly checkpoint: VerifiedCheckpoint
  readonly reader: Pick<LogReader, 'entries'>
  /** Of the checkpoint's tree. */
  readonly tiles: TileReader
}

/**
 * The entries of data tile `index` (static-ct-api), up to 256, proved to be the ones in the tree of the checkpoint. Of a
 * precertificate only the part that the log commits to is proved, see `submittedOf`.
 * Throws `feed.tiles-wrong`, `feed.unreachable`, and `log.*` for a tile that cannot be read.
 */
export async function readCertificates(
  { checkpoint: { origin, size, root }, reader, tiles }: CertificateSource,
  index: bigint,
): Promise<CtEntry[]> {
  const width = tileWidth(0, index, size)
  const first = index * BigInt(TILE_WIDTH)
  const [bundle, proof] = await Promise.all([reader.entries(index, size, 'data'), inclusionProof(first, size, tiles)])
  const entries = decodeDataTile(bundle, { maxEntries: TILE_WIDTH }).slice(0, width)
  const leaves = entries.map((entry) => leafHash(merkleTreeLeaf(entry)))
  const tile = await tiles(0, index, width)
  const isInTile = leaves.length === width && equalBytes(Buffer.concat(leaves), tile)
  try {
    if (!isInTile) throw feedError('feed.tiles-wrong', 'the data tile is not that of the hashes')
    // The other hashes of the tile are in the proof of its first one, so this proves them all.
    verifyInclusion({ leaf: leaves[0] as Uint8Array, index: first, size, proof, root })
  } catch (cause) {
    throw feedError('feed.tiles-wrong', `the entries of ${origin} from ${first} on are not the ones in its tree`, {
      cause,
    })
  }
  return entries
}

/**
 * The certificate of an entry, or its precertificate, which carries the same names, key and extensions. A log commits only
 * to the part without poison; what it hands out as submitted has to be exactly that. Throws `feed.tiles-wrong`, `x509.*`.
 */
export function submittedOf({ certificate, precertificate }: CtEntry) {
  if (precertificate === undefined) return parseCertificate(certificate)
  const submitted = parseCertificate(precertificate.submitted)
  if (equalBytes(tbsWithoutScts(submitted.tbs), certificate)) return submitted
  throw feedError('feed.tiles-wrong', 'a log hands out another precertificate than it commits to')
}
