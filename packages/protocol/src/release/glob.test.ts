import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matchesGlob, whatIsWrongWithGlob } from './glob.ts'

const covered: readonly (readonly [glob: string, path: string])[] = [
  ['server.js', 'server.js'],
  ['*.js', 'server.js'],
  ['*.js', '.js'],
  ['*', '.hidden'],
  ['s?rver.js', 'server.js'],
  ['s?rver.js', 's\u{1f600}rver.js'],
  ['a*b*c', 'aXbYbZc'],
  ['src/*/x.js', 'src/a/x.js'],
  ['src/**', 'src/a'],
  ['src/**', 'src/a/b/c.js'],
  ['**', 'a/b/c'],
  ['**/x.js', 'x.js'],
  ['**/x.js', 'a/b/x.js'],
  ['a/**/b/**/c', 'a/b/c'],
  ['a/**/b/**/c', 'a/x/b/y/b/z/c'],
  ['a/**/*.js', 'a/b.js'],
  ['[ab].js', '[ab].js'],
]
for (const [glob, path] of covered) test(`${glob} covers ${path}`, () => assert.ok(matchesGlob(glob, path)))

const left: readonly (readonly [glob: string, path: string])[] = [
  ['server.js', 'Server.js'],
  ['server.js', 'a/server.js'],
  ['*.js', 'a/b.js'],
  ['*', 'a/b'],
  ['?', 'ab'],
  ['?', ''],
  ['src/**', 'src'],
  ['src/**', 'srcx/a'],
  ['src/*', 'src/a/b'],
  ['a/**/c', 'a/b'],
  ['[ab].js', 'a.js'],
  ['**', 'node_modules/a/index.js'],
  ['**', 'lib/node_modules/a/index.js'],
  ['**', 'lib/Node_Modules/a/index.js'],
  ['lib/*/a/index.js', 'lib/node_modules/a/index.js'],
  ['**', '../a'],
  ['**', 'a/./b'],
  ['**', 'a//b'],
  ['**', '/a'],
  ['**', `${'a/'.repeat(2048)}a`],
  ['', ''],
  ['node_modules/**', 'node_modules/a'],
  ['a\\b', 'a\\b'],
  ['a**', 'ab'],
]
for (const [glob, path] of left) {
  test(`${glob || 'nothing'} leaves ${path.slice(0, 40) || 'nothing'}`, () => assert.ok(!matchesGlob(glob, path)))
}

test('a hostile glob costs no more than its length times that of the path', () => {
  const started = performance.now()
  assert.ok(!matchesGlob(`${'*a'.repeat(250)}b`, 'a'.repeat(4000)))
  assert.ok(!matchesGlob(`${'**/a/'.repeat(100)}b`, `${'a/'.repeat(2000)}c`))
  assert.ok(performance.now() - started < 1000)
})

test('a path without special characters is covered by itself, with * for any segment and by **', () => {
  const segment = fc.stringMatching(/^[a-z0-9_-]{1,8}$/).filter((one) => one !== 'node_modules')
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 6 }), fc.nat(5), (segments, at) => {
      const path = segments.join('/')
      const starred = segments.with(at % segments.length, '*').join('/')
      for (const glob of [path, starred, '**']) assert.ok(matchesGlob(glob, path), glob)
      assert.ok(!matchesGlob(path, `${path}/x`))
      assert.equal(whatIsWrongWithGlob(starred), undefined)
    }),
  )
})
