import { createHash, randomBytes } from 'node:crypto'
import { existsSync, renameSync } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { equalBytes } from '@countersign/protocol/json/base64.ts'
import { crashPoint } from './crashPoint.ts'
import { type DurableOptions, syncFile, syncFolder, withFolder, writeFailure } from './durable.ts'
import { filesError } from './errors.ts'

/** How a file is written whose content is known by its digest. */
export interface StreamOptions extends DurableOptions {
  /** SHA-256 that the whole content must have. */
  readonly sha256: Uint8Array
  /** Largest content, in bytes. */
  readonly maxBytes: number
}

/**
 * Puts the bytes of `pieces` at `path`, where no part of them is seen before all have arrived and have the digest. When
 * this resolves, the content survives power loss; when it throws, `path` is as it was and no temporary file is left.
 * Whatever was at `path` is replaced: a file that is there already has the same content, or was damaged.
 * Resolves with the size in bytes. Throws `files.digest-wrong`, `files.too-large`, what `replaceFile` throws, and what
 * `pieces` throws.
 */
export async function writeStreamedFile(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
  options: StreamOptions,
): Promise<number> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    const sizeBytes = await writeTemporary(temporary, pieces, options)
    withFolder(dirname(path), (folder) => {
      crashPoint(`${options.point}:before`)
      renameSync(temporary, path)
      syncFolder(folder)
      crashPoint(`${options.point}:after`)
    })
    return sizeBytes
  } catch (error) {
    if (existsSync(temporary)) await unlink(temporary).catch(() => {})
    throw writeFailure(path, error)
  }
}

async function writeTemporary(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
  { sha256, maxBytes, mode }: StreamOptions,
): Promise<number> {
  const file = await open(path, 'wx', mode ?? 0o644)
  try {
    const { digest, sizeBytes } = await writePieces(file, pieces, maxBytes)
    if (!equalBytes(digest, sha256)) throw filesError('files.digest-wrong', 'the bytes have another SHA-256 digest')
    syncFile(file.fd)
    return sizeBytes
  } finally {
    await file.close()
  }
}

async function writePieces(file: FileHandle, pieces: AsyncIterable<Uint8Array>, maxBytes: number) {
  const hash = createHash('sha256')
  let sizeBytes = 0
  for await (const piece of pieces) {
    sizeBytes += piece.length
    if (sizeBytes > maxBytes) throw filesError('files.too-large', `the content is larger than ${maxBytes} bytes`)
    hash.update(piece)
    for (let done = 0; done < piece.length; ) done += (await file.write(piece, done)).bytesWritten
  }
  return { digest: new Uint8Array(hash.digest()), sizeBytes }
}
