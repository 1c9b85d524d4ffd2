import type { Dirent } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errnoOf } from '@countersign/local/errors/errno.ts'
import { createFiles, makeFolder, type NewFile, removeFile, replaceFile } from '@countersign/local/files/durable.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { type BlobObject, type Blobs, checkBlobKey } from './blobs.ts'
import { blobsError } from './errors.ts'

/** Objects that never change are read-only, for an operator's hand as well. */
const ONCE_MODE = 0o444

/**
 * Objects as files below `folder`: a static web server or a mirror can serve them as they are.
 * `folder` and what is missing below it are made when first written to. Beside the codes of `Blobs`, writes throw `files.*`.
 */
export function folderBlobs(folder: string): Blobs {
  return {
    putOnce: (key, bytes, { point }) => putAllOnce(folder, [{ key, bytes }], point),
    putAllOnce: (objects, { point }) => putAllOnce(folder, objects, point),
    async replace(key, bytes, { point }) {
      await replaceFile(await pathForWriting(folder, key), bytes, { point })
    },
    get(key) {
      return unlessAbsent(readFile(pathOf(folder, key)))
    },
    async stat(key) {
      const found = await unlessAbsent(stat(pathOf(folder, key)))
      return found?.isFile() ? { sizeBytes: found.size } : undefined
    },
    async delete(key, { point }) {
      const path = pathOf(folder, key)
      if ((await unlessAbsent(stat(path))) !== undefined) await removeFile(path, { point })
    },
    list(prefix) {
      return prefix === '' ? listBelow(folder, '') : listBelow(pathOf(folder, prefix), `${prefix}/`)
    },
  }
}

async function putAllOnce(folder: string, objects: readonly BlobObject[], point: string): Promise<void> {
  const files: NewFile[] = []
  for (const { key, bytes } of objects) files.push({ path: await pathForWriting(folder, key), bytes })
  try {
    await createFiles(files, { point, mode: ONCE_MODE })
  } catch (error) {
    if (!hasCode(error, 'files.conflict')) throw error
    throw blobsError('blobs.conflict', `an object exists with other content: ${error.message}`, { cause: error })
  }
}

function pathOf(folder: string, key: string): string {
  checkBlobKey(key)
  return join(folder, ...key.split('/'))
}

async function pathForWriting(folder: string, key: string): Promise<string> {
  const path = pathOf(folder, key)
  await makeFolder(dirname(path), { point: 'blobs.folder' })
  return path
}

async function unlessAbsent<Found>(reading: Promise<Found>): Promise<Found | undefined> {
  try {
    return await reading
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errnoOf(error) ?? '')) return undefined
    throw error
  }
}

async function* listBelow(folder: string, prefix: string): AsyncGenerator<string> {
  const entries: Dirent[] = (await unlessAbsent(readdir(folder, { withFileTypes: true }))) ?? []
  for (const entry of entries) {
    // What an interrupted write left behind starts with a dot, which no key does.
    if (entry.name.startsWith('.')) continue
    if (entry.isDirectory()) yield* listBelow(join(folder, entry.name), `${prefix}${entry.name}/`)
    else if (entry.isFile()) yield `${prefix}${entry.name}`
  }
}
