import { INSPECTOR_LIMITS } from './listing.ts'
import { BLOCK_BYTES, decode, readPaxRecords, readTarHeader, TarFault, type TarHeader } from './tarHeader.ts'

/** One entry as the archive has it; nothing about its name is checked. */
export interface TarEntry {
  readonly name: string
  readonly type: 'file' | 'folder' | 'link' | 'hard link' | 'other'
  /** The character in the header, for messages. */
  readonly typeFlag: string
  readonly link: string
  readonly sizeBytes: number
  readonly isExecutable: boolean
}

/** Takes the entries as they come. What it throws ends the reading. */
export interface TarSink {
  /** The next entry begins. */
  entry(entry: TarEntry): void
  /** Content of the last entry, in order. */
  content(bytes: Uint8Array): void
  /** The last entry with content is complete. */
  contentEnd(): void
}

/** A reader of one archive. Both methods throw `TarFault`. */
export interface TarReader {
  /** The next bytes, in pieces of any size. */
  take(chunk: Uint8Array): void
  /** The bytes are at their end; so must be the archive. */
  end(): void
}

interface Overrides {
  readonly path?: string
  readonly linkpath?: string
  readonly sizeBytes?: number
}

const TYPES: Readonly<Record<string, TarEntry['type']>> = {
  '0': 'file',
  '7': 'file',
  '1': 'hard link',
  '2': 'link',
  '5': 'folder',
}
const EXTENSIONS = ['x', 'g', 'L', 'K']

/**
 * Splits a stream into headers and contents: POSIX.1-1988, for long names POSIX.1-2001 (pax) and GNU. Memory stays the same
 * for any size. Sparse files and what is longer than the limits end the reading.
 */
export function tarReader(sink: TarSink): TarReader {
  const block = new Uint8Array(BLOCK_BYTES)
  let filled = 0
  let isEnded = false
  let leftBytes = 0
  let paddingBytes = 0
  let extension: { readonly type: string; readonly parts: Uint8Array[] } | undefined
  let overrides: Overrides = {}
  /** Types of the extended headers of the next entry. */
  let extensions = ''

  function header(): void {
    const found = readTarHeader(block)
    if (isEnded) {
      // Some programs stop at the end, others read on: they would see different archives.
      if (found !== undefined) throw new TarFault('gap.archive-malformed', 'something follows the end of the archive')
      return
    }
    if (found === undefined) {
      isEnded = true
      return
    }
    if (EXTENSIONS.includes(found.type)) {
      if (found.sizeBytes > INSPECTOR_LIMITS.headerBytes) {
        throw new TarFault('gap.archive-too-large', `an extended header has ${found.sizeBytes} bytes`)
      }
      requireOneVoice(extensions, found.type)
      if (found.type !== 'g') extensions += found.type
      extension = { type: found.type, parts: [] }
      begin(found.sizeBytes)
    } else beginEntry(found)
  }

  function beginEntry({ name, link, type, sizeBytes, isExecutable }: TarHeader): void {
    if (type === 'S') throw new TarFault('gap.archive-sparse', 'it holds a sparse file')
    const path = overrides.path ?? name
    const known = TYPES[type] ?? 'other'
    const size = overrides.sizeBytes ?? sizeBytes
    // POSIX.1-1988: a name that ends with a slash is a folder, also where the type says file.
    const isFolder = known === 'folder' || (known === 'file' && path.endsWith('/'))
    // Links and folders have no content, whatever size older writers note down.
    const contentBytes = (known === 'file' && !isFolder) || known === 'other' ? size : 0
    sink.entry({
      name: path,
      type: isFolder ? 'folder' : known,
      typeFlag: type,
      link: overrides.linkpath ?? link,
      sizeBytes: contentBytes,
      isExecutable,
    })
    overrides = {}
    extensions = ''
    begin(contentBytes)
  }

  function begin(sizeBytes: number): void {
    leftBytes = sizeBytes
    paddingBytes = (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES
    if (leftBytes === 0) endContent()
  }

  function endContent(): void {
    if (extension === undefined) sink.contentEnd()
    else overrides = { ...overrides, ...readExtension(extension.type, Buffer.concat(extension.parts)) }
    extension = undefined
  }

  /** Returns how many bytes it used. */
  function takeContent(bytes: Uint8Array): number {
    const content = bytes.subarray(0, leftBytes)
    leftBytes -= content.length
    if (extension === undefined) sink.content(content)
    else extension.parts.push(content.slice())
    if (leftBytes === 0) endContent()
    return content.length
  }

  function takeBlock(bytes: Uint8Array): number {
    const part = bytes.subarray(0, BLOCK_BYTES - filled)
    block.set(part, filled)
    filled += part.length
    if (filled === BLOCK_BYTES) {
      filled = 0
      header()
    }
    return part.length
  }

  return {
    take(chunk) {
      for (let at = 0; at < chunk.length; ) {
        const rest = chunk.subarray(at)
        if (leftBytes > 0) at += takeContent(rest)
        else if (paddingBytes > 0) {
          const skipped = Math.min(paddingBytes, rest.length)
          paddingBytes -= skipped
          at += skipped
        } else at += takeBlock(rest)
      }
    },
    end() {
      if (isEnded) return
      throw new TarFault('gap.archive-truncated', 'the archive is cut off')
    },
  }
}

/** Of two extended headers that contradict each other, programs take the first, the last, or GNU's. Throws `TarFault`. */
function requireOneVoice(before: string, type: string): void {
  if (type === 'g' || before === '' || (type !== 'x' && !before.includes('x') && !before.includes(type))) return
  throw new TarFault('gap.archive-malformed', 'an entry has several extended headers that may contradict each other')
}

function readExtension(type: string, bytes: Uint8Array): Overrides {
  if (type === 'L') return { path: decode(bytes).replace(/\0+$/, '') }
  if (type === 'K') return { linkpath: decode(bytes).replace(/\0+$/, '') }
  const records = readPaxRecords(bytes)
  if ([...records.keys()].some((name) => name.startsWith('GNU.sparse'))) {
    throw new TarFault('gap.archive-sparse', 'it holds a sparse file')
  }
  // Global headers carry comments (git archive); a global path would give every file the same name.
  if (type === 'g') {
    if (!['path', 'linkpath', 'size'].some((name) => records.has(name))) return {}
    throw new TarFault('gap.archive-malformed', 'a global header names every file the same')
  }
  const [path, linkpath, size] = ['path', 'linkpath', 'size'].map((name) => records.get(name))
  if (size !== undefined && !/^\d{1,15}$/.test(size)) throw new TarFault('gap.archive-malformed', 'a size is no number')
  return {
    ...(path !== undefined && { path }),
    ...(linkpath !== undefined && { linkpath }),
    ...(size !== undefined && { sizeBytes: Number(size) }),
  }
}
