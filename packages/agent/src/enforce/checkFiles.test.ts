import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { programEntries, testArchive } from '../releases/tarFixture.ts'
import { unpack } from '../releases/unpack.ts'
import { checkFiles } from './checkFiles.ts'

const root = mkdtempSync(join(tmpdir(), 'countersign-check-'))
after(() => rmSync(root, { recursive: true, force: true }))
const archive = join(root, 'artifact.tar.gz')
const folder = join(root, 'files')
const bytes = testArchive(
  programEntries('1.0.0', [
    { name: 'lib/deep/file.js', content: 'one' },
    { name: 'bin/tool', content: 'two', mode: 0o755 },
    { name: 'link', type: '2', link: 'bin/tool' },
  ]),
)
const sha256 = createHash('sha256').update(bytes).digest('hex')

beforeEach(async () => {
  writeFileSync(archive, bytes)
  await unpack({ archive, folder, sha256 })
})

test('what was unpacked is what the archive holds', async () => {
  assert.equal((await checkFiles(archive, folder, sha256)).version, '1.0.0')
})

const changes: Record<string, (at: (path: string) => string) => void> = {
  'a byte changed in an installed file': (at) => {
    chmodSync(at('lib/deep/file.js'), 0o644)
    writeFileSync(at('lib/deep/file.js'), 'onf')
    chmodSync(at('lib/deep/file.js'), 0o444)
  },
  'a byte appended': (at) => {
    chmodSync(at('serve.js'), 0o644)
    appendFileSync(at('serve.js'), '\n')
    chmodSync(at('serve.js'), 0o444)
  },
  'a file too many': (at) => writeFileSync(at('lib/extra.js'), ''),
  'a file too few': (at) => unlinkSync(at('lib/deep/file.js')),
  'a link that leads elsewhere': (at) => {
    unlinkSync(at('link'))
    symlinkSync('/bin/sh', at('link'))
  },
  'a link in place of a file': (at) => {
    renameSync(at('serve.js'), join(root, 'moved.js'))
    symlinkSync(join(root, 'moved.js'), at('serve.js'))
  },
  'a file that others may write': (at) => chmodSync(at('serve.js'), 0o666),
  'an execute bit too many': (at) => chmodSync(at('serve.js'), 0o555),
  'everything gone': () => rmSync(folder, { recursive: true }),
}
for (const [what, change] of Object.entries(changes)) {
  test(`enforce.files-changed: ${what}`, async () => {
    change((path) => join(folder, path))
    await assert.rejects(checkFiles(archive, folder, sha256), (error) => hasCode(error, 'enforce.files-changed'))
  })
}

test('releases.digest-wrong: archive and files exchanged together', async () => {
  const other = testArchive(programEntries('1.0.0', [{ name: 'evil.js', content: 'evil' }]))
  writeFileSync(archive, other)
  await unpack({ archive, folder, sha256: createHash('sha256').update(other).digest('hex') })
  await assert.rejects(checkFiles(archive, folder, sha256), (error) => hasCode(error, 'releases.digest-wrong'))
})
