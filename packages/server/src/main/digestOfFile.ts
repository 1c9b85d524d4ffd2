import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { errnoOf } from '@countersign/local/errors/errno.ts'
import { filesError } from '@countersign/local/files/errors.ts'

/** Hex SHA-256 of a file of any size. Throws `files.not-found`, `files.not-readable`. */
export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    for await (const piece of createReadStream(path)) hash.update(piece)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') throw filesError('files.not-found', `there is no file ${path}`, { cause: error })
    throw filesError('files.not-readable', `cannot read ${path}: ${errnoOf(error)}`, { cause: error })
  }
  return hash.digest('hex')
}
