import { EMPTY_ROOT, type Hash, leafHash, nodeHash } from '@countersign/protocol/log/merkle.ts'
import { TILE_WIDTH } from '@countersign/protocol/log/tiles.ts'

const leafHashes = new WeakMap<Uint8Array, Hash>()
const bundleRoots = new WeakMap<Uint8Array, { readonly entries: readonly Uint8Array[]; readonly root: Hash }>()

/** The leaf hash of an entry, computed once for each array: the entries that are kept are the same ones at every push. */
export function entryHash(entry: Uint8Array): Hash {
  const known = leafHashes.get(entry)
  if (known !== undefined) return known
  const hash = leafHash(entry)
  leafHashes.set(entry, hash)
  return hash
}

/** The roots of the full bundles among `entries`, which begin with the first entry of a log: 256 entries each. */
export function fullBundleRoots(entries: readonly Uint8Array[]): Hash[] {
  const roots: Hash[] = []
  for (let start = 0; start + TILE_WIDTH <= entries.length; start += TILE_WIDTH) roots.push(bundleRoot(entries, start))
  return roots
}

function bundleRoot(entries: readonly Uint8Array[], start: number): Hash {
  const first = entries[start] as Uint8Array
  const known = bundleRoots.get(first)
  if (known?.entries.every((entry, at) => entry === entries[start + at])) return known.root
  const bundle = entries.slice(start, start + TILE_WIDTH)
  const root = nodeRoot(bundle.map(entryHash))
  bundleRoots.set(first, { entries: bundle, root })
  return root
}

/** The root of the tree of exactly these entries. RFC 6962, 2.1. */
export function treeRoot(entries: readonly Uint8Array[]): Hash {
  const full = growingTree()
  for (const root of fullBundleRoots(entries)) full.add(root)
  const rest = growingTree()
  for (const entry of entries.slice(entries.length - (entries.length % TILE_WIDTH))) rest.add(entryHash(entry))
  return joined([...full.subtrees, ...rest.subtrees])
}

/** The root above these leaf hashes, or above these roots of complete subtrees of the same size. */
export function nodeRoot(hashes: readonly Hash[]): Hash {
  const tree = growingTree()
  for (const one of hashes) tree.add(one)
  return tree.root()
}

/** A tree that grows leaf by leaf: RFC 6962, 2.1. */
export interface GrowingTree {
  /** Roots of its complete subtrees, largest first. */
  readonly subtrees: readonly Hash[]
  /** Adds the hash of the next leaf. */
  add(leaf: Hash): void
  /** The root of what was added so far. */
  root(): Hash
}

/** The empty tree. It keeps only the roots of its complete subtrees, so any log fits. */
export function growingTree(): GrowingTree {
  const subtrees: Hash[] = []
  let count = 0n
  return {
    subtrees,
    add(leaf) {
      let hash = leaf
      for (let bits = count; bits & 1n; bits >>= 1n) hash = nodeHash(subtrees.pop() as Hash, hash)
      subtrees.push(hash)
      count++
    },
    root: () => joined(subtrees),
  }
}

/** The root above complete subtrees, largest first. */
function joined(subtrees: readonly Hash[]): Hash {
  return subtrees.length === 0 ? EMPTY_ROOT : subtrees.reduceRight((right, left) => nodeHash(left, right))
}
