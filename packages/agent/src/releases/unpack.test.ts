import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { programEntries, type TestEntry, testArchive } from './tarFixture.ts'
import { unpack } from './unpack.ts'

const folder = mkdtempSync(join(tmpdir(), 'countersign-unpack-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const target = join(folder, 'files')

function unpackBytes(bytes: Uint8Array, sha256 = createHash('sha256').update(bytes).digest('hex')) {
  const archive = join(folder, 'artifact.tar.gz')
  writeFileSync(archive, bytes)
  rmSync(target, { recursive: true, force: true })
  return unpack({ archive, folder: target, sha256 })
}

const withEntries = (...more: TestEntry[]) => unpackBytes(testArchive(programEntries('1.0.0', more)))

async function refused(unpacking: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(unpacking, (error) => hasCode(error, code) || assert.fail(`not ${code}: ${String(error)}`))
  assert.equal(existsSync(target), false, 'nothing may appear')
  assert.equal(existsSync(`${target}.new`), false, 'nothing may be left behind')
}

test('files become read-only, the execute bit and inner links are kept, the manifest is read', async () => {
  const manifest = await withEntries(
    { name: './bin/', type: '5' },
    { name: './bin/tool', content: '#!/bin/sh\n', mode: 0o755 },
    { name: 'node_modules/.bin/tool', type: '2', link: '../../bin/tool' },
  )
  assert.deepEqual([manifest.product, manifest.version], ['files', '1.0.0'])
  assert.equal(lstatSync(join(target, 'serve.js')).mode & 0o777, 0o444)
  assert.equal(lstatSync(join(target, 'bin/tool')).mode & 0o777, 0o555)
  assert.equal(readlinkSync(join(target, 'node_modules/.bin/tool')), '../../bin/tool')
})

test('long names of pax and GNU headers count', async () => {
  const long = `node_modules/${'a'.repeat(90)}/${'b'.repeat(90)}.js`
  const record = ` path=${long}\n`
  const length = record.length + String(record.length + 3).length
  await withEntries(
    { name: 'pax', type: 'x', content: `${length}${record}` },
    { name: 'short', content: 'pax' },
    { name: '././@LongLink', type: 'L', content: `${long}.gnu\0` },
    { name: 'short', content: 'gnu' },
  )
  assert.equal(readFileSync(join(target, long), 'utf8'), 'pax')
  assert.equal(readFileSync(join(target, `${long}.gnu`), 'utf8'), 'gnu')
})

const hostile: Record<string, TestEntry[]> = {
  'a path with ..': [{ name: 'a/../../out', content: 'x' }],
  'an absolute path': [{ name: '/etc/out', content: 'x' }],
  'a backslash': [{ name: 'a\\b', content: 'x' }],
  'a name that is there twice': [
    { name: 'twice', content: 'x' },
    { name: './twice', content: 'y' },
  ],
  'a link out': [{ name: 'a/out', type: '2', link: '../../etc/passwd' }],
  'an absolute link': [{ name: 'out', type: '2', link: '/etc/passwd' }],
  'a link out by way of another': [
    { name: 'a/here', type: '2', link: '..' },
    { name: 'out', type: '2', link: 'a/here/../..' },
  ],
  'a file below a link': [
    { name: 'here', type: '2', link: 'serve' },
    { name: 'here/file', content: 'x' },
  ],
  'a file below a file': [{ name: 'serve.js/file', content: 'x' }],
  'a hard link': [{ name: 'hard', type: '1', link: 'serve.js' }],
  'a device': [{ name: 'null', type: '3' }],
  'a pipe': [{ name: 'pipe', type: '6' }],
  'too many folders above': [
    { name: '././@LongLink', type: 'L', content: `${'d/'.repeat(65)}f\0` },
    { name: 'short', content: 'x' },
  ],
}
for (const [what, entries] of Object.entries(hostile)) {
  test(`releases.archive-malformed: ${what}`, () => refused(withEntries(...entries), 'releases.archive-malformed'))
}

test('releases.archive-malformed: truncated, empty, no gzip, without end, with something behind', async () => {
  const whole = testArchive(programEntries('1.0.0'))
  for (const bytes of [
    whole.subarray(0, whole.length - 20),
    new Uint8Array(),
    new Uint8Array(Buffer.from('plain')),
    testArchive(programEntries('1.0.0'), { isEnded: false }),
    new Uint8Array(gzipSync(Buffer.concat([Buffer.alloc(1024), Buffer.alloc(512, 1)]))),
  ]) {
    await refused(unpackBytes(bytes), 'releases.archive-malformed')
  }
})

test('releases.archive-too-large: a header that announces terabytes is refused before they are read', () => {
  const size = 'size=5000000000\n'
  const bomb = [
    { name: 'pax', type: 'x', content: `19 ${size}` },
    { name: 'bomb', content: '' },
  ]
  return refused(withEntries(...bomb), 'releases.archive-too-large')
})

test('releases.digest-wrong: other bytes than the release names', () =>
  refused(unpackBytes(testArchive(programEntries('1.0.0')), '00'.repeat(32)), 'releases.digest-wrong'))

test('releases.no-manifest: an archive that no agent can start', () =>
  refused(unpackBytes(testArchive([{ name: 'serve.js', content: '' }])), 'releases.no-manifest'))
