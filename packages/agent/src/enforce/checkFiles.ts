import { createHash, type Hash, hash } from 'node:crypto'
import { constants } from 'node:fs'
import { lstat, open, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf } from '@countersign/local/errors/errno.ts'
import {
  MANIFEST_NAME,
  MAX_MANIFEST_BYTES,
  type Manifest,
  parseManifest,
} from '@countersign/protocol/release/manifest.ts'
import { releasesError } from '../releases/errors.ts'
import { readArchive } from '../releases/readArchive.ts'
import { enforceError } from './errors.ts'

/** What has to lie on disk, by path. */
type Expected =
  | { readonly kind: 'folder' }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'file'; readonly sha256: string; readonly isExecutable: boolean }

const GROUP_OR_OTHERS_WRITE = 0o022
const OWNER_EXECUTES = 0o100

/**
 * Proves that `folder` holds exactly what the archive of digest `sha256` holds: no byte, file, link or execute bit more, less
 * or other, and nothing that other users may write. The archive itself is hashed in the same pass, so an attacker would have
 * to change what the developer signed. Resolves with the manifest as the archive has it.
 * Throws `enforce.files-changed`, `releases.digest-wrong`, `releases.no-manifest`, `releases.archive-*`, `release.*`, `files.*`.
 */
export async function checkFiles(archive: string, folder: string, sha256: string): Promise<Manifest> {
  const { expected, manifest, ...read } = await readExpected(archive)
  if (read.sha256 !== sha256) throw releasesError('releases.digest-wrong', `${archive} is not ${sha256}`)
  const found = await compareFolder(folder, '', expected)
  const missing = [...expected.keys()].find((path) => !found.has(path))
  if (missing !== undefined) throw changed(missing, 'is missing')
  if (manifest === undefined) throw releasesError('releases.no-manifest', `the artifact has no ${MANIFEST_NAME}`)
  return parseManifest(manifest)
}

async function readExpected(archive: string) {
  const expected = new Map<string, Expected>()
  const manifest: Uint8Array[] = []
  let content: Hash | undefined
  let current = { path: '', isExecutable: false }
  const read = await readArchive(archive, {
    entry(entry) {
      for (let slash = entry.path.indexOf('/'); slash > 0; slash = entry.path.indexOf('/', slash + 1)) {
        expected.set(entry.path.slice(0, slash), { kind: 'folder' })
      }
      if (entry.kind === 'folder') expected.set(entry.path, { kind: 'folder' })
      if (entry.kind === 'link') expected.set(entry.path, { kind: 'link', target: entry.target })
      if (entry.kind !== 'file') return
      current = entry
      content = createHash('sha256')
    },
    content(bytes) {
      content?.update(bytes)
      const isWanted = current.path === MANIFEST_NAME && manifest.length * bytes.length <= MAX_MANIFEST_BYTES
      if (isWanted) manifest.push(bytes.slice())
    },
    fileEnd() {
      const { path, isExecutable } = current
      expected.set(path, { kind: 'file', sha256: content?.digest('hex') ?? '', isExecutable })
    },
  })
  return { ...read, expected, ...(manifest.length > 0 && { manifest: new Uint8Array(Buffer.concat(manifest)) }) }
}

/** Compares everything below `path` and returns the paths that are there. */
async function compareFolder(
  root: string,
  path: string,
  expected: ReadonlyMap<string, Expected>,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  const waiting = [path]
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    for (const name of await namesIn(join(root, folder))) {
      const inner = folder === '' ? name : `${folder}/${name}`
      const wanted = expected.get(inner)
      if (wanted === undefined) throw changed(inner, 'is not in the artifact')
      await compare(join(root, inner), inner, wanted)
      found.add(inner)
      if (wanted.kind === 'folder') waiting.push(inner)
    }
  }
  return found
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (cause) {
    throw enforceError('enforce.files-changed', `${folder} cannot be read: ${errnoOf(cause) ?? 'unknown'}`, { cause })
  }
}

async function compare(path: string, shown: string, wanted: Expected): Promise<void> {
  const { mode, ...stats } = await lstat(path)
  if (wanted.kind === 'link') {
    const target = (mode & constants.S_IFMT) === constants.S_IFLNK ? await readlink(path) : undefined
    if (target !== wanted.target) throw changed(shown, 'is another link')
    return
  }
  const type = wanted.kind === 'folder' ? constants.S_IFDIR : constants.S_IFREG
  if ((mode & constants.S_IFMT) !== type) throw changed(shown, `is no ${wanted.kind}`)
  if ((mode & GROUP_OR_OTHERS_WRITE) !== 0 || stats.uid !== (process.getuid?.() ?? stats.uid)) {
    throw changed(shown, 'can be written by others')
  }
  if (wanted.kind === 'folder') return
  if (((mode & OWNER_EXECUTES) !== 0) !== wanted.isExecutable) throw changed(shown, 'has another mode')
  if ((await digestOf(path)) !== wanted.sha256) throw changed(shown, 'has other bytes')
}

/** Files are small as a rule, and then one read is faster than a stream. */
async function digestOf(path: string): Promise<string> {
  await using file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  const { size } = await file.stat()
  if (size <= 1024 * 1024) return hash('sha256', await file.readFile(), 'hex')
  const content = createHash('sha256')
  for await (const chunk of file.createReadStream({ highWaterMark: 256 * 1024, autoClose: false }))
    content.update(chunk)
  return content.digest('hex')
}

function changed(path: string, what: string) {
  return enforceError('enforce.files-changed', `${path.replace(/\p{Cc}/gu, '?')} ${what}`)
}
