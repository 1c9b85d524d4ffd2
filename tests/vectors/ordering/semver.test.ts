import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { compareSemver, parseSemver } from '@countersign/protocol/ordering/semver.ts'

interface Vectors {
  readonly ascending: readonly (readonly string[])[]
  readonly equal: readonly (readonly string[])[]
  readonly refused: readonly string[]
}

const file = path.join(import.meta.dirname, 'semver.json')
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors

function everyPair(list: readonly string[], check: (a: string, b: string, order: number) => void): void {
  for (const [i, a] of list.entries()) for (const [j, b] of list.entries()) check(a, b, Math.sign(i - j))
}

test('each list ascends, whichever two of it are compared', () => {
  for (const list of vectors.ascending) {
    everyPair(list, (a, b, order) => assert.equal(Math.sign(compareSemver(a, b)), order, `${a} and ${b}`))
  }
})

test('what ranks the same ranks the same both ways round', () => {
  for (const list of vectors.equal) everyPair(list, (a, b) => assert.equal(compareSemver(a, b), 0, `${a} and ${b}`))
})

test('what is no version has no place in the order', () => {
  for (const text of vectors.refused) {
    assert.equal(parseSemver(text), undefined, text)
    assert.throws(() => compareSemver(text, '1.0.0'), { code: 'ordering.not-a-version' })
  }
})
