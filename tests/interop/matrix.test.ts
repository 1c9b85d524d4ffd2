import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Matrix } from './matrix.ts'

test('a cell that did not run is a failure', async () => {
  const matrix = new Matrix('who verifies whom', ['a', 'b'], ['c'])
  await matrix.fill('a', 'c', async () => {})
  assert.deepEqual(
    matrix.cells().map(({ row, passed, detail }) => [row, passed, detail]),
    [
      ['a', true, ''],
      ['b', false, 'this cell did not run'],
    ],
  )
  assert.match(matrix.toString(), /a {2}ok\n {2}b {2}FAILED$/)
})

test('a cell that throws says why, and one that was not announced is refused', async () => {
  const matrix = new Matrix('who verifies whom', ['a'], ['c'])
  assert.equal(await matrix.fill('a', 'c', () => Promise.reject(new Error('refused'))), false)
  assert.equal(matrix.cells()[0]?.detail, 'refused')
  await assert.rejects(
    matrix.fill('x', 'c', async () => {}),
    /no cell/,
  )
})
