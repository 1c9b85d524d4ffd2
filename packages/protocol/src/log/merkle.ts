import { hash } from 'node:crypto'
import { equalBytes } from '../json/base64.ts'
import { logError } from './errors.ts'

/** A SHA-256 digest: always 32 bytes. */
export type Hash = Uint8Array

/** Size of every hash of a log, in bytes. */
export const HASH_BYTES = 32

/** Most hashes that a proof can have: trees have fewer than 2^63 leaves. C2SP tlog-witness. */
export const MAX_PROOF_HASHES = 63

/** First tree size that no log may reach; sizes and indexes are below it. */
export const TREE_SIZE_LIMIT = 2n ** 63n

/** SHA-256 of `bytes`. */
export function sha256(bytes: Uint8Array): Hash {
  const digest = hash('sha256', bytes, 'buffer')
  return new Uint8Array(digest.buffer, digest.byteOffset, digest.byteLength)
}

/** Root of the tree without leaves: SHA-256 of nothing. RFC 6962, 2.1. */
export const EMPTY_ROOT: Hash = sha256(new Uint8Array(0))

/** Hash of one leaf: SHA-256(0x00 ‖ entry). The prefix keeps leaves and nodes apart. RFC 6962, 2.1. */
export function leafHash(entry: Uint8Array): Hash {
  const input = new Uint8Array(entry.length + 1)
  input.set(entry, 1)
  return sha256(input)
}

// Reused by every call: `hash` reads it before it returns, and allocating here would dominate the cost of large trees.
const nodeInput = new Uint8Array(1 + 2 * HASH_BYTES)
nodeInput[0] = 1

/** Hash of an inner node: SHA-256(0x01 ‖ left ‖ right). RFC 6962, 2.1. Throws `log.tile-wrong` unless both are 32 bytes. */
export function nodeHash(left: Hash, right: Hash): Hash {
  if (left.length !== HASH_BYTES || right.length !== HASH_BYTES) {
    throw logError('log.tile-wrong', 'a hash of the tree is not 32 bytes long')
  }
  nodeInput.set(left, 1)
  nodeInput.set(right, 1 + HASH_BYTES)
  return sha256(nodeInput)
}

/** What `verifyInclusion` compares. */
export interface InclusionClaim {
  /** Leaf hash (not the entry) that is claimed to be in the tree. */
  readonly leaf: Hash
  /** 0-based, below `size`. */
  readonly index: bigint
  /** Number of leaves of the tree that `root` commits to. */
  readonly size: bigint
  /** Sibling hashes, the leaf's sibling first. At most 63. */
  readonly proof: readonly Hash[]
  readonly root: Hash
}

/**
 * Proves that leaf hash `leaf` is entry `index` of the tree of `size` leaves with root `root`.
 * RFC 9162, 2.1.3.2. Trusts `root` and `size` as given: their signature is `openCheckpoint`'s business.
 * Throws `log.range-wrong` for an index outside the tree, `log.proof-wrong` for everything else.
 */
export function verifyInclusion({ leaf, index, size, proof, root }: InclusionClaim): void {
  checkSize(size)
  if (index < 0n || index >= size) throw logError('log.range-wrong', 'the leaf index is not below the tree size')
  checkProofShape(proof)
  let computed = leaf
  climb(index, size - 1n, proof, (sibling, isLeft) => {
    computed = isLeft ? nodeHash(sibling, computed) : nodeHash(computed, sibling)
  })
  if (!equalBytes(computed, root)) throw logError('log.proof-wrong', 'the inclusion proof leads to another root')
}

/** What `verifyConsistency` compares. */
export interface ConsistencyClaim {
  readonly oldSize: bigint
  readonly oldRoot: Hash
  readonly newSize: bigint
  readonly newRoot: Hash
  /** Hashes in the order of RFC 6962, 2.1.2. At most 63; none when the old tree is empty or nothing was added. */
  readonly proof: readonly Hash[]
}

