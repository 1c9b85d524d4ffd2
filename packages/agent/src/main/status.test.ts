import assert from 'node:assert/strict'
import { chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { TEST_TIME } from '@countersign/protocol/x509/authorityFixture.ts'
import { bootId, processFacts } from '../enforce/processFacts.ts'
import { dataFolder } from '../state/dataFolder.ts'
import { saveEnrolment } from '../state/enrolment.ts'
import { ServedInstance } from '../state/servedInstanceFixture.ts'
import { saveState } from '../state/stateStore.ts'
import { emptyState } from '../state/storedState.ts'
import { describeStatus, readStatus } from './status.ts'

const own = process.getuid?.() ?? 0

/** A device whose program is this very process, said to run as the user `uid`. */
async function running(context: TestContext, uid?: number) {
  const folder = dataFolder(mkdtempSync(join(tmpdir(), 'countersign-status-')))
  context.after(() => rmSync(folder.path, { recursive: true, force: true }))
  const instance = await ServedInstance.start()
  context.after(() => instance.stop())
  for (const path of [folder.trust, folder.releases]) mkdirSync(path)
  await instance.trustBelow(folder.trust)
  const { url, rootSha256 } = instance
  await saveEnrolment(folder, { v: 1, name: 'front', url, rootSha256, enrolledAt: TEST_TIME.toISOString() })
  const sha256 = 'ab'.repeat(32)
  const release = { product: 'files', channel: 'stable', counter: 1, version: '1.0.0', sha256, signature: sha256 }
  const [startTicks, boot] = [processFacts(process.pid)?.startTicks, bootId()]
  assert.ok(startTicks !== undefined && boot !== undefined)
  await saveState(folder, {
    ...emptyState(TEST_TIME, false),
    releases: [{ ...release, certifications: [], hasRun: true }],
    running: {
      sha256,
      pid: process.pid,
      startTicks,
      bootId: boot,
      ...(uid !== undefined && { uid }),
      startedAt: TEST_TIME.toISOString(),
      port: 8080,
    },
  })
  return folder
}

const rowOf = (lines: readonly string[]) => lines.find((line) => line.startsWith('runs as'))

test('a program that runs as another user than the owner of its files cannot change them', async (context) => {
  const found = await readStatus(await running(context, 65_534))
  assert.equal(found.running?.couldChangeItsFiles, false)
  assert.match(rowOf(describeStatus(found)) ?? '', /user 65534, who cannot write/)
})

test('status says that a program could change its own files: under an agent that is not root, and as root', async (context) => {
  const folder = await running(context, 4711)
  if (own === 0) chownSync(folder.releases, 4711, 4711)
  const uid = own === 0 ? 4711 : own
  for (const one of [own === 0 ? folder : await running(context, uid), await running(context, 0)]) {
    const found = await readStatus(one)
    assert.equal(found.running?.couldChangeItsFiles, true)
    assert.match(rowOf(describeStatus(found)) ?? '', /COULD CHANGE/)
  }
})

test('nothing is claimed of a program that an older version started', async (context) => {
  const found = await readStatus(await running(context))
  assert.equal(found.running?.couldChangeItsFiles, undefined)
  assert.match(rowOf(describeStatus(found)) ?? '', /unknown/)
})
