/**
 * The comparison lines of google/osv-scalibr judge our SemVer. The module comes through Go's ordinary client, pinned by
 * hash in `go.sum`. Fails, never skips, where Go or the module is missing.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { compareSemver } from '@countersign/protocol/ordering/semver.ts'
import { mustRun } from '../../support/runProgram.ts'

const MODULE = 'github.com/google/osv-scalibr'
const LINES_AT_LEAST = 80
const TIMEOUT_MS = 10 * 60_000
const ORDERS: Readonly<Record<string, number>> = { '<': -1, '=': 0, '>': 1 }

async function moduleFolder(): Promise<string> {
  const env = { GOFLAGS: '-mod=readonly' }
  const { stdout } = await mustRun(['go', 'mod', 'download', '-json', MODULE], {
    cwd: import.meta.dirname,
    env,
    timeoutMs: TIMEOUT_MS,
  })
  return (JSON.parse(stdout) as { Dir: string }).Dir
}

function casesOf(text: string): { readonly a: string; readonly b: string; readonly order: number }[] {
  const lines = text.split(/\r?\n/).filter((line) => line !== '' && !/^(?:#|\/\/) ?/.test(line))
  return lines.map((line) => {
    const [a = '', order = '', b = '', ...rest] = line.split(' ')
    assert.ok(order in ORDERS && b !== '' && rest.length === 0, `no comparison: ${line}`)
    return { a, b, order: ORDERS[order] ?? Number.NaN }
  })
}

test('every comparison of osv-scalibr’s SemVer file is ours, both ways round', async () => {
  const file = path.join(await moduleFolder(), 'semantic', 'testdata', 'semver-versions.txt')
  const cases = casesOf(readFileSync(file, 'utf8'))
  const wrong = cases.filter(
    ({ a, b, order }) => Math.sign(compareSemver(a, b)) !== order || Math.sign(compareSemver(b, a)) !== -order + 0,
  )
  console.log(`osv-scalibr semver: ${cases.length - wrong.length} of ${cases.length} cases`)
  assert.ok(cases.length >= LINES_AT_LEAST, 'the file has fewer lines than it had')
  assert.deepEqual(wrong, [])
})
