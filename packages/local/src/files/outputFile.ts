import { closeSync, copyFileSync, fstatSync, ftruncateSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'

/** What a program prints, in a file that does not grow without end. Nothing of it is durable or trusted. */
export interface OutputFile {
  /** For the program's standard output and error. */
  readonly descriptor: number
  /** Moves what is there to `<path>.1` once it is more than `maxBytes`. What is printed meanwhile may be lost. */
  trim(): void
  /** Gives the descriptor back; the program keeps its own. */
  close(): void
}

/**
 * Opens `path` for appending, mode 0600. The program writes to the file itself, so that it lives on when its agent does not;
 * appending keeps it at the end after the file was emptied. Throws what the system throws.
 */
export function openOutputFile(path: string, maxBytes: number): OutputFile {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const descriptor = openSync(path, 'a', 0o600)
  return {
    descriptor,
    trim() {
      if (fstatSync(descriptor).size <= maxBytes) return
      copyFileSync(path, `${path}.1`)
      ftruncateSync(descriptor, 0)
    },
    close: () => closeSync(descriptor),
  }
}
