import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { errnoOf } from '@countersign/local/errors/errno.ts'
import { filesError } from '@countersign/local/files/errors.ts'
import { archivePaths, checkLink } from './archivePath.ts'
import { releasesError } from './errors.ts'
import { BLOCK_BYTES, readPaxRecords, readTarHeader, type TarHeader } from './tarHeader.ts'

/** One entry of an archive. Paths are relative, `/` between segments, and proven to stay inside. */
export type ArchiveEntry =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'file'; readonly path: string; readonly sizeBytes: number; readonly isExecutable: boolean }

/** Takes the entries as they come. What it throws ends the reading. */
export interface ArchiveSink {
  /** In the order of the archive; contents of a file come before the next entry. */
  entry(entry: ArchiveEntry): void
  /** Content of the last file, in order. */
  content(bytes: Uint8Array): void
  /** The last file is complete. */
  fileEnd(): void
}

/** What an archive was. */
export interface ReadArchive {
  /** Of the compressed bytes, lower-case hex. */
  readonly sha256: string
}

/** Most bytes that one archive may unpack to: 4 GiB. */
export const MAX_UNPACKED_BYTES = 4 * 1024 * 1024 * 1024
const MAX_EXTENSION_BYTES = 64 * 1024

/**
 * Reads the `.tar.gz` at `path` once, hashing it on the way, so that what the sink saw is what the digest is of. Files,
 * folders and symbolic links inside; everything else (devices, pipes, hard links, sparse files) is refused. Memory stays the
 * same for any size. Nothing of it may be used before the caller has compared the digest.
 * Throws `releases.archive-malformed`, `releases.archive-too-large`, `files.not-found`, `files.not-readable`, what the sink
 * throws, and the signal's reason.
 */
export async function readArchive(path: string, sink: ArchiveSink, signal?: AbortSignal): Promise<ReadArchive> {
  const hash = createHash('sha256')
  const reader = tarReader(sink)
  try {
    await pipeline(
      createReadStream(path, { highWaterMark: 256 * 1024 }),
      async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          hash.update(chunk)
          yield chunk
        }
      },
      createGunzip({ chunkSize: 256 * 1024 }),
      async (chunks: AsyncIterable<Uint8Array>) => {
        for await (const chunk of chunks) reader.take(chunk)
      },
      ...(signal === undefined ? [] : [{ signal }]),
    )
  } catch (cause) {
    signal?.throwIfAborted()
    throw readFailure(path, cause)
  }
  reader.end()
  return { sha256: hash.digest('hex') }
}

function readFailure(path: string, cause: unknown): unknown {
  if (cause instanceof Error && 'code' in cause && /^(?:Z_|ERR_)/.test(String(cause.code))) {
    return releasesError('releases.archive-malformed', 'the artifact is no gzip, or it is cut off', { cause })
  }
  const errno = errnoOf(cause)
  if (errno === undefined) return cause
  const code = errno === 'ENOENT' ? 'files.not-found' : 'files.not-readable'
  return filesError(code, `cannot read ${path}: ${errno}`, { cause })
}

interface TarReader {
  /** Bytes of the archive, in pieces of any size. */
  take(chunk: Uint8Array): void
  /** There is no more. Throws `releases.archive-malformed` where more was to come. */
  end(): void
}

