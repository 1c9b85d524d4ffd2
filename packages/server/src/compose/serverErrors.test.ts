import assert from 'node:assert/strict'
import { it } from 'node:test'
import { serverErrors, serverErrorTables } from './serverErrors.ts'

it('keeps every code in one table only', () => {
  const codes = Object.values(serverErrorTables).flatMap((table) => Object.keys(table))
  assert.deepEqual(
    codes.filter((code, index) => codes.indexOf(code) !== index),
    [],
  )
  assert.equal(Object.keys(serverErrors).length, codes.length)
})

it('tells in every row what to do, in a sentence that ends', () => {
  for (const [code, row] of Object.entries(serverErrors)) {
    assert.match(row.sentence, /^[A-Z`].{20,}[.]$/s, code)
  }
})
