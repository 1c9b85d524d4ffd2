import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { programUser } from './programUser.ts'

const root = mkdtempSync(join(tmpdir(), 'countersign-user-'))
after(() => rmSync(root, { recursive: true, force: true }))
const inner = join(root, 'inner')
mkdirSync(inner, { mode: 0o755 })
const isRoot = process.getuid?.() === 0

test('whoever is asked for, by numbers or by name', () => {
  assert.deepEqual(programUser('1000:100', inner), { uid: 1000, gid: 100 })
  assert.deepEqual(programUser('root', inner), { uid: 0, gid: 0 })
})

test('enforce.not-started: a user whom this system does not know', () => {
  for (const asked of ['no-such-user-here', '1000', '1000:']) {
    assert.throws(
      () => programUser(asked, inner),
      (error) => hasCode(error, 'enforce.not-started'),
    )
  }
})

test('nobody for root where it can reach the folder, else the own user', () => {
  chmodSync(root, 0o755)
  assert.deepEqual(programUser(undefined, inner), isRoot ? { uid: 65_534, gid: 65_534 } : undefined)
  chmodSync(root, 0o700)
  assert.equal(programUser(undefined, inner), undefined)
})
