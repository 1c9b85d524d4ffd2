import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '@countersign/local/clock/clock.ts'
import type { Ticket } from '@countersign/protocol/api/ticket.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { dataFolder } from '../state/dataFolder.ts'
import { saveEnrolment } from '../state/enrolment.ts'
import { enrol } from './enrol.ts'

const rootSha256 = '11'.repeat(32)
const ticket: Ticket = {
  url: 'https://127.0.0.1:1',
  httpUrl: 'http://127.0.0.1:1',
  rootSha256,
  environment: 'development',
  expires: new Date(Date.now() + 3_600_000),
  device: 'front',
  secret: 's'.repeat(32),
}

/** A folder that holds the device `front` already. */
async function enrolledFolder(context: TestContext) {
  const folder = dataFolder(mkdtempSync(join(tmpdir(), 'countersign-enrol-')))
  context.after(() => rmSync(folder.path, { recursive: true, force: true }))
  const enrolledAt = new Date().toISOString()
  await saveEnrolment(folder, { v: 1, name: 'front', url: ticket.url, rootSha256, enrolledAt })
  return folder
}

test('enrol.other-device: a folder that holds a device takes no ticket of another name or instance, and stays as it is', async (context) => {
  const folder = await enrolledFolder(context)
  const before = readFileSync(folder.enrolment, 'utf8')
  for (const other of [{ device: 'back' }, { rootSha256: '22'.repeat(32) }]) {
    await assert.rejects(enrol({ ...ticket, ...other }, folder, { clock: systemClock }), (error) =>
      hasCode(error, 'enrol.other-device'),
    )
  }
  assert.equal(readFileSync(folder.enrolment, 'utf8'), before)
})

test('the same device may enrol again: its instance is asked', async (context) => {
  const folder = await enrolledFolder(context)
  await assert.rejects(enrol(ticket, folder, { clock: systemClock }), (error) => hasCode(error, 'anchors.unreachable'))
})

test('enrol.no-device-ticket: a ticket that only gives trust', async (context) => {
  const { device: _device, secret: _secret, ...trustOnly } = ticket
  await assert.rejects(enrol(trustOnly, await enrolledFolder(context), { clock: systemClock }), (error) =>
    hasCode(error, 'enrol.no-device-ticket'),
  )
})
