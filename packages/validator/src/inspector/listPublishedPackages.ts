import { createReadStream } from 'node:fs'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import { DEFAULT_LIMITS } from './confinement.ts'
import type { ListedGap } from './listing.ts'
import { inspectorCommand } from './protections.ts'
import { type PublishedContent, type PublishedContents, specOf, type WantedPackage } from './publishedContents.ts'
import type { KeptPackage, PublishedPackages } from './publishedPackages.ts'
import { readPublishedListings } from './readListing.ts'
import { runConfined } from './runConfined.ts'

/**
 * Fetches the packages that an artifact is compared with, and has a restricted process list them: published packages are
 * strangers' bytes as well. A package that says of itself that it is another one is as good as missing.
 */
export async function listPublishedPackages(
  wanted: readonly WantedPackage[],
  published: PublishedPackages | undefined,
): Promise<{ contents: PublishedContents; gaps: readonly ListedGap[] }> {
  const contents = new Map<string, PublishedContent>()
  if (published === undefined) {
    for (const one of wanted) contents.set(specOf(one), { missing: 'published packages are not to be had here' })
    return { contents, gaps: [] }
  }
  const kept: KeptPackage[] = []
  for (const [spec, found] of await published.fetch(wanted)) {
    if ('missing' in found) contents.set(spec, found)
    else kept.push(found)
  }
  if (kept.length === 0) return { contents, gaps: [] }
  const result = await runConfined(await inspectorCommand('compare'), { chunks: frames(kept) })
  if ('died' in result) return { contents, gaps: [died(result.died)] }
  try {
    const json = parseJson(result.output, { maxBytes: DEFAULT_LIMITS.outputBytes, maxDepth: 8 })
    const listings = readPublishedListings(json)
    for (const [at, one] of kept.entries()) {
      const listing = listings[at]
      const isIt = listing?.failure === undefined && listing?.name === one.name && listing.version === one.version
      const files = new Map(listing?.files.map((file) => [file[0], file]))
      const missing = listing?.failure ?? 'the package says of itself that it is another one'
      contents.set(specOf(one), isIt ? { integrity: one.integrity, files } : { missing })
    }
    return { contents, gaps: [] }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return { contents, gaps: [died(error.message)] }
  }
}

function died(why: string): ListedGap {
  return { code: 'gap.inspector-died', path: '', detail: `the published packages were not read: ${why}` }
}

/** Each package as 8 bytes of length (big-endian), then its bytes. */
async function* frames(kept: readonly KeptPackage[]): AsyncIterable<Uint8Array> {
  for (const { path, sizeBytes } of kept) {
    const length = Buffer.alloc(8)
    length.writeBigUInt64BE(BigInt(sizeBytes))
    yield length
    yield* createReadStream(path) as AsyncIterable<Uint8Array>
  }
}