/**
 * Proves that the tree of `newSize` leaves begins with all leaves of the tree of `oldSize` leaves, in order.
 * RFC 9162, 2.1.4.2. Trusts both roots as given. Throws `log.range-wrong` when the new tree is smaller or a size is
 * impossible, `log.proof-wrong` for everything else (a changed past included: this is how a fork shows).
 */
export function verifyConsistency({ oldSize, oldRoot, newSize, newRoot, proof }: ConsistencyClaim): void {
  checkSize(oldSize)
  checkSize(newSize)
  if (oldSize > newSize) throw logError('log.range-wrong', 'the newer tree is smaller than the older one')
  checkProofShape(proof)
  if (oldSize === 0n || oldSize === newSize) verifyWithoutProof({ oldSize, oldRoot, newSize, newRoot, proof })
  else verifyGrowth({ oldSize, oldRoot, newSize, newRoot, proof })
}

function verifyGrowth({ oldSize, oldRoot, newSize, newRoot, proof }: ConsistencyClaim): void {
  let node = oldSize - 1n
  let last = newSize - 1n
  while ((node & 1n) === 1n) {
    node >>= 1n
    last >>= 1n
  }
  // An old tree that is one complete subtree is its own first node and is left out of the proof.
  const [first, ...siblings] = node === 0n ? [oldRoot, ...proof] : proof
  if (first === undefined) throw logError('log.proof-wrong', 'the consistency proof is empty')
  let oldComputed = first
  let newComputed = first
  climb(node, last, siblings, (sibling, isLeft) => {
    if (isLeft) oldComputed = nodeHash(sibling, oldComputed)
    newComputed = isLeft ? nodeHash(sibling, newComputed) : nodeHash(newComputed, sibling)
  })
  if (!equalBytes(oldComputed, oldRoot)) throw logError('log.proof-wrong', 'the proof leads to another old root')
  if (!equalBytes(newComputed, newRoot)) throw logError('log.proof-wrong', 'the proof leads to another new root')
}

/** Goes from `node` to the root of a tree whose rightmost node on that level is `last`, one sibling a step. */
function climb(
  node: bigint,
  last: bigint,
  proof: readonly Hash[],
  step: (sibling: Hash, isLeft: boolean) => void,
): void {
  let at = node
  let end = last
  for (const sibling of proof) {
    if (end === 0n) throw logError('log.proof-wrong', 'the proof has more hashes than the tree has levels')
    const isLeft = (at & 1n) === 1n || at === end
    step(sibling, isLeft)
    // A right-edge node without a sibling moves up unchanged until it becomes a right child.
    while (isLeft && (at & 1n) === 0n && at !== 0n) {
      at >>= 1n
      end >>= 1n
    }
    at >>= 1n
    end >>= 1n
  }
  if (end !== 0n) throw logError('log.proof-wrong', 'the proof has fewer hashes than the path needs')
}

function verifyWithoutProof({ oldSize, oldRoot, newSize, newRoot, proof }: ConsistencyClaim): void {
  if (proof.length !== 0) throw logError('log.proof-wrong', 'a consistency proof is given where none is needed')
  if (oldSize === 0n && !equalBytes(oldRoot, EMPTY_ROOT)) {
    throw logError('log.proof-wrong', 'the root of an empty tree is not the hash of nothing')
  }
  if (oldSize === newSize && !equalBytes(oldRoot, newRoot)) {
    throw logError('log.proof-wrong', 'two trees of the same size have different roots')
  }
}

function checkSize(size: bigint): void {
  if (size < 0n || size >= TREE_SIZE_LIMIT) throw logError('log.range-wrong', 'the tree size is not between 0 and 2^63')
}

function checkProofShape(proof: readonly Hash[]): void {
  if (proof.length > MAX_PROOF_HASHES) throw logError('log.proof-wrong', 'a proof has at most 63 hashes')
  if (proof.some((hash) => hash.length !== HASH_BYTES))
    throw logError('log.proof-wrong', 'a proof hash is not 32 bytes')
}
