import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { errnoOf } from '../errors/errno.ts'
import { filesError } from './errors.ts'

/** The right to be the only process that uses a folder. */
export interface FolderLock {
  /** Lets the next process in. Calling it again does nothing. */
  release(): void
}

const SQLITE_BUSY = 5

/**
 * Takes the folder for this process alone, until `release` or the end of the process, however it ends.
 * An exclusive SQLite lock does it, because the operating system drops it with the process: no stale lock files, no process ids.
 * Throws `files.locked` where another process, or this one, holds it.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const database = openLockFile(folder)
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (isBusy(error)) throw filesError('files.locked', `another process uses ${folder}`, { cause: error })
    throw filesError('files.not-writable', `cannot lock ${folder}`, { cause: error })
  }
  return {
    release() {
      if (database.isOpen) database.close()
    },
  }
}

function openLockFile(folder: string): DatabaseSync {
  try {
    return new DatabaseSync(join(folder, 'lock'), { timeout: 0 })
  } catch (error) {
    const reason = errnoOf(error) ?? 'the lock file does not open'
    throw filesError('files.not-writable', `cannot lock ${folder}: ${reason}`, { cause: error })
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY
}
