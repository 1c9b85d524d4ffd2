import assert from 'node:assert/strict'
import { test } from 'node:test'
import { validatorErrors, validatorErrorTables } from './validatorErrors.ts'

test('every code stands in one table only', () => {
  const codes = Object.values(validatorErrorTables).flatMap((table) => Object.keys(table))
  assert.deepEqual(
    codes.filter((code, index) => codes.indexOf(code) !== index),
    [],
  )
  assert.equal(Object.keys(validatorErrors).length, codes.length)
})

test('every row says what to do, in a sentence that ends', () => {
  for (const [code, row] of Object.entries(validatorErrors))
    assert.match(row.sentence, /^[A-Z`].{20,}[.]$|: .+$/s, code)
})
