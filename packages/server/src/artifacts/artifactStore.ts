import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf } from '@countersign/local/errors/errno.ts'
import { makeFolder, removeFile } from '@countersign/local/files/durable.ts'
import { writeStreamedFile } from '@countersign/local/files/streamFile.ts'
import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import { folderBlobs } from '@countersign/platform/blobs/folderBlobs.ts'
import { fromHex } from '@countersign/protocol/json/base64.ts'

/** Bytes by their SHA-256: artifacts, which are not public, and the texts of bundles. Only `remove` takes something away. */
export interface ArtifactStore {
  /**
   * Stores an artifact while it arrives. When this resolves it survives power loss; what breaks off or has another digest
   * leaves nothing. Resolves with the size in bytes. Throws `files.digest-wrong`, `files.too-large`, `files.no-space`.
   */
  putArtifact(sha256: string, pieces: AsyncIterable<Uint8Array>, maxBytes: number): Promise<number>
  /** The size in bytes of a stored artifact, or undefined. */
  statArtifact(sha256: string): Promise<number | undefined>
  /** The bytes of a stored artifact, piece by piece. The file is opened when the first piece is asked for. */
  readArtifact(sha256: string): AsyncIterable<Uint8Array>
  /** Names of all files of artifacts: digests, and what cut off uploads left. */
  fileNames(): Promise<string[]>
  /** Removes one of them, if it is there; it stays removed after power loss. */
  remove(name: string): Promise<void>
  /** Stores the text of a bundle; the same again is success. Resolves with its SHA-256 once it survives power loss. */
  putBundle(text: string): Promise<string>
  /** The text of a stored bundle, or undefined. */
  readBundle(sha256: string): Promise<string | undefined>
  /** Bytes that are free on the disk. */
  freeBytes(): Promise<number>
}

const READ_BYTES = 256 * 1024
/** Only this user: artifacts belong to whoever submitted them. */
const FOLDER_MODE = 0o700

/** Opens the store in `folder`, which is made where it is missing. */
export async function openArtifactStore(folder: string): Promise<ArtifactStore> {
  const files = join(folder, 'files')
  await makeFolder(folder, { point: 'artifacts.folder', mode: FOLDER_MODE })
  await makeFolder(files, { point: 'artifacts.files-folder', mode: FOLDER_MODE })
  const bundles: Blobs = folderBlobs(join(folder, 'bundles'))
  return {
    putArtifact: (sha256, pieces, maxBytes) =>
      writeStreamedFile(join(files, sha256), pieces, {
        point: 'artifacts.file',
        sha256: fromHex(sha256, 'the digest'),
        maxBytes,
        mode: 0o600,
      }),
    async statArtifact(sha256) {
      try {
        return (await stat(join(files, sha256))).size
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return undefined
        throw error
      }
    },
    async *readArtifact(sha256) {
      yield* createReadStream(join(files, sha256), { highWaterMark: READ_BYTES })
    },
    fileNames: () => readdir(files),
    remove: (name) => removeFile(join(files, name), { point: 'artifacts.file-removed' }),
    async putBundle(text) {
      const bytes = new TextEncoder().encode(text)
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      await bundles.putOnce(sha256, bytes, { point: 'artifacts.bundle' })
      return sha256
    },
    async readBundle(sha256) {
      const bytes = await bundles.get(sha256)
      return bytes && new TextDecoder().decode(bytes)
    },
    async freeBytes() {
      const { bavail, bsize } = await statfs(folder)
      return bavail * bsize
    },
  }
}
