import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchesPath } from './pathPattern.ts'

const table: readonly (readonly [string, string, boolean])[] = [
  ['**', 'any/where.js', true],
  ['bin/tool', 'bin/tool', true],
  ['bin/tool', 'bin/tool2', false],
  ['bin/tool', 'x/bin/tool', false],
  ['vendor/**', 'vendor/a.js', true],
  ['vendor/**', 'vendor/deep/a.js', true],
  ['vendor/**', 'vendor', false],
  ['vendor/**', 'vendor/', false],
  ['vendor/**', 'vendor2/a.js', false],
]
for (const [pattern, path, expected] of table) {
  test(`${pattern} ${expected ? 'names' : 'does not name'} ${path}`, () => {
    assert.equal(matchesPath(pattern, path), expected)
  })
}
