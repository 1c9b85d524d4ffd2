import assert from 'node:assert/strict'
import { toHex } from '@countersign/protocol/json/base64.ts'
import { openCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import { decodeEntryBundle } from '@countersign/protocol/log/entryBundle.ts'
import {
  EMPTY_ROOT,
  type Hash,
  leafHash,
  nodeHash,
  verifyConsistency,
  verifyInclusion,
} from '@countersign/protocol/log/merkle.ts'
import { consistencyProof, inclusionProof, type TileReader } from '@countersign/protocol/log/proof.ts'
import { decodeDataTile, merkleTreeLeaf } from '@countersign/protocol/log/staticCt.ts'
import { entryBundlePath, newTiles, rightEdgeTiles, type Tile, tilePath } from '@countersign/protocol/log/tiles.ts'
import type { TestStore } from './testLog.ts'
import type { Appended } from './transparencyLog.ts'

/** MTH straight from RFC 6962, 2.1, sharing nothing with the code under test but the hash of two nodes. */
export function naiveRoot(leaves: readonly Hash[]): Hash {
  if (leaves.length === 0) return EMPTY_ROOT
  if (leaves.length === 1) return leaves[0] as Hash
  let split = 1
  while (split * 2 < leaves.length) split *= 2
  return nodeHash(naiveRoot(leaves.slice(0, split)), naiveRoot(leaves.slice(split)))
}

/** Everything that a stranger sees of a log. */
export interface PublicLog {
  readonly size: bigint
  readonly leaves: readonly Hash[]
  readonly read: TileReader
}

/**
 * Reads a log as a stranger would, from its files alone, and checks everything: signature, every entry against its leaf,
 * every tile that the size asks for, the root, no entry twice.
 */
export function readPublicLog({ blobs, spec }: Pick<TestStore, 'blobs' | 'spec'>): PublicLog {
  const file = (path: string): Uint8Array => {
    const bytes = blobs.objects.get(`${spec.folder}/${path}`)
    assert.ok(bytes, `${path} is missing`)
    return bytes
  }
  const note = Buffer.from(file('checkpoint')).toString()
  const [checkpoint] = spec.signers.map(({ key }) => openCheckpoint(note, key))
  assert.ok(checkpoint)
  const { size, root } = checkpoint
  const tiles = newTiles(0n, size)
  const leaves = tiles.filter(({ level }) => level === 0).flatMap((tile) => leavesOf(file, tile, spec.entriesAs))
  assert.equal(BigInt(leaves.length), size)
  assert.equal(new Set(leaves.map(toHex)).size, leaves.length, 'no entry is logged twice')
  assert.deepEqual(naiveRoot(leaves), Uint8Array.from(root), 'the root is that of the entries')
  for (const { level, index, width } of tiles) {
    const hashes = Array.from({ length: width }, (_, at) => {
      const span = 256 ** level
      const start = (Number(index) * 256 + at) * span
      return naiveRoot(leaves.slice(start, start + span))
    })
    assert.ok(Buffer.concat(hashes).equals(file(tilePath(level, index, width))), `tile ${level}/${index} of ${width}`)
  }
  const read: TileReader = async (level, index, width) => file(tilePath(level, index, width))
  return { size, leaves, read }
}

/** Checks that an answer that was once given still holds: same place, and provable in the log as it is now. */
export async function checkAnswer(log: PublicLog, answer: Appended, leaf: Uint8Array): Promise<void> {
  const { index, size, root, proof, checkpoint } = answer
  assert.deepEqual(Uint8Array.from(answer.leafHash), leafHash(leaf))
  verifyInclusion({ leaf: answer.leafHash, index, size, proof, root })
  assert.ok(
    checkpoint.includes(`\n${size}\n${Buffer.from(root).toString('base64')}\n`),
    'root and size are the signed ones',
  )
  assert.deepEqual(log.leaves[Number(index)], leafHash(leaf), `entry ${index} has moved`)
  assert.deepEqual(naiveRoot(log.leaves.slice(0, Number(size))), Uint8Array.from(root), 'the old root is a prefix')
  const now = naiveRoot(log.leaves)
  const later = await consistencyProof(size, log.size, log.read)
  verifyConsistency({ oldSize: size, oldRoot: root, newSize: log.size, newRoot: now, proof: later })
  const again = await inclusionProof(index, log.size, log.read)
  verifyInclusion({ leaf: answer.leafHash, index, size: log.size, proof: again, root: now })
}

/** Checks that the tiles of a size that was once published are still there, or the full ones in their place. */
export function checkTilesOf(size: bigint, { blobs, spec }: Pick<TestStore, 'blobs' | 'spec'>): void {
  for (const { level, index, width } of rightEdgeTiles(size)) {
    const paths = [tilePath(level, index, width), tilePath(level, index, 256)]
    if (level === 0) {
      const bundles = [entryBundlePath(index, width, spec.entriesAs), entryBundlePath(index, 256, spec.entriesAs)]
      assert.ok(
        bundles.some((path) => blobs.objects.has(`${spec.folder}/${path}`)),
        String(bundles[0]),
      )
    }
    assert.ok(
      paths.some((path) => blobs.objects.has(`${spec.folder}/${path}`)),
      String(paths[0]),
    )
  }
}

function leavesOf(file: (path: string) => Uint8Array, { index, width }: Tile, entriesAs: 'entries' | 'data'): Hash[] {
  const bytes = file(entryBundlePath(index, width, entriesAs))
  const leaves =
    entriesAs === 'entries'
      ? decodeEntryBundle(bytes, { maxEntries: width })
      : decodeDataTile(bytes, { maxEntries: width }).map(merkleTreeLeaf)
  assert.equal(leaves.length, width)
  return leaves.map(leafHash)
}
