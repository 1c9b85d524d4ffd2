import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { errnoOf } from '../errors/errno.ts'
import { crashPoint } from './crashPoint.ts'
import { filesError } from './errors.ts'

/** How one durable write is done. */
export interface DurableOptions {
  /** Name of the crash point, a string literal at the call site: `${point}:before` and `${point}:after` surround the write. */
  readonly point: string
  /** Permission bits of a new file or folder; the process's umask still applies. Default: 0644, folders 0755. */
  readonly mode?: number
}

/**
 * Puts `bytes` at `path`, whether or not a file is there; readers see the old content or the new, never a part.
 * When this resolves, the new content survives power loss. When it throws, the old content stands and no temporary file is left.
 * The calls to the disk are synchronous: measured, one fsync takes less time than its way through the thread pool and back.
 * Throws `files.no-space`, `files.not-writable`, `files.fsync-failed`.
 */
export async function replaceFile(path: string, bytes: Uint8Array, options: DurableOptions): Promise<void> {
  withFolder(dirname(path), (folder) => {
    crashPoint(`${options.point}:before`)
    const temporaries = writeTemporaries([{ path, bytes }], options.mode ?? 0o644)
    cleaningUp(temporaries, () => renameSync(temporaries[0] as string, path))
    syncFolder(folder)
    crashPoint(`${options.point}:after`)
  })
}

/**
 * Puts `bytes` at `path`, once. The same bytes there already: success, so callers may retry after a crash.
 * When this resolves, the content survives power loss, also where an earlier process wrote it and died before it could say so.
 * Throws `files.conflict` where other bytes are there, and what `replaceFile` throws.
 */
export async function createFile(path: string, bytes: Uint8Array, options: DurableOptions): Promise<void> {
  await createFiles([{ path, bytes }], options)
}

/** A file and all of its content. */
export interface NewFile {
  readonly path: string
  readonly bytes: Uint8Array
}

/**
 * As `createFile` for several files: the disk confirms all contents and then all names. Its own journal carries each of the two
 * in one go, where one file after the other takes two goes for every file. A crash leaves some of them, each one whole.
 */
export async function createFiles(files: readonly NewFile[], options: DurableOptions): Promise<void> {
  withFolders(new Set(files.map(({ path }) => dirname(path))), (folders) => {
    const { there = [], fresh = [] } = Object.groupBy(files, ({ path }) => (existsSync(path) ? 'there' : 'fresh'))
    for (const file of there) confirmSame(file)
    for (const _ of fresh) crashPoint(`${options.point}:before`)
    const temporaries = writeTemporaries(fresh, options.mode ?? 0o644)
    const appeared = cleaningUp(temporaries, () =>
      fresh.filter(({ path }, at) => !moveUnlessThere(temporaries[at] as string, path)),
    )
    for (const file of appeared) confirmSame(file)
    for (const folder of folders) syncFolder(folder)
    for (const file of fresh) if (!appeared.includes(file)) crashPoint(`${options.point}:after`)
  })
}

/** Folders whose own entry this process has seen on disk; saves the fsyncs of every later call. */
const settledFolders = new Set<string>()

/**
 * Makes the folder `path` and what is missing above it. When this resolves, they survive power loss, also folders that a
 * process before this one made and did not live to sync. A folder that is there already is success.
 * Throws `files.no-space`, `files.not-writable`, `files.fsync-failed`.
 */
export async function makeFolder(path: string, options: DurableOptions): Promise<void> {
  const folder = resolve(path)
  if (settledFolders.has(folder) && existsSync(folder)) return
  // Each folder is settled before one is made in it, so an interrupted process left at most the lowest one unsettled.
  if (existsSync(folder)) return settle(folder)
  if (dirname(folder) !== folder) await makeFolder(dirname(folder), options)
  crashPoint(`${options.point}:before`)
  try {
    mkdirSync(folder, { mode: options.mode ?? 0o755 })
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw writeFailure(folder, error)
  }
  settle(folder)
  crashPoint(`${options.point}:after`)
}

/** Removes the file `path`. When this resolves, it does not come back after power loss. No such file: success. */
export async function removeFile(path: string, options: DurableOptions): Promise<void> {
  withFolder(dirname(path), (folder) => {
    crashPoint(`${options.point}:before`)
    try {
      unlinkSync(path)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw writeFailure(path, error)
    }
    syncFolder(folder)
    crashPoint(`${options.point}:after`)
  })
}

