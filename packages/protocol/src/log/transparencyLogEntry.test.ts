import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonValue } from '../json/canonicalJson.ts'
import { sha256 } from './merkle.ts'
import {
  parseTransparencyLogEntry,
  type TransparencyLogEntry,
  writeTransparencyLogEntry,
} from './transparencyLogEntry.ts'

const hash = sha256(Uint8Array.of(1))
const entry: TransparencyLogEntry = {
  logIndex: 9_007_199_254_740_993n,
  logId: hash,
  kind: 'hashedrekord',
  version: '0.0.2',
  canonicalizedBody: Uint8Array.of(1, 2, 3),
  inclusionProof: {
    logIndex: 9_007_199_254_740_993n,
    rootHash: hash,
    treeSize: 9_007_199_254_740_994n,
    hashes: [hash, hash],
    checkpoint: 'a\n1\n',
  },
}
const json = writeTransparencyLogEntry(entry) as { [key: string]: JsonValue }
const proof = json.inclusionProof as { [key: string]: JsonValue }

test('an entry is written with the fields and defaults of Rekor v2', () => {
  const b64 = Buffer.from(hash).toString('base64')
  assert.deepEqual(json, {
    logIndex: '9007199254740993',
    logId: { keyId: b64 },
    kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
    integratedTime: '0',
    inclusionPromise: null,
    inclusionProof: {
      logIndex: '9007199254740993',
      rootHash: b64,
      treeSize: '9007199254740994',
      hashes: [b64, b64],
      checkpoint: { envelope: 'a\n1\n' },
    },
    canonicalizedBody: 'AQID',
  })
})

test('an entry reads back, with and without the parts of Rekor v1', () => {
  assert.deepEqual(parseTransparencyLogEntry(json), entry)
  const { inclusionProof: _, ...older } = { ...entry, integratedTime: 5n, signedEntryTimestamp: Uint8Array.of(9) }
  assert.deepEqual(parseTransparencyLogEntry(writeTransparencyLogEntry(older)), older)
})

test('snake case, numbers and absent defaults are read', () => {
  const short = parseTransparencyLogEntry({
    log_id: { key_id: (json.logId as { keyId: string }).keyId },
    kind_version: { kind: 'hashedrekord', version: '0.0.2' },
    canonicalized_body: 'AQID',
    inclusion_proof: { root_hash: proof.rootHash as JsonValue, tree_size: 1, checkpoint: { envelope: 'x' } },
  })
  assert.equal(short.logIndex, 0n)
  assert.deepEqual(short.inclusionProof, { logIndex: 0n, rootHash: hash, treeSize: 1n, hashes: [], checkpoint: 'x' })
})

const wrong: Record<string, JsonValue> = {
  'no object': 'x',
  'an unknown field': { ...json, extra: 1 },
  'an unknown field in the proof': { ...json, inclusionProof: { ...proof, extra: 1 } },
  'a negative index': { ...json, logIndex: '-1' },
  'an index of 2^63': { ...json, logIndex: '9223372036854775808' },
  'an index with a leading zero': { ...json, logIndex: '01' },
  'an index that is an object': { ...json, logIndex: {} },
  'a log id of 31 bytes': { ...json, logId: { keyId: Buffer.alloc(31).toString('base64') } },
  'no log id': { ...json, logId: null },
  'no kind': { ...json, kindVersion: null },
  'no body': { ...json, canonicalizedBody: '' },
  'a body above 65,535 bytes': { ...json, canonicalizedBody: Buffer.alloc(65_536).toString('base64') },
  'a body that is not base64': { ...json, canonicalizedBody: '%' },
  'a proof hash of 33 bytes': { ...json, inclusionProof: { ...proof, hashes: [Buffer.alloc(33).toString('base64')] } },
  '64 proof hashes': { ...json, inclusionProof: { ...proof, hashes: Array(64).fill(proof.rootHash) } },
  'hashes that are no list': { ...json, inclusionProof: { ...proof, hashes: {} } },
  'a checkpoint that is too long': {
    ...json,
    inclusionProof: { ...proof, checkpoint: { envelope: 'x'.repeat(524_289) } },
  },
}
for (const [what, value] of Object.entries(wrong)) {
  test(`an entry with ${what} is refused`, () => {
    assert.throws(() => parseTransparencyLogEntry(value), { code: 'log.entry-malformed' })
  })
}
