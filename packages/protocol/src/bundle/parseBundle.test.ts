import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestInstance, signTestArtifact, signTestStatement } from '../../../../tests/vectors/bundle/fixture.ts'
import { BUNDLE_MEDIA_TYPE, MAX_BUNDLE_BYTES, parseBundle } from './parseBundle.ts'

const instance = createTestInstance()
const V02 = 'application/vnd.dev.sigstore.bundle+json;version=0.2'
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

/** The same bundle as @sigstore/sign 5 writes it: v0.2, whose certificate is the first of a chain. */
const asV02 = (certificates: (own: Json) => Json[] = (own) => [own]) =>
  changed((b) => {
    b.mediaType = V02
    const { certificate, ...material } = b.verificationMaterial
    b.verificationMaterial = { ...material, x509CertificateChain: { certificates: certificates(certificate) } }
  })

test('the certificate of v0.2 is the first of its chain, and the others are not even read', () => {
  const expected = parseBundle(message)
  for (const others of [[], Array(7).fill({ rawBytes: 'MAA=' })]) {
    assert.deepEqual(parseBundle(asV02((own) => [own, ...others])), expected)
  }
})

test('a bundle v0.1 is refused with the reason', () => {
  const bundle = message.replace('bundle.v0.3+json', 'bundle+json;version=0.1')
  assert.throws(() => parseBundle(bundle), { code: 'bundle.media-type', message: /v0\.1/ })
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
    what: 'a certificate chain beside the certificate',
    bundle: changed((b) => {
      b.verificationMaterial.x509CertificateChain = { certificates: [] }
    }),
    code: 'bundle.no-certificate',
  },
  {
    what: 'v0.3 with a certificate chain',
    bundle: asV02().replace(V02, BUNDLE_MEDIA_TYPE),
    code: 'bundle.no-certificate',
  },
  { what: 'v0.1 with a certificate chain', bundle: asV02().replace('0.2', '0.1'), code: 'bundle.media-type' },
  { what: 'v0.2 with an empty chain', bundle: asV02(() => []), code: 'bundle.no-certificate' },
  { what: 'v0.2 with nine certificates', bundle: asV02((own) => Array(9).fill(own)), code: 'bundle.malformed' },
  { what: 'v0.2 with another certificate that is none', bundle: asV02((own) => [own, 'x']), code: 'bundle.malformed' },
  { what: 'v0.2 without a chain', bundle: message.replace(BUNDLE_MEDIA_TYPE, V02), code: 'bundle.no-certificate' },
  {
    what: 'v0.2 with an unknown field in the chain',
    bundle: asV02().replace('"certificates"', '"extra":1,"certificates"'),
    code: 'bundle.malformed',
  },
  { what: 'v0.2 with a chain that starts with none', bundle: asV02(() => [{}]), code: 'x509.malformed' },
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
