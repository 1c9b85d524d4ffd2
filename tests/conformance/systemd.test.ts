import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { inTemporaryFolder } from '../support/temporaryFolder.ts'

const deploy = path.resolve(import.meta.dirname, '..', '..', 'deploy')
const units = ['countersign-agent.service', 'countersign-server.service', 'countersign-validator.service']

/** What systemd itself says of a unit file; the Debian package systemd brings the judge. */
function judge(file: string) {
  const { status, stderr, error } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' })
  return { status: error === undefined ? status : 127, said: error?.message ?? stderr }
}

for (const unit of units) {
  test(`systemd accepts ${unit} without a remark`, () => {
    assert.deepEqual(judge(path.join(deploy, unit)), { status: 0, said: '' })
  })

  test(`${unit} gives its program no more than it needs`, () => {
    const text = readFileSync(path.join(deploy, unit), 'utf8')
    for (const line of [
      'NoNewPrivileges=yes',
      'ProtectSystem=strict',
      'ProtectHome=yes',
      'SystemCallErrorNumber=EPERM',
    ]) {
      assert.ok(text.split('\n').includes(line), `${unit} has no ${line}`)
    }
  })
}

test('systemd would have seen a mistake', () =>
  inTemporaryFolder('countersign-systemd-', async (folder) => {
    const file = path.join(folder, 'countersign-agent.service')
    const text = readFileSync(path.join(deploy, 'countersign-agent.service'), 'utf8')
    writeFileSync(file, text.replace('KillMode=mixed', 'KillMode=sometimes'))
    assert.match(judge(file).said, /KillMode|kill mode/i)
  }))
