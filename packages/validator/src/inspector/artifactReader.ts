import { createHash } from 'node:crypto'
import { insidePath, linkTarget, shownName } from './archivePaths.ts'
import { classifyFile, SAMPLE_BYTES } from './classifyFile.ts'
import { INSPECTOR_LIMITS, type ListedFile, type ListedGap, type ListedPackage, type Lockfile } from './listing.ts'
import { LOCKFILE_NAMES, readLockfile } from './readLockfile.ts'
import { readPackageJson } from './readPackageJson.ts'
import { TarFault } from './tarHeader.ts'
import type { TarEntry, TarSink } from './tarReader.ts'

/** What the content of an archive was. */
export interface ArchiveContent {
  readonly files: readonly ListedFile[]
  readonly packages: readonly ListedPackage[]
  readonly lockfiles: readonly Lockfile[]
  /** Bytes of each `countersign.json`, base64, by path. */
  readonly manifests: ReadonlyMap<string, string>
  readonly gaps: readonly ListedGap[]
}

/** Takes the entries of a tar and keeps what a catalogue needs of them. */
export interface ArchiveContentSink extends TarSink {
  /** What was collected, also after a fault. */
  finish(): ArchiveContent
}

interface OpenFile {
  readonly path: string
  readonly entry: TarEntry
  readonly hash: ReturnType<typeof createHash>
  readonly parts: Uint8Array[]
  /** Bytes of content to keep. */
  readonly keepBytes: number
  keptBytes: number
}

/** Bytes kept of files that are read, by the last part of their path. */
const KEPT: ReadonlyMap<string, number> = new Map([
  ['package.json', INSPECTOR_LIMITS.packageJsonBytes],
  ['countersign.json', INSPECTOR_LIMITS.manifestBytes],
  ['.package-lock.json', INSPECTOR_LIMITS.lockfileBytes],
  ...LOCKFILE_NAMES.map((name): [string, number] => [name, INSPECTOR_LIMITS.lockfileBytes]),
])

/**
 * Collects the files of an archive with digest and kind. What is unsafe, twice there, or no file, folder or link becomes a
 * gap and is left out; what is beyond a limit ends the reading with `TarFault`.
 */
export function archiveContentSink(): ArchiveContentSink {
  const files = new Map<string, ListedFile>()
  const packages: ListedPackage[] = []
  const lockfiles: Lockfile[] = []
  const manifests = new Map<string, string>()
  const gaps: ListedGap[] = []
  let entries = 0
  let totalBytes = 0
  let open: OpenFile | undefined

  function addLink(path: string, { type, link, name }: TarEntry): void {
    const hard = type === 'hard link' ? insidePath(link) : undefined
    const target = hard === undefined ? linkTarget(path, link) : 'path' in hard ? hard.path : undefined
    const first = type === 'hard link' && target !== undefined ? files.get(target) : undefined
    if (target === undefined || (type === 'hard link' && first === undefined)) {
      gaps.push({ code: 'gap.archive-unsafe-link', path: shownName(name), detail: `it leads to ${shownName(link)}` })
    } else if (first !== undefined) files.set(path, { ...first, path })
    else files.set(path, { path, kind: 'link', sizeBytes: 0, sha256: '', target })
  }

  function openFile(path: string, entry: TarEntry): void {
    const keepBytes = Math.max(SAMPLE_BYTES, KEPT.get(path.slice(path.lastIndexOf('/') + 1)) ?? 0)
    open = { path, entry, hash: createHash('sha256'), parts: [], keepBytes, keptBytes: 0 }
  }

  function closeFile({ path, entry, hash, parts }: OpenFile): void {
    const kept = Buffer.concat(parts)
    const { sizeBytes, isExecutable } = entry
    const kind = classifyFile({ path, sample: kept.subarray(0, SAMPLE_BYTES), sizeBytes, isExecutable })
    files.set(path, { path, kind, sizeBytes, sha256: hash.digest('hex') })
    const name = path.slice(path.lastIndexOf('/') + 1)
    const maxBytes = KEPT.get(name)
    if (maxBytes === undefined) return
    if (sizeBytes > maxBytes) {
      gaps.push({ code: 'gap.metadata-unreadable', path, detail: `it is larger than ${maxBytes} bytes` })
    } else readKnownFile(path, name, kept)
  }

  function readKnownFile(path: string, name: string, bytes: Uint8Array): void {
    if (name === 'countersign.json') manifests.set(path, bytes.toBase64())
    else if (name === 'package.json') {
      const found = readPackageJson(path.slice(0, Math.max(0, path.length - name.length - 1)), bytes)
      if (found !== undefined) packages.push(found)
      else if (/(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/.test(path)) {
        gaps.push({ code: 'gap.metadata-unreadable', path, detail: 'it is no JSON object' })
      }
    } else if (isInstallRoot(path)) {
      const result = readLockfile(path, bytes)
      if ('lockfile' in result) lockfiles.push(result.lockfile)
      else gaps.push({ code: 'gap.lockfile-unreadable', path, detail: result.failure })
    }
  }

  return {
    entry(entry) {
      entries++
      if (entries > INSPECTOR_LIMITS.entries) {
        throw new TarFault('gap.archive-too-many', `it has more than ${INSPECTOR_LIMITS.entries} entries`)
      }
      totalBytes += entry.sizeBytes
      if (totalBytes > INSPECTOR_LIMITS.unpackedBytes) {
        throw new TarFault('gap.archive-too-large', `it unpacks to more than ${INSPECTOR_LIMITS.unpackedBytes} bytes`)
      }
      const place = insidePath(entry.name)
      if ('gap' in place) gaps.push(place.gap)
      else if (entry.type === 'other') {
        const flag = shownName(entry.typeFlag)
        gaps.push({ code: 'gap.archive-special-file', path: place.path, detail: `an entry of the type "${flag}"` })
      } else if (entry.type !== 'folder') {
        const wrong = place.path === '' ? 'it is the root itself' : nameClash(files, place.path)
        if (wrong !== undefined) gaps.push({ code: 'gap.archive-duplicate-name', path: place.path, detail: wrong })
        else if (entry.type === 'file') openFile(place.path, entry)
        else addLink(place.path, entry)
      } else if (files.has(place.path)) {
        gaps.push({ code: 'gap.archive-duplicate-name', path: place.path, detail: 'it is a file and a folder' })
      }
    },
    content(bytes) {
      if (open === undefined) return
      open.hash.update(bytes)
      if (open.keptBytes >= open.keepBytes) return
      const part = bytes.slice(0, open.keepBytes - open.keptBytes)
      open.parts.push(part)
      open.keptBytes += part.length
    },
    contentEnd() {
      const done = open
      open = undefined
      if (done !== undefined) closeFile(done)
    },
    finish: () => ({ files: [...files.values()], packages, lockfiles, manifests, gaps }),
  }
}

/** The second of two entries of a name would replace the first when unpacked; what lies below a link would land elsewhere. */
function nameClash(files: ReadonlyMap<string, ListedFile>, path: string): string | undefined {
  if (files.has(path)) return 'the name is there twice'
  for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
    if (files.has(path.slice(0, slash))) return `it is below ${path.slice(0, slash)}, which is no folder`
  }
  return undefined
}

/** Lockfiles inside of packages are their authors' own and say nothing about what is installed here. */
function isInstallRoot(path: string): boolean {
  return !path.replace(/(?:^|\/)node_modules\/\.package-lock\.json$/, '').includes('node_modules/')
}
