/**
 * The comparisons that others published for SemVer judge ours: the lines of google/osv-scalibr, and the tables in the tests of
 * golang.org/x/mod and Masterminds/semver, read from their sources. The modules come through Go's ordinary client, pinned by
 * hash in `go.sum`. Fails, never skips, where Go or a module is missing.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { compareSemver } from '@countersign/protocol/ordering/semver.ts'
import { mustRun } from '../../support/runProgram.ts'

const TIMEOUT_MS = 10 * 60_000
const ORDERS: Readonly<Record<string, number>> = { '<': -1, '=': 0, '>': 1 }

interface Case {
  readonly a: string
  readonly b: string
  readonly order: number
}

async function readModule(module: string, ...file: readonly string[]): Promise<string> {
  const env = { GOFLAGS: '-mod=readonly' }
  const { stdout } = await mustRun(['go', 'mod', 'download', '-json', module], {
    cwd: import.meta.dirname,
    env,
    timeoutMs: TIMEOUT_MS,
  })
  const { Dir: folder } = JSON.parse(stdout) as { Dir: string }
  return readFileSync(path.join(folder, ...file), 'utf8')
}

/** Lines `A < B`. */
function readLines(text: string): Case[] {
  const lines = text.split(/\r?\n/).filter((line) => line !== '' && !/^(?:#|\/\/) ?/.test(line))
  return lines.map((line) => {
    const [a = '', order = '', b = '', ...rest] = line.split(' ')
    assert.ok(order in ORDERS && b !== '' && rest.length === 0, `no comparison: ${line}`)
    return { a, b, order: ORDERS[order] ?? Number.NaN }
  })
}

/** A Go table of versions in their order, each with its canonical form: equal forms rank the same, an empty one is no version. */
function readSorted(text: string): Case[] {
  const table = /^var tests = \[\]struct \{[^}]*\}\{\n(.*?)^\}/ms.exec(text)?.[1] ?? ''
  const rows = [...table.matchAll(/\{"([^"]*)", "([^"]*)"\}/g)].map(([, a = '', form = '']) => ({ a, form }))
  const versions = rows.filter(({ form }) => form !== '')
  return versions.flatMap(({ a, form }, at) =>
    versions.slice(at + 1).map((other) => ({ a, b: other.a, order: other.form === form ? 0 : -1 })),
  )
}

/** A Go table `{"A", "B", -1}` in the test of this name. */
function readTable(text: string, name: string): Case[] {
  const body = text.split(`func ${name}(`)[1]?.split('\nfunc ')[0] ?? ''
  const rows = body.matchAll(/\{"([^"]+)", "([^"]+)", (-?[01])\}/g)
  return [...rows].map(([, a = '', b = '', order]) => ({ a, b, order: Number(order) }))
}

function judge(corpus: string, cases: readonly Case[], leastCases: number): void {
  const wrong = cases.filter(
    ({ a, b, order }) => Math.sign(compareSemver(a, b)) !== order || Math.sign(compareSemver(b, a)) !== -order + 0,
  )
  console.log(`${corpus}: ${cases.length - wrong.length} of ${cases.length} cases`)
  assert.ok(cases.length >= leastCases, `${corpus} has fewer cases than it had`)
  assert.deepEqual(wrong, [])
}

test('every comparison of osv-scalibr’s SemVer file is ours, both ways round', async () => {
  const text = await readModule('github.com/google/osv-scalibr', 'semantic', 'testdata', 'semver-versions.txt')
  judge('osv-scalibr semver', readLines(text), 86)
})

test('every pair of golang.org/x/mod’s table is ours, both ways round', async () => {
  const text = await readModule('golang.org/x/mod', 'semver', 'semver_test.go')
  judge('golang.org/x/mod semver', readSorted(text), 276)
})

test('every comparison of Masterminds/semver is ours, both ways round', async () => {
  const text = await readModule('github.com/Masterminds/semver/v3', 'version_test.go')
  judge('Masterminds/semver TestCompare', readTable(text, 'TestCompare'), 19)
})