/** An open folder; undefined on Windows, which has no fsync of folders and writes their entries through. */
type OpenFolder = number | undefined

/**
 * Runs `work` with the folder `path` open. It is opened before the write and stays open: the kernel may drop a closed
 * folder's inode together with the write error that fsync should have reported. For writers of this folder.
 */
export function withFolder(path: string, work: (folder: OpenFolder) => void): void {
  withFolders([path], ([folder]) => work(folder))
}

function withFolders(paths: Iterable<string>, work: (folders: readonly OpenFolder[]) => void): void {
  const folders: OpenFolder[] = []
  try {
    for (const path of paths) folders.push(openFolder(path))
    work(folders)
  } finally {
    for (const folder of folders) if (folder !== undefined) closeSync(folder)
  }
}

function openFolder(path: string): OpenFolder {
  try {
    return process.platform === 'win32' ? undefined : openSync(path, 'r')
  } catch (error) {
    throw writeFailure(path, error)
  }
}

/** Beside the paths that they are for, with contents that the disk has confirmed. */
function writeTemporaries(files: readonly NewFile[], mode: number): string[] {
  const temporaries: string[] = []
  cleaningUp(temporaries, () => {
    const open: number[] = []
    try {
      for (const { path, bytes } of files) {
        const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`)
        const file = openSync(temporary, 'wx', mode)
        open.push(file)
        temporaries.push(temporary)
        for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done)
      }
      for (const file of open) syncFile(file)
    } finally {
      for (const file of open) closeSync(file)
    }
  })
  return temporaries
}

function cleaningUp<Result>(temporaries: readonly string[], work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    for (const temporary of temporaries) {
      try {
        unlinkSync(temporary)
      } catch {
        // The first failure is the one to report.
      }
    }
    throw writeFailure(temporaries.at(-1) ?? 'a new file', error)
  }
}

function moveUnlessThere(temporary: string, path: string): boolean {
  let isMoved = true
  try {
    linkSync(temporary, path)
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    isMoved = false
  }
  unlinkSync(temporary)
  return isMoved
}

/** The caller syncs the folder. */
function confirmSame({ path, bytes }: NewFile): void {
  if (!readFileSync(path).equals(bytes)) throw filesError('files.conflict', `${path} exists with other content`)
  // A process may have died between making the file visible and syncing it; this one is about to say that it is durable.
  const file = openSync(path, process.platform === 'win32' ? 'r+' : 'r')
  try {
    syncFile(file)
  } finally {
    closeSync(file)
  }
}

function settle(folder: string): void {
  try {
    withFolder(folder, syncFolder)
    withFolder(dirname(folder), syncFolder)
  } catch (error) {
    // A folder far above that this user may not open was not made by this user either.
    if (!(error instanceof Error && ['EACCES', 'EPERM'].includes(errnoOf(error.cause) ?? ''))) throw error
  }
  settledFolders.add(folder)
}

/** Waits until the disk has confirmed the bytes of an open file; for writers of this folder. Throws `files.fsync-failed`. */
export function syncFile(file: number): void {
  try {
    fsyncSync(file)
  } catch (error) {
    // Late "disk full" is safe to report as such: the file is still a temporary one and is thrown away.
    if (isNoSpace(error)) throw error
    throw filesError('files.fsync-failed', 'the disk did not confirm a file', { cause: error })
  }
}

/**
 * Waits until the disk has confirmed the folder's entries; for writers of this folder. Throws `files.fsync-failed`. Never
 * tried again: after a failed fsync the kernel may have dropped the pages and would report success for nothing.
 */
export function syncFolder(folder: OpenFolder): void {
  if (folder === undefined) return
  try {
    fsyncSync(folder)
  } catch (error) {
    throw filesError('files.fsync-failed', 'the disk did not confirm a folder', { cause: error })
  }
}

function isNoSpace(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(errnoOf(error) ?? '')
}

/** What a failed write to `path` is called: `files.no-space`, `files.not-writable`, or the error itself where it is none of the system's. */
export function writeFailure(path: string, error: unknown): unknown {
  if (isNoSpace(error)) return filesError('files.no-space', `no space left to write ${path}`, { cause: error })
  const errno = errnoOf(error)
  if (errno === undefined) return error
  return filesError('files.not-writable', `cannot write ${path}: ${errno}`, { cause: error })
}
