import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { insidePath } from './archivePaths.ts'
import type { PublishedFile, PublishedListing } from './listing.ts'
import { readPackageJson } from './readPackageJson.ts'
import { TarFault } from './tarHeader.ts'
import { tarReader } from './tarReader.ts'

/** Largest published package, packed and unpacked, in bytes. */
export const MAX_PACKAGE_BYTES: number = 128 * 1024 * 1024
const MAX_UNPACKED_BYTES = 768 * 1024 * 1024
const LENGTH_BYTES = 8

/** Lists every published package of a series: each as 8 bytes of length (big-endian), then that many bytes. */
export async function listPublished(source: AsyncIterable<Uint8Array>): Promise<PublishedListing[]> {
  const listings: PublishedListing[] = []
  for await (const tarball of split(source)) listings.push(listOne(tarball))
  return listings
}

async function* split(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let parts: Uint8Array[] = []
  let filled = 0
  let wanted = LENGTH_BYTES
  let isLength = true
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + wanted - filled)
      parts.push(part)
      filled += part.length
      at += part.length
      if (filled < wanted) continue
      const whole = Buffer.concat(parts)
      parts = []
      filled = 0
      wanted = isLength ? Number(whole.readBigUInt64BE()) : LENGTH_BYTES
      if (wanted > MAX_PACKAGE_BYTES || wanted === 0) throw new RangeError('a package is empty or too large')
      if (!isLength) yield whole
      isLength = !isLength
    }
  }
}

/**
 * Lists the files of one npm tarball as npm unpacks it: the top folder taken away whatever its name, only regular files, the
 * last of two with one name.
 */
function listOne(tarball: Uint8Array): PublishedListing {
  const files = new Map<string, PublishedFile>()
  let identity = { name: '', version: '' }
  let open: { path: string; parts: Uint8Array[] } | undefined
  const reader = tarReader({
    entry({ name, type }) {
      const place = insidePath(name)
      const path = 'path' in place ? place.path.slice(place.path.indexOf('/') + 1) : ''
      open = type === 'file' && path !== '' && name.includes('/') ? { path, parts: [] } : undefined
    },
    content: (bytes) => void open?.parts.push(bytes.slice()),
    contentEnd() {
      if (open === undefined) return
      const bytes = Buffer.concat(open.parts)
      files.set(open.path, publishedFile(open.path, bytes))
      if (open.path === 'package.json') identity = readPackageJson('', bytes) ?? identity
      open = undefined
    },
  })
  const { name, version } = identity
  try {
    reader.take(gunzipSync(tarball, { maxOutputLength: MAX_UNPACKED_BYTES }))
  } catch (error) {
    // npm itself reads what has no end, so only the faults before it count.
    const failure = error instanceof TarFault ? error.message : 'it is no .tar.gz, or too large unpacked'
    return { name, version, files: [], failure }
  }
  return { name: identity.name, version: identity.version, files: [...files.values()] }
}

function publishedFile(path: string, bytes: Buffer): PublishedFile {
  const digest = sha256(bytes)
  // npm takes the carriage return out of the first line of the commands it links.
  const end = bytes.subarray(0, 2).toString('latin1') === '#!' ? bytes.indexOf(0x0a) : -1
  if (end < 1 || bytes[end - 1] !== 0x0d) return [path, digest]
  return [path, digest, sha256(Buffer.concat([bytes.subarray(0, end - 1), bytes.subarray(end)]))]
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
