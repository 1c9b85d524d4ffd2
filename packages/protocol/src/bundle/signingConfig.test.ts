import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SigningConfig as ForeignSigningConfig } from '@sigstore/protobuf-specs'
import { parseSigningConfig, type SigningConfig, writeSigningConfig } from './signingConfig.ts'

const service = (url: string, majorApiVersion: number) => ({
  url,
  majorApiVersion,
  operator: 'example.com',
  validFrom: new Date('2026-01-01T00:00:00Z'),
})
const config: SigningConfig = {
  certificateAuthorities: [service('https://sign.example.com', 1)],
  identityIssuers: [service('https://sign.example.com/oidc', 1)],
  artifactLogs: [service('https://sign.example.com', 2)],
  artifactLogSelection: { selector: 'ANY' },
  timestampAuthorities: [
    { ...service('https://sign.example.com/api/v1/timestamp', 1), validUntil: new Date('2027-01-01T00:00:00Z') },
  ],
  timestampAuthoritySelection: { selector: 'EXACT', count: 1 },
}
const text = JSON.stringify(writeSigningConfig(config))

// biome-ignore lint/suspicious/noExplicitAny: a test takes a configuration apart.
type Json = any

function changed(change: (config: Json) => void): string {
  const json = JSON.parse(text)
  change(json)
  return JSON.stringify(json)
}

test('what was written is read', () => {
  assert.deepEqual(parseSigningConfig(text), config)
})

test("sigstore's own types read it without losing a field", () => {
  const foreign = ForeignSigningConfig.toJSON(ForeignSigningConfig.fromJSON(JSON.parse(text)))
  assert.deepEqual(parseSigningConfig(JSON.stringify(foreign)), config)
})

const wrong: readonly { what: string; text: string; code?: string }[] = [
  { what: 'media type v0.1', text: text.replace('v0.2', 'v0.1') },
  {
    what: 'an unknown field',
    text: changed((json) => {
      json.extra = 1
    }),
  },
  {
    what: 'an unknown field in a service',
    text: changed((json) => {
      json.caUrls[0].extra = 1
    }),
  },
  {
    what: 'an address that is no URL',
    text: changed((json) => {
      json.caUrls[0].url = 'sign'
    }),
  },
  {
    what: 'a version above 64',
    text: changed((json) => {
      json.caUrls[0].majorApiVersion = 65
    }),
  },
  {
    what: 'a negative version',
    text: changed((json) => {
      json.caUrls[0].majorApiVersion = -1
    }),
  },
  {
    what: 'a time that is none',
    text: changed((json) => {
      json.caUrls[0].validFor.start = 'soon'
    }),
  },
  {
    what: 'no selection',
    text: changed((json) => {
      delete json.tsaConfig
    }),
  },
  {
    what: 'an unknown selection',
    text: changed((json) => {
      json.tsaConfig.selector = 'SOME'
    }),
  },
  {
    what: 'EXACT without count',
    text: changed((json) => {
      delete json.tsaConfig.count
    }),
  },
  {
    what: 'ANY with count',
    text: changed((json) => {
      json.rekorTlogConfig.count = 2
    }),
  },
  {
    what: '65 services',
    text: changed((json) => {
      json.caUrls = Array(65).fill(json.caUrls[0])
    }),
  },
  { what: 'no JSON', text: '', code: 'json.syntax' },
]
for (const { what, text: bad, code = 'bundle.signing-config-malformed' } of wrong) {
  test(`refused with ${code}: ${what}`, () => assert.throws(() => parseSigningConfig(bad), { code }))
}
