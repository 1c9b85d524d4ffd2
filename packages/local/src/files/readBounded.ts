import { open } from 'node:fs/promises'
import { errnoOf } from '../errors/errno.ts'
import { filesError } from './errors.ts'

/**
 * Reads all of `path`, which holds at most `maxBytes` bytes. Counts what it reads instead of trusting the size on disk,
 * so pipes and files that grow are bounded too.
 * Throws `files.not-found`, `files.not-readable`, `files.too-large`.
 */
export async function readBounded(path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    await using file = await open(path, 'r')
    const chunks: Uint8Array[] = []
    let totalBytes = 0
    for await (const chunk of file.createReadStream({ highWaterMark: 256 * 1024, autoClose: false })) {
      totalBytes += chunk.length
      if (totalBytes > maxBytes) throw filesError('files.too-large', `${path} is larger than ${maxBytes} bytes`)
      chunks.push(chunk)
    }
    return new Uint8Array(Buffer.concat(chunks, totalBytes))
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === undefined) throw error
    if (errno === 'ENOENT') throw filesError('files.not-found', `there is no file ${path}`, { cause: error })
    throw filesError('files.not-readable', `cannot read ${path}: ${errno}`, { cause: error })
  }
}
