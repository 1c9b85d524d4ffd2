import { hash } from 'node:crypto'
import { HASH_BYTES } from '@countersign/protocol/log/merkle.ts'

const NODE_BYTES = 1 + 2 * HASH_BYTES

/**
 * Computes the Merkle root of a growing list without keeping it: one hash per perfect subtree of its left edge,
 * so at most 63 of them, and on average two hashes of work for one more entry.
 * The tree is that of RFC 6962, 2.1, over the entries in the order of `add`.
 * Hashes are hexadecimal inside: `hash` makes text more than twice as fast as arrays, and this runs with every signature.
 */
export class CompactRange {
  #count = 0
  /** Roots of the perfect subtrees, the largest (leftmost) first. */
  readonly #peaks: string[] = []
  readonly #node = Buffer.alloc(NODE_BYTES, 1)
  #leaf = Buffer.alloc(1024)

  /** Number of entries so far. */
  get count(): number {
    return this.#count
  }

  /** Takes one more entry (the bytes themselves, not their hash). */
  add(entry: Uint8Array): void {
    let node = this.#leafHash(entry)
    // Every trailing 1 bit of the old count is a subtree of the same size as the one just completed.
    for (let size = this.#count; size % 2 === 1; size = Math.floor(size / 2)) {
      node = this.#nodeHash(this.#peaks.pop()!, node)
    }
    this.#peaks.push(node)
    this.#count += 1
  }

  /** The root over all entries so far; `undefined` while there are none. */
  root(): Uint8Array | undefined {
    const root = this.#peaks.reduceRight<string | undefined>(
      (right, left) => (right === undefined ? left : this.#nodeHash(left, right)),
      undefined,
    )
    return root === undefined ? undefined : Uint8Array.fromHex(root)
  }

  #leafHash(entry: Uint8Array): string {
    if (this.#leaf.length <= entry.length) this.#leaf = Buffer.alloc(2 * entry.length)
    this.#leaf.set(entry, 1)
    return hash('sha256', this.#leaf.subarray(0, entry.length + 1), 'hex')
  }

  #nodeHash(left: string, right: string): string {
    this.#node.write(left, 1, 'hex')
    this.#node.write(right, 1 + HASH_BYTES, 'hex')
    return hash('sha256', this.#node, 'hex')
  }
}
