import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { errnoOf } from '../errors/errno.ts'
import { crashPoint } from './crashPoint.ts'
import type { DurableOptions } from './durable.ts'
import { filesError } from './errors.ts'

/** A file of a new tree while it is written. */
export interface NewFile {
  /** Appends. */
  write(bytes: Uint8Array): void
  /** The file is complete. */
  close(): void
}

/** A new tree of folders and files that nobody sees before `commit`. Paths are relative to it and have `/` between segments. */
export interface NewTree {
  /** A folder and what is missing above it, mode 0755. */
  folder(path: string): void
  /** A new file, mode 0444 or 0555, and the folders above it. What is there already is an error. */
  file(path: string, isExecutable: boolean): NewFile
  /** A symbolic link as it is given; where it leads is the caller's business. */
  link(path: string, target: string): void
  /**
   * Puts the tree where it belongs, in place of what is there. When this resolves, its name survives power loss; its content
   * is as durable as the disk made it, so whoever relies on it compares it with something that is.
   */
  commit(): Promise<void>
  /** Removes what was written; nothing of it is left. */
  discard(): void
}

/**
 * Begins a tree that will be the folder `path`. A tree that a process before this one left unfinished is removed first.
 * All methods throw `files.no-space`, `files.not-writable`.
 */
export function createTree(path: string, { point }: DurableOptions): NewTree {
  const temporary = `${path}.new`
  const at = (name: string) => join(temporary, ...name.split('/'))
  writing(temporary, () => {
    rmSync(temporary, { recursive: true, force: true })
    mkdirSync(temporary, { recursive: true, mode: 0o755 })
  })
  return {
    folder: (name) => writing(temporary, () => void mkdirSync(at(name), { recursive: true, mode: 0o755 })),
    file: (name, isExecutable) => writing(temporary, () => createFileIn(at(name), isExecutable)),
    link(name, target) {
      writing(temporary, () => {
        mkdirSync(dirname(at(name)), { recursive: true, mode: 0o755 })
        symlinkSync(target, at(name))
      })
    },
    async commit() {
      crashPoint(`${point}:before`)
      writing(path, () => {
        rmSync(path, { recursive: true, force: true })
        renameSync(temporary, path)
        syncFolder(dirname(path))
      })
      crashPoint(`${point}:after`)
    },
    discard: () => rmSync(temporary, { recursive: true, force: true }),
  }
}

/** Removes the folder `path` with everything in it. No such folder: success. Throws `files.not-writable`. */
export async function removeTree(path: string, { point }: DurableOptions): Promise<void> {
  if (!existsSync(path)) return
  crashPoint(`${point}:before`)
  writing(path, () => {
    // Out of sight first, so that nobody meets it half removed.
    const doomed = `${path}.old`
    rmSync(doomed, { recursive: true, force: true })
    renameSync(path, doomed)
    syncFolder(dirname(path))
    rmSync(doomed, { recursive: true, force: true })
  })
  crashPoint(`${point}:after`)
}

/** Makes a folder that belongs to another user, mode 0700; for what that user's program writes. Throws `files.not-writable`. */
export function makeOwnedFolder(path: string, owner: { readonly uid: number; readonly gid: number } | undefined): void {
  writing(path, () => {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    if (owner !== undefined) chownSync(path, owner.uid, owner.gid)
  })
}

/**
 * Makes a folder that only its owner reads and writes, and that the group `gid` may pass through to what it knows the name of;
 * nobody else where `gid` is absent. Throws `files.not-writable`.
 */
export function makePassableFolder(path: string, gid?: number): void {
  writing(path, () => {
    mkdirSync(path, { mode: 0o700 })
    if (gid === undefined) return
    chownSync(path, -1, gid)
    chmodSync(path, 0o710)
  })
}

function createFileIn(path: string, isExecutable: boolean): NewFile {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  const file = openSync(path, 'wx', isExecutable ? 0o555 : 0o444)
  return {
    write(bytes) {
      writing(path, () => {
        for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done)
      })
    },
    close: () => closeSync(file),
  }
}

function syncFolder(path: string): void {
  if (process.platform === 'win32') return
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

function writing<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    const errno = errnoOf(cause)
    if (errno === 'ENOSPC' || errno === 'EDQUOT') {
      throw filesError('files.no-space', `no space left to write ${path}`, { cause })
    }
    if (errno === undefined) throw cause
    throw filesError('files.not-writable', `cannot write ${path}: ${errno}`, { cause })
  }
}
