import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readPem, writePem } from './pem.ts'

const block = writePem('CERTIFICATE', Uint8Array.of(1, 2, 3))

test('lines have 64 characters', () => {
  assert.equal(writePem('X', new Uint8Array(49)), `-----BEGIN X-----\n${'A'.repeat(64)}\nAA==\n-----END X-----\n`)
})

test('blocks with other labels are skipped', () => {
  const text = writePem('EC PARAMETERS', Uint8Array.of(9)) + block
  assert.deepEqual(readPem(text, ['CERTIFICATE']), [Uint8Array.of(1, 2, 3)])
})

const bad: readonly (readonly [what: string, text: string])[] = [
  ['nothing', ''],
  ['no block of this label', writePem('PUBLIC KEY', Uint8Array.of(1))],
  ['another label at the end', block.replace('END CERTIFICATE', 'END PUBLIC KEY')],
  ['characters that are not base64', block.replace('AQID', 'AQ!D')],
  ['no padding', block.replace('AQID', 'AQI')],
  ['no end', block.slice(0, -10)],
  ['101 blocks', block.repeat(101)],
  ['more than 1 MiB', block + ' '.repeat(1 << 20)],
]

for (const [what, text] of bad) {
  test(`PEM with ${what} is refused`, () =>
    assert.throws(() => readPem(text, ['CERTIFICATE']), { code: 'x509.bad-pem' }))
}
