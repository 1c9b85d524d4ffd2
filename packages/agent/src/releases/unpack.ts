import { createTree, type NewFile } from '@countersign/local/files/folderTree.ts'
import {
  MANIFEST_NAME,
  MAX_MANIFEST_BYTES,
  type Manifest,
  parseManifest,
} from '@countersign/protocol/release/manifest.ts'
import { releasesError } from './errors.ts'
import { readArchive } from './readArchive.ts'

/** What is to be unpacked. */
export interface UnpackJob {
  readonly archive: string
  /** The folder that the content becomes, in one step. */
  readonly folder: string
  /** Lower-case hex SHA-256 that the archive must have. */
  readonly sha256: string
  readonly signal?: AbortSignal
}

/**
 * Unpacks an archive into a new folder that appears only when everything was read, the digest is right and the manifest can be
 * read. Files become read-only; owners and times of the archive are not taken over. A crash leaves the old folder or none.
 * Throws `releases.archive-malformed`, `releases.archive-too-large`, `releases.digest-wrong`, `releases.no-manifest`,
 * `release.*`, `files.*`.
 */
export async function unpack({ archive, folder, sha256, signal }: UnpackJob): Promise<Manifest> {
  const tree = createTree(folder, { point: 'agent.unpack' })
  const manifest: Uint8Array[] = []
  const open: { file?: NewFile | undefined; isManifest: boolean } = { isManifest: false }
  try {
    const read = await readArchive(
      archive,
      {
        entry(entry) {
          if (entry.kind === 'folder') return tree.folder(entry.path)
          if (entry.kind === 'link') return tree.link(entry.path, entry.target)
          open.isManifest = entry.path === MANIFEST_NAME && entry.sizeBytes <= MAX_MANIFEST_BYTES
          open.file = tree.file(entry.path, entry.isExecutable)
        },
        content(bytes) {
          open.file?.write(bytes)
          if (open.isManifest) manifest.push(bytes.slice())
        },
        fileEnd() {
          open.file?.close()
          open.file = undefined
        },
      },
      signal,
    )
    if (read.sha256 !== sha256) throw releasesError('releases.digest-wrong', `the artifact is not ${sha256}`)
    const parsed = readManifest(manifest)
    await tree.commit()
    return parsed
  } catch (error) {
    open.file?.close()
    tree.discard()
    throw error
  }
}

/** The manifest of an archive's pieces. Throws `releases.no-manifest`, `release.*`. */
function readManifest(pieces: readonly Uint8Array[]): Manifest {
  if (pieces.length === 0)
    throw releasesError('releases.no-manifest', `the artifact has no ${MANIFEST_NAME} at its root`)
  return parseManifest(new Uint8Array(Buffer.concat(pieces)))
}
