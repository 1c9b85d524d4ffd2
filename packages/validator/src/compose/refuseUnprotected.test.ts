import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refuseUnprotected } from './refuseUnprotected.ts'

const [on, off] = [{ active: true }, { active: false }]

test('validator.unprotected: in production, with nothing active, and nobody has allowed it', () => {
  for (const protections of [[], [off], [off, off]]) {
    assert.throws(() => refuseUnprotected('production', protections, false), { code: 'validator.unprotected' })
    refuseUnprotected('production', protections, true)
    refuseUnprotected('development', protections, false)
    refuseUnprotected('development', protections, true)
  }
})

test('one active protection is enough, whichever it is', () => {
  for (const protections of [[on], [on, off], [off, on]]) {
    for (const environment of ['production', 'development'] as const) refuseUnprotected(environment, protections, false)
  }
})
