import assert from 'node:assert/strict'
import { it } from 'node:test'
import { errorPage, writtenErrorPage } from './errorPage.ts'

it('docs/errors.md lists every code as the tables have it (node tools/errorPage.ts --write)', () => {
  assert.equal(writtenErrorPage(), errorPage())
})
