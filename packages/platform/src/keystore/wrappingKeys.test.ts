import assert from 'node:assert/strict'
import { randomBytes, scryptSync } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { softwareKeyStore } from './softwareKeys.ts'
import { wrappingKeys } from './wrappingKeys.ts'

test('a passphrase is derived from once for each salt, with scrypt at its full cost', async () => {
  const keys = wrappingKeys({ kind: 'passphrase', passphrase: 'correct horse' })
  const salt = keys.newSalt()
  assert.equal(keys.newSalt(), salt)
  const key = await keys.keyFor(salt)
  assert.deepEqual(key, scryptSync('correct horse', salt, 32, { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 2 ** 20 }))
  // The very same array, so nothing was computed again.
  assert.equal(await keys.keyFor(new Uint8Array(salt)), key)
  assert.notDeepEqual(await keys.keyFor(randomBytes(16)), key)
})

test('each opening has a salt of its own; a key needs none', async () => {
  const passphrase = { kind: 'passphrase', passphrase: 'correct horse' } as const
  assert.notDeepEqual(wrappingKeys(passphrase).newSalt(), wrappingKeys(passphrase).newSalt())
  const key = randomBytes(32)
  const keys = wrappingKeys({ kind: 'key', key })
  assert.notDeepEqual(keys.newSalt(), keys.newSalt())
  assert.equal(await keys.keyFor(keys.newSalt()), key)
})

test('keys made in one opening share a salt and no nonce; one made later does not take the salt that it finds', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-keys-'))
  const open = () =>
    softwareKeyStore({ folder, wrap: { kind: 'passphrase', passphrase: 'correct horse' }, clock: systemClock })
  const read = async (name: string) => JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8'))
  const first = open()
  await first.create('one', 'ecdsa-p256')
  await first.create('two', 'ecdsa-p256')
  const second = open()
  await second.open('one')
  await second.create('three', 'ecdsa-p256')
  const [one, two, three] = await Promise.all(['one', 'two', 'three'].map(read))
  assert.equal(one.salt, two.salt)
  assert.notEqual(one.nonce, two.nonce)
  assert.notEqual(one.ciphertext, two.ciphertext)
  assert.notEqual(three.salt, one.salt)
  assert.equal((await open().open('three')).name, 'three')
  await rm(folder, { recursive: true })
})
