import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after } from 'node:test'

/** openssl at work in a folder of its own, which is gone after the last test of the file. */
export interface Openssl {
  /** Exit status and everything it says; fails where there is no openssl. */
  ask(...args: readonly string[]): { readonly status: number | null; readonly output: string }
  /** It must say `pattern` and end well. */
  accepts(pattern: RegExp, ...args: readonly string[]): void
  /** It must say `pattern` and end badly. */
  refuses(pattern: RegExp, ...args: readonly string[]): void
  /** Writes a file for it, and gives the name back. */
  put(name: string, content: string | Uint8Array): string
  /** Reads a file that it wrote. */
  read(name: string): Buffer
}

/** Fails, never skips, where openssl is missing: a conformance that did not run is not conformance. */
export function openOpenssl(): Openssl {
  const folder = mkdtempSync(path.join(tmpdir(), 'openssl-conformance-'))
  after(() => rmSync(folder, { recursive: true }))

  function ask(...args: readonly string[]) {
    const run = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' })
    assert.equal(run.error, undefined, 'openssl must be installed for this test')
    return { status: run.status, output: run.stdout + run.stderr }
  }

  return {
    ask,
    accepts(pattern, ...args) {
      const { status, output } = ask(...args)
      assert.match(output, pattern)
      assert.equal(status, 0, output)
    },
    refuses(pattern, ...args) {
      const { status, output } = ask(...args)
      assert.match(output, pattern)
      assert.notEqual(status, 0, output)
    },
    put(name, content) {
      writeFileSync(path.join(folder, name), content)
      return name
    },
    read: (name) => readFileSync(path.join(folder, name)),
  }
}
