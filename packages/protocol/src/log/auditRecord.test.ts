import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasCode } from '../errors/codedError.ts'
import { type AuditRecord, parseAuditRecord, saltedHash, writeAuditRecord } from './auditRecord.ts'
import { sha256 } from './merkle.ts'

const salt = new Uint8Array(32).fill(1)
const record: AuditRecord = {
  kind: 'login',
  at: new Date('2026-11-20T12:00:00.250Z'),
  actorHash: saltedHash(salt, { email: 'dev@example.com' }),
  detailHash: saltedHash(salt, null),
}

test('the leaf is the canonical JSON of version 1', () => {
  const text = new TextDecoder().decode(writeAuditRecord(record))
  const base64 = (hash: Uint8Array) => Buffer.from(hash).toString('base64')
  const hashes = `{"actor":"${base64(record.actorHash)}","at":"2026-11-20T12:00:00.250Z","detail":"${base64(record.detailHash)}"`
  assert.equal(text, `${hashes},"kind":"login","v":1}`)
  assert.deepEqual(parseAuditRecord(writeAuditRecord(record)), record)
})

test('a value is hidden behind salt and canonical JSON', () => {
  assert.deepEqual(saltedHash(salt, { b: 1, a: 2 }), sha256(Buffer.concat([salt, Buffer.from('{"a":2,"b":1}')])))
  assert.throws(() => saltedHash(new Uint8Array(31), null), { code: 'log.range-wrong' })
})

test('impossible records are not written', () => {
  const wrong: Partial<AuditRecord>[] = [
    { kind: '' },
    { kind: 'Log In' },
    { kind: 'a'.repeat(65) },
    { at: new Date(Number.NaN) },
    { at: new Date('+010000-01-01T00:00:00Z') },
    { actorHash: new Uint8Array(31) },
    { detailHash: new Uint8Array(33) },
  ]
  for (const part of wrong) {
    assert.throws(() => writeAuditRecord({ ...record, ...part }), { code: 'log.entry-malformed' })
  }
})

test('a leaf in any other form is refused', () => {
  const leaf = new TextDecoder().decode(writeAuditRecord(record))
  const wrong = [
    leaf.replace('"v":1', '"v":2'),
    leaf.replace('{', '{ '),
    leaf.replace('"v":1', '"v":1,"w":1'),
    leaf.replace('.250Z', 'Z'),
    leaf.replace('login', 'LOGIN'),
    leaf.slice(0, -1),
    'null',
    '[]',
  ]
  for (const text of wrong) {
    assert.throws(() => parseAuditRecord(new TextEncoder().encode(text)), { code: 'log.entry-malformed' })
  }
})

test('changed leaves are refused with a code or are another canonical record', () => {
  const leaf = writeAuditRecord(record)
  fc.assert(
    fc.property(fc.nat(leaf.length - 1), fc.nat(255), (at, value) => {
      const changed = leaf.with(at, value)
      try {
        assert.deepEqual(writeAuditRecord(parseAuditRecord(changed)), changed)
      } catch (error) {
        assert.ok(hasCode(error, 'log.entry-malformed'), String(error))
      }
    }),
  )
})
