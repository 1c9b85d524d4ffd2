import { createHash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { type ArchiveContent, archiveContentSink } from './artifactReader.ts'
import { classifyFile, SAMPLE_BYTES } from './classifyFile.ts'
import { boundGaps } from './gapList.ts'
import { INSPECTOR_LIMITS, type ListedGap, type Listing } from './listing.ts'
import { otherForm } from './otherForm.ts'
import { readLockfile } from './readLockfile.ts'
import { BLOCK_BYTES, readTarHeader, TarFault } from './tarHeader.ts'
import { tarReader } from './tarReader.ts'

type Chunks = AsyncIterable<Uint8Array>

/**
 * Lists an artifact from its bytes, read once: a `.tar` or `.tar.gz` entry by entry, a lone lockfile, else only what form
 * it has. Never throws for what the bytes are: every fault is a gap, next to what could be read before it.
 */
export async function listArtifact(source: Chunks): Promise<Listing> {
  const hashes = { sha256: createHash('sha256'), sha512: createHash('sha512') }
  const counted = { packedBytes: 0, unpackedBytes: 0 }
  async function* packed(): Chunks {
    for await (const chunk of source) {
      hashes.sha256.update(chunk)
      hashes.sha512.update(chunk)
      counted.packedBytes += chunk.length
      yield chunk
    }
  }
  const bytes = await peek(packed())
  const isGzip = Buffer.from(bytes.head.subarray(0, 2)).toString('hex') === '1f8b'
  const unpacked = isGzip ? gunzip(bytes.all, counted) : bytes.all
  const content = await readContent(await peek(unpacked), isGzip)
  // A fault ends the reading of the content; the digest is of the whole artifact.
  for await (const _ of bytes.rest);
  return {
    ...content,
    sizeBytes: counted.packedBytes,
    sha256: hashes.sha256.digest('hex'),
    sha512: hashes.sha512.digest('base64'),
  }
}

type Content = Omit<Listing, 'sizeBytes' | 'sha256' | 'sha512'>

async function readContent({ head, all }: Peeked, isGzip: boolean): Promise<Content> {
  if (isTar(head)) return readTar(all)
  const parts: Uint8Array[] = []
  let keptBytes = 0
  let fault: ListedGap | undefined
  try {
    for await (const chunk of all) {
      if (keptBytes <= INSPECTOR_LIMITS.lockfileBytes) parts.push(chunk)
      keptBytes += chunk.length
    }
  } catch (error) {
    fault = faultGap(error)
  }
  const nothing = { files: [], packages: [], lockfiles: [] }
  if (fault !== undefined) return { ...nothing, form: 'unknown', gaps: [fault] }
  if (keptBytes === 0) {
    return { ...nothing, form: 'empty', gaps: [{ code: 'gap.empty', path: '', detail: 'the artifact holds nothing' }] }
  }
  const whole = Buffer.concat(parts)
  const lock = keptBytes <= INSPECTOR_LIMITS.lockfileBytes && !isGzip ? readLockfile('', whole) : undefined
  if (lock !== undefined && 'lockfile' in lock) {
    return { ...nothing, form: 'npm lockfile', lockfiles: [lock.lockfile], gaps: [] }
  }
  const sample = whole.subarray(0, SAMPLE_BYTES)
  const kind = classifyFile({ path: '', sample, sizeBytes: keptBytes, isExecutable: false })
  const form = otherForm(sample, [], kind)
  return { ...nothing, form, gaps: [notRead(form)] }
}

async function readTar(chunks: Chunks): Promise<Content> {
  const sink = archiveContentSink()
  const reader = tarReader(sink)
  let fault: ListedGap | undefined
  try {
    for await (const chunk of chunks) reader.take(chunk)
    reader.end()
  } catch (error) {
    fault = faultGap(error)
  }
  return placeRoot(sink.finish(), fault === undefined ? [] : [fault])
}

/** Decides what the archive is, and takes away the one folder that npm packs everything into. */
function placeRoot(
  { files, packages, lockfiles, manifests, gaps }: ArchiveContent,
  faults: readonly ListedGap[],
): Content {
  const paths = new Set(files.map(({ path }) => path))
  const isRoot = ['package.json', 'countersign.json', 'package-lock.json', 'npm-shrinkwrap.json'].some((name) =>
    paths.has(name),
  )
  const hasModules = files.some(({ path }) => path.startsWith('node_modules/'))
  const folder = isRoot || hasModules ? undefined : onlyFolder(paths)
  const isPackage = folder !== undefined && paths.has(`${folder}/package.json`)
  const manifest = manifests.get('countersign.json')
  const all = [...faults, ...gaps]
  if (!isRoot && !hasModules && !isPackage) {
    const form = files.length === 0 ? 'empty archive' : otherForm(new Uint8Array(0), [...paths], 'archive')
    const gap = files.length > 0 ? notRead(form) : { code: 'gap.empty', path: '', detail: 'the archive holds no file' }
    return { form, files, packages, lockfiles, gaps: boundGaps(form === 'files' ? all : [...all, gap]) }
  }
  const strip = (path: string) => (isPackage ? path.slice(folder.length + 1) : path)
  return {
    form: isPackage ? 'npm package' : 'npm archive',
    files: files.map((file) => ({
      ...file,
      path: strip(file.path),
      ...(file.target !== undefined && { target: strip(file.target) }),
    })),
    packages: packages.map((one) => ({ ...one, folder: strip(one.folder) })),
    lockfiles: lockfiles.map((one) => ({ ...one, path: strip(one.path) })),
    ...(manifest !== undefined && { manifest }),
    gaps: boundGaps(
      all.map((gap) => ({ ...gap, path: gap.path.startsWith(`${folder}/`) ? strip(gap.path) : gap.path })),
    ),
  }
}

function onlyFolder(paths: ReadonlySet<string>): string | undefined {
  const folders = new Set([...paths].map((path) => path.split('/', 1)[0] ?? ''))
  const [folder] = folders
  return folders.size === 1 ? folder : undefined
}

function isTar(head: Uint8Array): boolean {
  if (head.length < BLOCK_BYTES) return false
  if (Buffer.from(head.subarray(257, 262)).toString('latin1') === 'ustar') return true
  // An archive without any entry is blocks of zeros.
  if (head.subarray(0, 2 * BLOCK_BYTES).every((byte) => byte === 0)) return head.length >= 2 * BLOCK_BYTES
  try {
    const header = readTarHeader(head.subarray(0, BLOCK_BYTES))
    return header !== undefined && header.name !== ''
  } catch {
    return false
  }
}

interface Peeked {
  /** The first bytes, at least two blocks where there are that many. */
  readonly head: Uint8Array
  /** The same bytes and all after them. May fail where the head was readable. */
  readonly all: Chunks
  /** What nobody has read yet. */
  readonly rest: Chunks
}

async function peek(source: Chunks): Promise<Peeked> {
  const iterator = source[Symbol.asyncIterator]()
  const parts: Uint8Array[] = []
  let failure: unknown
  let length = 0
  let isDone = false
  while (length < 2 * BLOCK_BYTES && !isDone && failure === undefined) {
    try {
      const next = await iterator.next()
      isDone = next.done === true
      if (next.done !== true) {
        parts.push(next.value)
        length += next.value.length
      }
    } catch (error) {
      failure = error
    }
  }
  async function* rest(): Chunks {
    if (failure !== undefined) throw failure
    while (!isDone) {
      const next = await iterator.next()
      if (next.done === true) return
      yield next.value
    }
  }
  const following = rest()[Symbol.asyncIterator]()
  async function* all(): Chunks {
    yield* parts
    for (;;) {
      const next = await following.next()
      if (next.done === true) return
      yield next.value
    }
  }
  return { head: Buffer.concat(parts), all: all(), rest: { [Symbol.asyncIterator]: () => following } }
}

async function* gunzip(source: Chunks, counted: { packedBytes: number; unpackedBytes: number }): Chunks {
  const stream = createGunzip({ chunkSize: 256 * 1024 })
  const fed = pipeline(source, stream).catch(() => {})
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      counted.unpackedBytes += chunk.length
      const { unpackedBytes, packedBytes } = counted
      const isBomb =
        unpackedBytes > INSPECTOR_LIMITS.ratioFloorBytes && unpackedBytes > packedBytes * INSPECTOR_LIMITS.ratio
      if (isBomb) throw new TarFault('gap.archive-bomb', `it unpacks to over ${INSPECTOR_LIMITS.ratio} times its size`)
      if (unpackedBytes > INSPECTOR_LIMITS.unpackedBytes) {
        throw new TarFault('gap.archive-too-large', `it unpacks to more than ${INSPECTOR_LIMITS.unpackedBytes} bytes`)
      }
      yield chunk
    }
  } finally {
    stream.destroy()
    await fed
  }
}

function faultGap(error: unknown): ListedGap {
  if (error instanceof TarFault) return { code: error.code, path: '', detail: error.message }
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'Z_BUF_ERROR')
    return { code: 'gap.archive-truncated', path: '', detail: 'the compressed data is cut off' }
  if (code.startsWith('Z_'))
    return { code: 'gap.archive-malformed', path: '', detail: 'the compressed data is damaged' }
  throw error
}

function notRead(form: string): ListedGap {
  return { code: 'gap.form-not-read', path: '', detail: `it is ${form}, which this inspector does not read yet` }
}
