import assert from 'node:assert/strict'
import { generateKeyPairSync, hash, sign } from 'node:crypto'
import { test } from 'node:test'
import type { AddEntryRequest } from '@countersign/protocol/log/hashedRekord.ts'
import { verifyTogether } from './verifyTogether.ts'

function signed(text: string): AddEntryRequest {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    digest: hash('sha256', text, 'buffer'),
    signature: sign('sha256', Buffer.from(text), privateKey),
    verifier: { kind: 'publicKey', rawBytes: publicKey.export({ type: 'spki', format: 'der' }) },
    keyDetails: 'PKIX_ECDSA_P256_SHA_256',
  }
}

test('each of many requests at once gets its own answer, more than are verified together too', async () => {
  const requests = Array.from({ length: 70 }, (_, index) => signed(`entry ${index}`))
  const wrong = new Set([0, 31, 32, 69])
  const other = hash('sha256', 'something else', 'buffer')
  const answers = await Promise.allSettled(
    requests.map((request, index) => verifyTogether(wrong.has(index) ? { ...request, digest: other } : request)),
  )
  for (const [index, answer] of answers.entries()) {
    assert.equal(answer.status, wrong.has(index) ? 'rejected' : 'fulfilled', `request ${index}`)
    if (answer.status === 'rejected') assert.equal(answer.reason.code, 'log.signature-wrong')
  }
})

test('a request whose key cannot be read is refused alone', async () => {
  const good = signed('good')
  const bad = { ...good, verifier: { kind: 'publicKey', rawBytes: new Uint8Array([1]) } } as const
  const [first, second] = await Promise.allSettled([verifyTogether(bad), verifyTogether(good)])
  assert.equal(first.status === 'rejected' && first.reason.code, 'log.verifier-malformed')
  assert.equal(second.status, 'fulfilled')
})