/** Splits the stream into headers and contents; see POSIX.1-1988 and, for long names, POSIX.1-2001 and GNU tar. */
function tarReader(sink: ArchiveSink): TarReader {
  const paths = archivePaths()
  const block = new Uint8Array(BLOCK_BYTES)
  let filled = 0
  let totalBytes = 0
  let isEnded = false
  /** What the bytes after the header are: how many are left of the content, then of the padding. */
  let body: { kind: 'file' | 'extension'; leftBytes: number; paddingBytes: number } | undefined
  let extension = new Uint8Array(0)
  let extensionType = ''
  let overrides: { path?: string; linkpath?: string; sizeBytes?: number } = {}
  /** Types of the extended headers of the next entry. */
  let extensions = ''

  function header(): void {
    const found = readTarHeader(block)
    if (isEnded) {
      if (found !== undefined) throw malformed('something follows the end of the archive')
      return
    }
    if (found === undefined) {
      isEnded = true
      return
    }
    if (['x', 'g', 'L', 'K'].includes(found.type)) {
      beginExtension(found)
      return
    }
    const { path, linkpath, sizeBytes = found.sizeBytes } = overrides
    overrides = {}
    extensions = ''
    beginEntry({ ...found, name: path ?? found.name, link: linkpath ?? found.link, sizeBytes })
  }

  function beginExtension({ type, sizeBytes }: TarHeader): void {
    if (sizeBytes > MAX_EXTENSION_BYTES) throw malformed('a name is too long')
    // Of two that contradict each other, programs take the first, the last, or GNU's.
    if (
      type !== 'g' &&
      (extensions.includes('x') || extensions.includes(type) || (type === 'x' && extensions !== ''))
    ) {
      throw malformed('an entry has several extended headers that may contradict each other')
    }
    if (type !== 'g') extensions += type
    extensionType = type
    extension = new Uint8Array(0)
    body = { kind: 'extension', leftBytes: sizeBytes, paddingBytes: padding(sizeBytes) }
    if (sizeBytes === 0) endBody()
  }

  function endExtension(): void {
    const text = () => Buffer.from(extension).toString().replace(/\0+$/, '')
    if (extensionType === 'L') overrides = { ...overrides, path: text() }
    if (extensionType === 'K') overrides = { ...overrides, linkpath: text() }
    if (extensionType !== 'x') return
    const records = readPaxRecords(extension)
    if ([...records.keys()].some((name) => name.startsWith('GNU.sparse'))) throw malformed('it holds a sparse file')
    const [path, linkpath, size] = ['path', 'linkpath', 'size'].map((name) => records.get(name))
    if (size !== undefined && !/^\d{1,15}$/.test(size)) throw malformed('a pax header has no size')
    overrides = {
      ...(path !== undefined && { path }),
      ...(linkpath !== undefined && { linkpath }),
      ...(size !== undefined && { sizeBytes: Number(size) }),
    }
  }

  function beginEntry({ name, link, type, sizeBytes, isExecutable }: TarHeader): void {
    // POSIX.1-1988: a name that ends with a slash is a folder, also where the type says file.
    if (type === '5' || (type === '0' && name.endsWith('/'))) {
      if (sizeBytes > 0) throw malformed('a folder has content')
      const path = paths.take(name, 'folder')
      if (path !== '') sink.entry({ kind: 'folder', path })
    } else if (type === '2') {
      if (sizeBytes > 0) throw malformed('a link has content')
      const path = paths.take(name, 'link')
      checkLink(path, link)
      sink.entry({ kind: 'link', path, target: link })
    } else if (type === '0' || type === '7') {
      totalBytes += sizeBytes
      if (totalBytes > MAX_UNPACKED_BYTES) {
        throw releasesError('releases.archive-too-large', `it unpacks to more than ${MAX_UNPACKED_BYTES} bytes`)
      }
      sink.entry({ kind: 'file', path: paths.take(name, 'file'), sizeBytes, isExecutable })
      body = { kind: 'file', leftBytes: sizeBytes, paddingBytes: padding(sizeBytes) }
      if (sizeBytes === 0) endBody()
    } else throw malformed(`it holds an entry of the type "${type.replace(/\P{ASCII}|\p{Cc}/gu, '?')}"`)
  }

  function endBody(): void {
    if (body?.kind === 'file') sink.fileEnd()
    if (body?.kind === 'extension') endExtension()
    if (body?.paddingBytes === 0) body = undefined
  }

  /** Returns how many bytes of the chunk it used. */
  function takeBody(current: NonNullable<typeof body>, bytes: Uint8Array): number {
    if (current.leftBytes === 0) {
      const used = Math.min(bytes.length, current.paddingBytes)
      current.paddingBytes -= used
      if (current.paddingBytes === 0) body = undefined
      return used
    }
    const content = bytes.subarray(0, current.leftBytes)
    current.leftBytes -= content.length
    if (current.kind === 'file') sink.content(content)
    else extension = new Uint8Array(Buffer.concat([extension, content]))
    if (current.leftBytes === 0) endBody()
    return content.length
  }

  return {
    take(chunk) {
      for (let at = 0; at < chunk.length; ) {
        if (body !== undefined) {
          at += takeBody(body, chunk.subarray(at))
          continue
        }
        const part = chunk.subarray(at, at + BLOCK_BYTES - filled)
        block.set(part, filled)
        filled += part.length
        at += part.length
        if (filled < BLOCK_BYTES) continue
        filled = 0
        header()
      }
    },
    end() {
      if (body !== undefined || filled > 0 || !isEnded) throw malformed('the archive is cut off')
    },
  }
}

function padding(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES
}

function malformed(message: string) {
  return releasesError('releases.archive-malformed', message)
}
