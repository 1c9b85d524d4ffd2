import assert from 'node:assert/strict'
import { createHash, verify } from 'node:crypto'
import { test } from 'node:test'
import { inspect } from 'node:util'
import type { KeyAlgorithm, KeyStore } from './keyStore.ts'

const MESSAGE = new TextEncoder().encode('what is signed')
const HASHES = { 'ecdsa-p256': 'sha256', 'ecdsa-p384': 'sha384', ed25519: null } as const
const NAMES = { 'ecdsa-p256': 'ecdsa-sha256', 'ecdsa-p384': 'ecdsa-sha384', ed25519: 'ed25519' } as const

/** The promises of `KeyStore`, as tests over one implementation. `open` gives an empty store and a way to open it again as a new process would. */
export function keyStoreContract(name: string, open: () => Promise<{ store: KeyStore; reopen(): KeyStore }>): void {
  for (const algorithm of ['ecdsa-p256', 'ecdsa-p384', 'ed25519'] as const satisfies KeyAlgorithm[]) {
    test(`${name}: an ${algorithm} key signs what its public key verifies, before and after reopening`, async () => {
      const { store, reopen } = await open()
      const made = await store.create('some-key', algorithm)
      const opened = await reopen().open('some-key')
      for (const key of [made, opened]) {
        assert.ok(verify(HASHES[algorithm], MESSAGE, key.publicKey, await key.sign(MESSAGE)))
        assert.equal(key.signatureAlgorithm, NAMES[algorithm])
        assert.equal(key.keyId, createHash('sha256').update(key.spki).digest('hex'))
        assert.deepEqual([key.name, key.algorithm, key.keyId], ['some-key', algorithm, made.keyId])
      }
    })
  }

  test(`${name}: has and list tell what is there, ordered by name`, async () => {
    const { store, reopen } = await open()
    assert.equal(await store.has('b'), false)
    assert.deepEqual(await store.list(), [])
    const b = await store.create('b', 'ed25519')
    const a = await store.create('a', 'ecdsa-p256')
    assert.equal(await reopen().has('b'), true)
    const listed = await reopen().list()
    assert.deepEqual(
      listed.map((key) => [key.name, key.algorithm, key.keyId]),
      [
        ['a', 'ecdsa-p256', a.keyId],
        ['b', 'ed25519', b.keyId],
      ],
    )
    assert.ok(listed.every((key) => key.createdAt instanceof Date))
  })

  test(`${name}: a name is taken once, and the first key stays`, async () => {
    const { store } = await open()
    const first = await store.create('one', 'ed25519')
    await assert.rejects(store.create('one', 'ed25519'), { code: 'keystore.exists' })
    assert.equal((await store.open('one')).keyId, first.keyId)
  })

  test(`${name}: a key that is not there is said to be missing`, async () => {
    const { store } = await open()
    await assert.rejects(store.open('absent'), { code: 'keystore.not-found' })
  })

  test(`${name}: bad names are refused`, async () => {
    const { store } = await open()
    for (const bad of ['', '..', 'a/b', 'A', 'a.b', 'x'.repeat(65)]) {
      await assert.rejects(async () => store.create(bad, 'ed25519'), { code: 'keystore.bad-name' })
      await assert.rejects(async () => store.open(bad), { code: 'keystore.bad-name' })
      await assert.rejects(async () => store.has(bad), { code: 'keystore.bad-name' })
    }
  })

  test(`${name}: printing or serialising a key shows nothing private`, async () => {
    const { store } = await open()
    const key = await store.create('shown', 'ed25519')
    assert.match(inspect({ key }, { depth: 9, showHidden: true }), /SigningKey shown/)
    for (const shown of [
      inspect(key, { depth: 9, showHidden: true }),
      JSON.stringify(key),
      inspect(store, { depth: 9 }),
    ]) {
      assert.doesNotMatch(shown, /PRIVATE|PrivateKey/i)
    }
    assert.ok(Object.values(key).every((value) => (value as { type?: string } | undefined)?.type !== 'private'))
  })
}
