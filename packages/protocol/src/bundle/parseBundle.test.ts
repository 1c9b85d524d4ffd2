import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestInstance, signTestArtifact, signTestStatement } from '../../../../tests/vectors/bundle/fixture.ts'
import { MAX_BUNDLE_BYTES, parseBundle } from './parseBundle.ts'

const instance = createTestInstance()
const message = signTestArtifact(instance)
const statement = signTestStatement(instance)

// biome-ignore lint/suspicious/noExplicitAny: a test takes a bundle apart.
type Json = any

function changed(change: (bundle: Json) => void, sound = message): string {
  const bundle = JSON.parse(sound)
  change(bundle)
  return JSON.stringify(bundle)
}

test('what was written is read', () => {
  const parsed = parseBundle(message)
  assert.deepEqual([parsed.content.kind, parsed.entries.length, parsed.timestamps.length], ['message', 1, 1])
  assert.equal(parseBundle(new TextEncoder().encode(statement)).content.kind, 'statement')
})

const wrong: readonly { what: string; bundle: string; code: string }[] = [
  { what: 'no JSON', bundle: '{', code: 'json.syntax' },
  { what: 'a key twice', bundle: message.replace('{', '{"mediaType":"x",'), code: 'json.duplicate-key' },
  { what: 'a list', bundle: '[]', code: 'bundle.malformed' },
  {
    what: 'an unknown field',
    bundle: changed((b) => {
      b.extra = 1
    }),
    code: 'bundle.malformed',
  },
  {
    what: 'an unknown field in the material',
    bundle: changed((b) => {
      b.verificationMaterial.extra = 1
    }),
    code: 'bundle.malformed',
  },
  {
    what: 'an unknown field in the certificate',
    bundle: changed((b) => {
      b.verificationMaterial.certificate.extra = 1
    }),
    code: 'bundle.malformed',
  },
  {
    what: 'an unknown field in the entry',
    bundle: changed((b) => {
      b.verificationMaterial.tlogEntries[0].extra = 1
    }),
    code: 'log.entry-malformed',
  },
  {
    what: 'no media type',
    bundle: changed((b) => {
      delete b.mediaType
    }),
    code: 'bundle.media-type',
  },
  {
    what: 'media type v0.1',
    bundle: message.replace('bundle.v0.3+json', 'bundle+json;version=0.1'),
    code: 'bundle.media-type',
  },
  { what: 'media type v0.4', bundle: message.replace('v0.3', 'v0.4'), code: 'bundle.media-type' },
  {
    what: 'no material',
    bundle: changed((b) => {
      delete b.verificationMaterial
    }),
    code: 'bundle.malformed',
  },
  {
    what: 'a bare public key',
    bundle: changed((b) => {
      b.verificationMaterial.certificate = undefined
      b.verificationMaterial.publicKey = { hint: 'x' }
    }),
    code: 'bundle.no-certificate',
  },
  {
    what: 'a certificate chain',
    bundle: changed((b) => {
      b.verificationMaterial.x509CertificateChain = { certificates: [] }
    }),
    code: 'bundle.no-certificate',
  },
  {
    what: 'a certificate that is none',
    bundle: changed((b) => {
      b.verificationMaterial.certificate.rawBytes = 'MAA='
    }),
    code: 'x509.malformed',
  },
  {
    what: 'neither message nor statement',
    bundle: changed((b) => {
      delete b.messageSignature
    }),
    code: 'bundle.malformed',
  },
  {
    what: 'message and statement',
    bundle: changed((b) => {
      b.dsseEnvelope = JSON.parse(statement).dsseEnvelope
    }),
    code: 'bundle.malformed',
  },
  {
    what: 'no digest',
    bundle: changed((b) => {
      delete b.messageSignature.messageDigest
    }),
    code: 'bundle.malformed',
  },
  { what: 'an unknown hash', bundle: message.replace('SHA2_256', 'SHA3_256'), code: 'bundle.malformed' },
  { what: 'a digest of another length', bundle: message.replace('SHA2_256', 'SHA2_384'), code: 'bundle.malformed' },
  {
    what: 'an empty signature',
    bundle: changed((b) => {
      b.messageSignature.signature = ''
    }),
    code: 'bundle.malformed',
  },
  {
    what: 'base64 in the URL alphabet',
    bundle: changed((b) => {
      b.messageSignature.signature = '-_-_'
    }),
    code: 'bundle.malformed',
  },
  {
    what: 'an envelope without signature',
    bundle: changed((b) => {
      b.dsseEnvelope.signatures = []
    }, statement),
    code: 'bundle.malformed',
  },
  {
    what: 'an envelope with two signatures',
    bundle: changed((b) => {
      b.dsseEnvelope.signatures.push(b.dsseEnvelope.signatures[0])
    }, statement),
    code: 'bundle.malformed',
  },
  {
    what: 'an empty timestamp',
    bundle: changed((b) => {
      b.verificationMaterial.timestampVerificationData.rfc3161Timestamps = [{}]
    }),
    code: 'bundle.malformed',
  },
  {
    what: 'nine timestamps',
    bundle: changed((b) => {
      b.verificationMaterial.timestampVerificationData.rfc3161Timestamps = Array(9).fill({ signedTimestamp: 'MAA=' })
    }),
    code: 'bundle.malformed',
  },
  {
    what: 'nine entries',
    bundle: changed((b) => {
      b.verificationMaterial.tlogEntries = Array(9).fill(b.verificationMaterial.tlogEntries[0])
    }),
    code: 'bundle.malformed',
  },
  { what: 'more than 16 MiB', bundle: ' '.repeat(MAX_BUNDLE_BYTES + 1), code: 'json.too-large' },
]
for (const { what, bundle, code } of wrong) {
  test(`refused with ${code}: ${what}`, () => assert.throws(() => parseBundle(bundle), { code }))
}
