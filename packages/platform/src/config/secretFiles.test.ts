import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { createKeyFile, credentialPath, readKeyFile, readPassphraseFile } from './secretFiles.ts'

const posixOnly = { skip: process.platform === 'win32' }

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-config-'))
  path = join(folder, 'secret')
})

afterEach(() => rm(folder, { recursive: true }))

async function put(content: string | Uint8Array, mode = 0o600): Promise<void> {
  await writeFile(path, content)
  await chmod(path, mode)
}

test('a key file that was made is read back, and is its owner’s only', posixOnly, async () => {
  const key = await createKeyFile(path)
  assert.equal(key.length, 32)
  assert.deepEqual(await readKeyFile(path), key)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  await assert.rejects(createKeyFile(path), { code: 'files.conflict' })
  assert.deepEqual(await readKeyFile(path), key)
})

test('a key of another length is refused', async () => {
  for (const size of [0, 31, 33, 64]) {
    await put(new Uint8Array(size))
    await assert.rejects(readKeyFile(path), { code: 'config.key-file-invalid' })
  }
  await assert.rejects(readKeyFile(join(folder, 'absent')), { code: 'files.not-found' })
})

test('a secret that group or others may read is refused', posixOnly, async () => {
  for (const mode of [0o640, 0o604, 0o660, 0o644]) {
    await put(new Uint8Array(32), mode)
    await assert.rejects(readKeyFile(path, {}), { code: 'config.key-file-readable' })
    await assert.rejects(readPassphraseFile(path, {}), { code: 'config.key-file-readable' })
  }
})

test('a systemd credential is found and taken with the mode that systemd gives it', posixOnly, async () => {
  const environment = { CREDENTIALS_DIRECTORY: folder }
  assert.equal(await credentialPath('secret', environment), undefined)
  assert.equal(await credentialPath('secret', {}), undefined)
  await put(new Uint8Array(32), 0o440)
  assert.equal(await credentialPath('secret', environment), path)
  assert.equal((await readKeyFile(path, environment)).length, 32)
  await assert.rejects(readKeyFile(path, { CREDENTIALS_DIRECTORY: join(folder, 'x') }), {
    code: 'config.key-file-readable',
  })
})

test('a passphrase is one line, with or without its end', async () => {
  for (const content of ['correct horse', 'correct horse\n', 'correct horse\r\n']) {
    await put(content)
    assert.equal(await readPassphraseFile(path), 'correct horse')
  }
  for (const content of ['', '\n', 'two\nlines', 'x'.repeat(1025), new Uint8Array([0xff, 0xfe])]) {
    await put(content)
    await assert.rejects(readPassphraseFile(path), { code: 'config.passphrase-invalid' })
  }
})
