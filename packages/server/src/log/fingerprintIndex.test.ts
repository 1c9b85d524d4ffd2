import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { sha256 } from '@countersign/protocol/log/merkle.ts'
import { FingerprintIndex, MAX_INDEXED } from './fingerprintIndex.ts'

function key(number: number): Uint8Array {
  return sha256(new TextEncoder().encode(`key ${number}`))
}

test('every key that was added is among its candidates, also after its part has grown many times', () => {
  const index = new FingerprintIndex(randomBytes(4).readUInt32BE())
  for (let number = 0; number < 100_000; number++) index.add(key(number), number)
  for (let number = 0; number < 100_000; number += 7) assert.ok(index.candidates(key(number)).includes(number))
  let strangers = 0
  for (let number = 100_000; number < 200_000; number++) strangers += index.candidates(key(number)).length
  assert.ok(strangers < 10, `${strangers} false candidates`)
})

test('keys that agree in all that is kept are all candidates', () => {
  const index = new FingerprintIndex(7)
  const [first, second] = [key(1), key(1)]
  second[31] = (second[31] ?? 0) ^ 1
  index.add(first, 10)
  index.add(second, 20)
  assert.deepEqual(index.candidates(first).sort(), [10, 20])
})

test('an index that does not fit is refused', () => {
  const index = new FingerprintIndex(7)
  index.add(key(1), MAX_INDEXED - 1)
  assert.deepEqual(index.candidates(key(1)), [MAX_INDEXED - 1])
  assert.throws(() => index.add(key(2), MAX_INDEXED), { code: 'log.full' })
})
