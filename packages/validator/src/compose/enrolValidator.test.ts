import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { manualClock } from '@countersign/local/clock/manualClock.ts'
import { writeTicket } from '@countersign/protocol/api/ticket.ts'
import { enrolValidator } from './enrolValidator.ts'
import { writeValidatorFile } from './validatorFile.ts'

const now = new Date('2026-11-20T12:00:00Z')
const ticket = {
  url: 'https://sign.example.org',
  httpUrl: 'http://sign.example.org',
  environment: 'development' as const,
  rootSha256: 'a'.repeat(64),
  expires: new Date('2026-11-21T12:00:00Z'),
}
const forLab = { ...ticket, device: 'lab', secret: 'c2VjcmV0LXNlY3JldC1zZWNyZXQ' }

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-enrol-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function enrol(text?: string) {
  const wrap = { kind: 'key', key: new Uint8Array(32) } as const
  const options = { folder, config: join(folder, 'trust'), wrap, clock: manualClock(now) }
  return enrolValidator(text === undefined ? options : { ...options, ticket: text })
}

test('validator.not-enrolled: an empty folder, and no ticket', async () => {
  await assert.rejects(enrol(), { code: 'validator.not-enrolled' })
})

test('validator.ticket-unfit: a ticket that brings trust, and nothing to enrol with', async () => {
  await assert.rejects(enrol(writeTicket(ticket)), { code: 'validator.ticket-unfit' })
})

test('validator.other-instance: the folder belongs to another instance, or to another validator of the same', async () => {
  const { url, environment, rootSha256 } = ticket
  await writeValidatorFile(folder, { v: 1, name: 'lab', url, environment, rootSha256, enrolledAt: now.toISOString() })
  for (const other of [
    { ...forLab, device: 'annex' },
    { ...forLab, rootSha256: 'b'.repeat(64) },
  ]) {
    await assert.rejects(enrol(writeTicket(other)), { code: 'validator.other-instance' })
  }
  // The ticket fits, so what is looked at next is missing.
  await assert.rejects(enrol(writeTicket(forLab)), { code: 'validator.identity-damaged' })
})
