import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { readStatus, type StatusDeps } from './readStatus.ts'

type Unrecorded = Awaited<ReturnType<StatusDeps['unrecorded']>>[number]

const one: Unrecorded = {
  ...{ log_index: 12, authority: 'ab'.repeat(32), number: '40', sha256: 'cd'.repeat(32), serial: '01' },
  ...{ subject: 'https://sign.example.org/validators/lab', not_after_ms: 0, found_ms: 0, ended_by: null },
  isNumberIssued: false,
}

/** What needs attention because of these certifications. */
async function attention(unrecorded: readonly Unrecorded[]): Promise<string[]> {
  const publicUrl = 'https://sign.example.org'
  const facts = { v: 1, environment: 'development', publicUrl, publicHttpUrl: 'http://sign.example.org', createdAt: '' }
  const deps = {
    ...{ facts, version: '1', startedAt: new Date(), dataFolder: tmpdir(), clock: systemClock, logs: [] },
    jobs: { status: () => [], paused: false },
    ...{ expiries: async () => [], protections: async () => [], unrecorded: async () => unrecorded },
    fleet: async () => ({ validators: [], devices: { admitted: 0, pending: 0, silent: 0 }, attention: [] }),
  } as unknown as StatusDeps
  const found = (await readStatus(deps)).attention
  return found.filter(({ code }) => code === 'status.certification-unrecorded').map(({ message }) => message)
}

test('a certification that was never issued needs attention, with the command that ends it', async () => {
  assert.deepEqual(await attention([]), [])
  const [message, ...more] = await attention([one])
  assert.deepEqual(more, [])
  assert.ok(message?.includes(`countersign revoke --certification 40 --authority ${one.authority} --reason`))
  assert.ok(message?.includes(one.subject) && message.includes(one.sha256))
})

test('where its number was issued as well, that is said before anybody ends both', async () => {
  const [message] = await attention([{ ...one, isNumberIssued: true }])
  assert.match(message ?? '', /also ends the one that was issued under 40/)
})
