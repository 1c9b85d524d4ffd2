import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { recordingTerminal } from '../output/terminalFixture.ts'
import { check, explain } from './policy.ts'

const example = (name: string) => join(import.meta.dirname, '../../../../docs/policies', name)

test('policy check tells the two kinds apart', async () => {
  const terminal = recordingTerminal()
  const files = [example('new-instance.json'), example('certify-with-exceptions.json')] as const
  for (const file of files) assert.equal(await check(file, terminal), 0)
  assert.deepEqual(terminal.results, [
    { file: files[0], valid: true, kind: 'verification', v: 1, environment: 'production' },
    { file: files[1], valid: true, kind: 'certification', v: 1 },
  ])
  assert.deepEqual(terminal.lines, [
    `${files[0]} is a verification policy, version 1, for production.`,
    `${files[1]} is a certification policy, version 1.`,
  ])
})

test('policy explain says in sentences what either kind asks for', async () => {
  const terminal = recordingTerminal()
  await explain(example('validator-and-approvers.json'), terminal)
  await explain(example('certify-clean-only.json'), terminal)
  assert.ok(terminal.lines.some((line) => line.includes('1 of these 1 validators certified it: embedded')))
  assert.ok(terminal.lines.includes('A certification lives for 90 days.'))
  assert.deepEqual(
    terminal.results.map((one) => (one as { kind: string }).kind),
    ['verification', 'certification'],
  )
})

test('policy.invalid: a broken rule of either kind is named', async () => {
  for (const file of ['bad/policy.invalid.unacceptable-gap.json', 'bad/policy.invalid.missing-field.json']) {
    await assert.rejects(check(example(file), recordingTerminal()), { code: 'policy.invalid' })
  }
})
