import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { type Defect, plant, readDefects } from './defect.ts'

const root = path.resolve(import.meta.dirname, '..', '..')
const defect: Defect = {
  what: 'x',
  file: 'a.ts',
  before: 'one',
  after: '$& two',
  caughtBy: { file: 'a.test.ts', title: 'x' },
}

test('a defect takes the place of exactly its text', () => {
  assert.equal(plant(defect, 'one, three'), '$& two, three')
  assert.throws(() => plant(defect, 'three'), /0 times/)
  assert.throws(() => plant(defect, 'one one'), /2 times/)
})

for (const [name, planted] of await readDefects()) {
  test(`the defect ${name} still applies, and its test is still there`, () => {
    assert.notEqual(plant(planted, readFileSync(path.join(root, planted.file), 'utf8')), '')
    const { caughtBy } = planted
    if ('world' in caughtBy) assert.match(caughtBy.world, /^\d+ \d+ \d+ (?:stormy|honest)$/)
    else assert.ok(existsSync(path.join(root, caughtBy.file)))
  })
}
