import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { TrustedRoot as ForeignTrustedRoot } from '@sigstore/protobuf-specs'
import { createTestInstance } from '../../../../tests/vectors/bundle/fixture.ts'
import {
  isCertificationAuthority,
  MAX_TRUSTED_ROOT_BYTES,
  parseTrustedRoot,
  trustedLog,
  writeTrustedRoot,
} from './trustedRoot.ts'

const { trustedRoot } = createTestInstance()
const text = JSON.stringify(writeTrustedRoot(trustedRoot))

// biome-ignore lint/suspicious/noExplicitAny: a test takes a trusted root apart.
type Json = any

function changed(change: (root: Json) => void): string {
  const root = JSON.parse(text)
  change(root)
  return JSON.stringify(root)
}

test('what was written is read, and written the same again', () => {
  const parsed = parseTrustedRoot(text)
  assert.equal(JSON.stringify(writeTrustedRoot(parsed)), text)
  assert.deepEqual(parsed.tlogs[0]?.logId, trustedRoot.tlogs[0]?.logId)
  assert.deepEqual(parsed.timestampAuthorities[0]?.validUntil, trustedRoot.timestampAuthorities[0]?.validUntil)
})

test('the path of its address tells a certification authority from the others', () => {
  assert.deepEqual(trustedRoot.certificateAuthorities.map(isCertificationAuthority), [false, true])
  const certifies = (uri: string) => isCertificationAuthority({ uri })
  assert.ok(certifies('https://sign.example.com:8443/x/validators'))
  for (const uri of [
    '',
    'validators',
    'https://sign.example.com',
    'https://sign.example.com/validators/',
    'https://sign.example.com/validators/embedded',
    'https://sign.example.com/myvalidators',
    'https://sign.example.com/?/validators',
    'https://sign.example.com/#/validators',
    'https://validators',
  ]) {
    assert.equal(certifies(uri), false, uri)
  }
})

test("sigstore's own types read it without losing a field", () => {
  const foreign = ForeignTrustedRoot.toJSON(ForeignTrustedRoot.fromJSON(JSON.parse(text)))
  assert.deepEqual(parseTrustedRoot(JSON.stringify(foreign)).ctlogs.length, 1)
  const { tlogs } = foreign as Json
  assert.equal(tlogs[0].logId.keyId, JSON.parse(text).tlogs[0].logId.keyId)
})

test('RSA keys in PKCS #1, times with fractions and offsets, operators and open ends are read', () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const rawBytes = publicKey.export({ format: 'der', type: 'pkcs1' }).toString('base64')
  const other = changed((root) => {
    root.tlogs[0].operator = 'example.com'
    root.ctlogs[0].publicKey = {
      rawBytes,
      keyDetails: 'PKCS1_RSA_PKCS1V5',
      validFor: { start: '2026-01-01T01:00:00.123456789+01:00' },
    }
  })
  const parsed = parseTrustedRoot(other)
  assert.deepEqual(parsed.ctlogs[0]?.validFrom, new Date('2026-01-01T00:00:00.123Z'))
  assert.equal(parsed.ctlogs[0]?.validUntil, undefined)
  assert.deepEqual(parseTrustedRoot(JSON.stringify(writeTrustedRoot(parsed))).ctlogs[0]?.spki, parsed.ctlogs[0]?.spki)
})

const wrong: readonly { what: string; text: string; code?: string }[] = [
  { what: 'media type v0.2', text: text.replace('version=0.1', 'version=0.2') },
  {
    what: 'an unknown field',
    text: changed((root) => {
      root.extra = 1
    }),
  },
  {
    what: 'an unknown field in a log',
    text: changed((root) => {
      root.tlogs[0].extra = 1
    }),
  },
  {
    what: 'an unknown field in an authority',
    text: changed((root) => {
      root.certificateAuthorities[0].extra = 1
    }),
  },
  { what: 'another hash', text: text.replace('SHA2_256', 'SHA2_512') },
  { what: 'an unknown kind of key', text: text.replace('PKIX_ED25519', 'PKIX_X') },
  {
    what: 'a key that is none',
    text: changed((root) => {
      root.tlogs[0].publicKey.rawBytes = 'MAA='
    }),
  },
  {
    what: 'a log id of four bytes',
    text: changed((root) => {
      root.tlogs[0].logId.keyId = 'AAAAAA=='
    }),
  },
  {
    what: 'no log id',
    text: changed((root) => {
      delete root.tlogs[0].logId
    }),
  },
  {
    what: 'an address that is no URL',
    text: changed((root) => {
      root.tlogs[0].baseUrl = 'example.com'
    }),
  },
  {
    what: 'a time without zone',
    text: changed((root) => {
      root.tlogs[0].publicKey.validFor.start = '2026-01-01T00:00:00'
    }),
  },
  {
    what: 'a day that does not exist',
    text: changed((root) => {
      root.tlogs[0].publicKey.validFor.start = '2026-13-01T00:00:00Z'
    }),
  },
  {
    what: 'an authority without certificate',
    text: changed((root) => {
      root.timestampAuthorities[0].certChain.certificates = []
    }),
  },
  {
    what: 'a chain of nine',
    text: changed((root) => {
      const { certChain } = root.timestampAuthorities[0]
      certChain.certificates = Array(9).fill(certChain.certificates[0])
    }),
  },
  {
    what: '65 logs',
    text: changed((root) => {
      root.tlogs = Array(65).fill(root.tlogs[0])
    }),
  },
  {
    what: 'a certificate that is none',
    text: changed((root) => {
      root.timestampAuthorities[0].certChain.certificates[0].rawBytes = 'MAA='
    }),
    code: 'x509.malformed',
  },
  { what: 'no JSON', text: '', code: 'json.syntax' },
  { what: 'more than 1 MiB', text: ' '.repeat(MAX_TRUSTED_ROOT_BYTES + 1), code: 'json.too-large' },
]
for (const { what, text: bad, code = 'bundle.trusted-root-malformed' } of wrong) {
  test(`refused with ${code}: ${what}`, () => assert.throws(() => parseTrustedRoot(bad), { code }))
}

test('a log is not made of a key that sigstore cannot name', () => {
  const spki = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'der', type: 'spki' })
  const log = { baseUrl: 'https://sign.example.com', logId: new Uint8Array(32) }
  assert.throws(() => trustedLog({ ...log, spki }), { code: 'log.algorithm-unsupported' })
  assert.throws(() => trustedLog({ ...log, spki: Uint8Array.of(1) }), { code: 'bundle.trusted-root-malformed' })
})
