import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRevocationLeaf } from '@countersign/protocol/revocation/envelope.ts'
import { signRecords } from './signRecords.ts'
import { testKey } from './validatorFixture.ts'

const at = new Date('2026-11-20T12:00:00.900Z')
const common = { authority: 'a'.repeat(64), advisories: ['GHSA-1'], severity: 'high', reason: 'because' } as const

function numbered(count: number, step: bigint) {
  return Array.from({ length: count }, (_, id) => ({ id, number: BigInt(id) * step + 1n }))
}

function numbersOf(envelope: string): readonly bigint[] {
  const { record } = parseRevocationLeaf(Buffer.from(envelope))
  assert.ok(record.scope === 'certifications' && record.effect === 'ended')
  return record.numbers
}

test('one record names its certifications in ascending order, whole seconds, advisory and action', async () => {
  const certifications = [
    { id: 7, number: 30n },
    { id: 9, number: 2n },
  ]
  const [signed, ...others] = await signRecords(
    { ...common, certifications, replacement: 'files 1.0.0' },
    testKey(),
    at,
  )
  assert.deepEqual(others, [])
  assert.deepEqual(signed?.certifications, [9, 7])
  const { record, signatures } = parseRevocationLeaf(Buffer.from(signed?.envelope ?? ''))
  assert.deepEqual(numbersOf(signed?.envelope ?? ''), [2n, 30n])
  assert.equal(record.issuedAt.toISOString(), '2026-11-20T12:00:00.000Z')
  assert.equal(record.action, 'goBack')
  assert.equal(record.replacement, 'files 1.0.0')
  assert.equal(signatures.length, 1)
})

for (const [count, step, most] of [
  [50_000, 1n, 2],
  [50_000, 1_000_000n, 8],
  [120_000, 1n, 8],
] as const) {
  test(`${count} numbers ${step} apart fit into at most ${most} leaves, each number once`, async () => {
    const signed = await signRecords({ ...common, certifications: numbered(count, step) }, testKey(), at)
    assert.ok(signed.length <= most, `${signed.length} records`)
    const all = signed.flatMap(({ envelope }) => numbersOf(envelope))
    assert.deepEqual(
      all,
      numbered(count, step).map(({ number }) => number),
    )
  })
}

test('more advisories than a record can name: 32, and that of malware is among them', async () => {
  const advisories = [...Array.from({ length: 40 }, (_, index) => `GHSA-${String(index).padStart(4, '0')}`), 'MAL-1']
  const [signed] = await signRecords({ ...common, advisories, certifications: numbered(1, 1n) }, testKey(), at)
  const { record } = parseRevocationLeaf(Buffer.from(signed?.envelope ?? ''))
  assert.equal(record.advisories?.length, 32)
  assert.ok(record.advisories?.includes('MAL-1'))
})
