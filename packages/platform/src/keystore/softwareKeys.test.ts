import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { inspect } from 'node:util'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { keyStoreContract } from './keyStoreContract.ts'
import { softwareKeyStore } from './softwareKeys.ts'
import type { Wrap } from './wrappingKeys.ts'

const made: string[] = []
const KEY: Wrap = { kind: 'key', key: new Uint8Array(randomBytes(32)) }
const PASSPHRASE: Wrap = { kind: 'passphrase', passphrase: 'correct horse' }

async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-keys-'))
  made.push(folder)
  return join(folder, 'keys')
}

function storeIn(folder: string, wrap: Wrap = KEY) {
  return softwareKeyStore({ folder, wrap, clock: systemClock })
}

async function change(path: string, field: string, value: (old: string) => string): Promise<void> {
  const file = JSON.parse(await readFile(path, 'utf8'))
  file[field] = value(file[field])
  await writeFile(path, JSON.stringify(file))
}

after(async () => {
  for (const folder of made) await rm(folder, { recursive: true })
})

keyStoreContract('software keys', async () => {
  const folder = await freshFolder()
  return { store: storeIn(folder), reopen: () => storeIn(folder) }
})

test('a passphrase opens what it closed, however its letters are composed', async () => {
  const folder = await freshFolder()
  const key = await storeIn(folder, { kind: 'passphrase', passphrase: 'caf\u00e9' }).create('root', 'ecdsa-p384')
  const opened = await storeIn(folder, { kind: 'passphrase', passphrase: 'cafe\u0301' }).open('root')
  assert.equal(opened.keyId, key.keyId)
})

test('another key, another passphrase or the other kind does not open it, and says so without showing anything', async () => {
  const folder = await freshFolder()
  await storeIn(folder).create('a', 'ed25519')
  await storeIn(folder, PASSPHRASE).create('b', 'ed25519')
  const wrongs: [string, Wrap][] = [
    ['a', { kind: 'key', key: new Uint8Array(32) }],
    ['a', PASSPHRASE],
    ['b', KEY],
    ['b', { kind: 'passphrase', passphrase: 'correct Horse' }],
  ]
  for (const [name, wrap] of wrongs) {
    const opening = storeIn(folder, wrap).open(name)
    await assert.rejects(opening, (error: Error & { code: string }) => {
      assert.equal(error.code, 'keystore.wrong-key')
      assert.doesNotMatch(inspect(error, { depth: 9 }), /horse/i)
      return true
    })
  }
})

test('a key of another length is refused at once', async () => {
  const folder = await freshFolder()
  const wrap: Wrap = { kind: 'key', key: new Uint8Array(16) }
  assert.throws(() => storeIn(folder, wrap), { code: 'keystore.wrong-key' })
})

test('no stored field can be changed, and no file can take the place of another', async () => {
  const folder = await freshFolder()
  const store = storeIn(folder)
  const flip = (old: string) => (old.startsWith('A') ? `B${old.slice(1)}` : `A${old.slice(1)}`)
  const changes: [string, (old: string) => string][] = [
    ['algorithm', () => 'ecdsa-p384'],
    ['keyId', (old) => old.split('').reverse().join('')],
    ['createdAt', () => '2020-01-01T00:00:00.000Z'],
    ['nonce', flip],
    ['ciphertext', flip],
    ['v', () => '2'],
  ]
  for (const [index, [field, value]] of changes.entries()) {
    await store.create(`k${index}`, 'ecdsa-p256')
    await change(join(folder, `k${index}.json`), field, value)
    await assert.rejects(store.open(`k${index}`), { code: 'keystore.damaged' }, field)
  }
  await store.create('one', 'ecdsa-p256')
  await store.create('two', 'ecdsa-p256')
  await rename(join(folder, 'one.json'), join(folder, 'two.json'))
  await assert.rejects(store.open('two'), { code: 'keystore.damaged' })
  await change(join(folder, 'two.json'), 'name', () => 'two')
  await assert.rejects(store.open('two'), { code: 'keystore.damaged' })
})

test('files and folder are for their owner only', { skip: process.platform === 'win32' }, async () => {
  const folder = await freshFolder()
  await storeIn(folder).create('a', 'ed25519')
  assert.equal((await stat(folder)).mode & 0o777, 0o700)
  assert.equal((await stat(join(folder, 'a.json'))).mode & 0o777, 0o600)
})
