import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { errnoOf } from './errno.ts'

test('a failed system call has its word, anything else has none', () => {
  let failure: unknown
  try {
    readFileSync(`${import.meta.filename}.absent`)
  } catch (error) {
    failure = error
  }
  assert.equal(errnoOf(failure), 'ENOENT')
  assert.equal(errnoOf(Object.assign(new Error('x'), { code: 'files.conflict' })), undefined)
  assert.equal(errnoOf(new Error('x')), undefined)
  assert.equal(errnoOf('ENOENT'), undefined)
})
