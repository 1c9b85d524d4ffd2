import assert from 'node:assert/strict'
import { createPublicKey, type KeyObject } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { manualClock } from '@countersign/local/clock/manualClock.ts'
import {
  type ClientIdentityDeps,
  enrolClient,
  enrolmentKey,
  keepCredentials,
  readClientIdentity,
  renewalKey,
  renewClient,
} from './clientIdentity.ts'

const clock = manualClock(new Date('2026-11-20T12:00:00Z'))
const end = new Date('2027-02-18T12:00:00Z')
/** Nobody answers there. */
const away = { url: 'https://127.0.0.1:1', deviceRootPem: '', name: 'lab' }

let folder: string
let deps: ClientIdentityDeps
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-client-'))
  deps = { folder, wrap: { kind: 'key', key: new Uint8Array(32).fill(7) }, clock }
})
afterEach(() => rmSync(folder, { recursive: true }))

const idOf = (key: KeyObject) => createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('hex')
const keep = (key: KeyObject, pem: string) => keepCredentials(deps, key, pem, end)

test('before the enrolment there is no certificate', async () => {
  assert.equal(await readClientIdentity(deps), undefined)
  await enrolmentKey(deps)
  assert.equal(await readClientIdentity(deps), undefined)
})

test('the key of an enrolment survives a crash before the answer, so that the ticket is not used up', async () => {
  const key = idOf(await enrolmentKey(deps))
  assert.equal(idOf(await enrolmentKey(deps)), key)
  await assert.rejects(enrolClient(deps, { ...away, secret: 'x'.repeat(43) }), { code: /^calls\./ })
  assert.equal(idOf(await enrolmentKey(deps)), key)
  await keep(await enrolmentKey(deps), 'first')
  assert.equal(idOf(await enrolmentKey(deps)), key, 'repeated before it was complete')
})

test('what was kept is there after a restart, for this user alone, and its key never in the clear', async () => {
  const key = await enrolmentKey(deps)
  const kept = await keep(key, 'the certificate')
  assert.deepEqual(await readClientIdentity(deps), kept)
  assert.deepEqual([kept.certificatePem, kept.notAfter], ['the certificate', end])
  const secret = key.export({ format: 'der', type: 'pkcs8' })
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    assert.equal(statSync(path).mode & 0o077, 0, name)
    const text = readFileSync(path, 'utf8')
    assert.ok(!text.includes(secret.toString('base64')) && !text.includes(secret.toString('hex')), name)
    assert.ok(!text.includes('PRIVATE KEY'), name)
  }
})

test('each renewal has a key of its own, the same one until its certificate is kept', async () => {
  const first = await enrolmentKey(deps)
  const current = await keep(first, 'first')
  const second = idOf(await renewalKey(deps))
  assert.notEqual(second, idOf(first))
  await assert.rejects(renewClient(deps, { ...away, current }), { code: /^calls\./ })
  assert.equal(idOf(await renewalKey(deps)), second)
  assert.deepEqual(await readClientIdentity(deps), current, 'the current one counts until the new one is kept')
  await keep(await renewalKey(deps), 'second')
  assert.equal((await readClientIdentity(deps))?.certificatePem, 'second')
  const third = idOf(await renewalKey(deps))
  assert.ok(third !== second && third !== idOf(first))
})

test('keystore.wrong-key: another wrapping key opens nothing', async () => {
  await keep(await enrolmentKey(deps), 'first')
  const other: ClientIdentityDeps = { ...deps, wrap: { kind: 'key', key: new Uint8Array(32).fill(8) } }
  await assert.rejects(readClientIdentity(other), { code: 'keystore.wrong-key' })
})

test('validator.identity-damaged: a file that is no identity is named, and none of it is quoted', async () => {
  await keep(await enrolmentKey(deps), 'first')
  const path = join(folder, 'client.json')
  const sound = JSON.parse(readFileSync(path, 'utf8'))
  const secret = 'do not quote me'
  const damages = [
    '',
    '{',
    secret,
    '[]',
    { ...sound, v: 2 },
    { ...sound, more: secret },
    { ...sound, notAfter: secret },
  ]
  for (const damage of damages) {
    writeFileSync(path, typeof damage === 'string' ? damage : JSON.stringify(damage))
    await assert.rejects(readClientIdentity(deps), (error: Error & { code: string }) => {
      assert.equal(error.code, 'validator.identity-damaged')
      assert.ok(error.message.includes(path) && !`${error.message}${error.cause}`.includes(secret))
      return true
    })
  }
})
