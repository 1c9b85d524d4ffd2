import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAbout, parseStatement } from './parseStatement.ts'

const type = 'application/vnd.in-toto+json'
const digest = 'ab'.repeat(32)
const sound = {
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: 'a', digest: { sha256: digest, sha512: 'ignored' } }],
  predicateType: 'https://slsa.dev/verification_summary/v1',
  predicate: { verifier: { id: 'x' } },
}
const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

test('subjects and predicate are read, what in-toto may add is ignored', () => {
  const statement = parseStatement(type, bytes({ ...sound, later: 1 }))
  assert.deepEqual(statement.predicate, sound.predicate)
  assert.ok(isAbout(statement, Uint8Array.fromHex(digest)))
  assert.ok(!isAbout(statement, new Uint8Array(32)))
  assert.equal(parseStatement(type, bytes({ ...sound, _type: 'https://in-toto.io/Statement/v0.1' })).subjects.length, 1)
})

const wrong: Record<string, unknown> = {
  'a list': [],
  'another type': { ...sound, _type: 'https://in-toto.io/Statement/v2' },
  'no predicate type': { ...sound, predicateType: undefined },
  'no subject': { ...sound, subject: [] },
  'subjects that are no list': { ...sound, subject: {} },
  '1025 subjects': { ...sound, subject: Array(1025).fill(sound.subject[0]) },
  'a subject without digest': { ...sound, subject: [{ name: 'a' }] },
  'a subject without SHA-256': { ...sound, subject: [{ digest: { sha1: 'ab' } }] },
  'a digest in upper case': { ...sound, subject: [{ digest: { sha256: digest.toUpperCase() } }] },
  'a digest of another length': { ...sound, subject: [{ digest: { sha256: 'ab' } }] },
  'a subject that is null': { ...sound, subject: [null] },
}
for (const [what, value] of Object.entries(wrong)) {
  test(`refused: ${what}`, () => {
    assert.throws(() => parseStatement(type, bytes(value)), { code: 'bundle.statement-malformed' })
  })
}

test('another payload type is not a statement, and what is not JSON is refused as such', () => {
  assert.throws(() => parseStatement('text/plain', bytes(sound)), { code: 'bundle.statement-malformed' })
  assert.throws(() => parseStatement(type, bytes(sound).slice(1)), { code: 'json.syntax' })
})
