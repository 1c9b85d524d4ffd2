import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { addressesOf, chooseFacts, requireSameFacts } from './facts.ts'

const now = new Date('2026-11-21T00:00:00Z')

describe('the facts of an instance', () => {
  it('are a development instance on localhost when nothing is asked for', () => {
    const facts = chooseFacts({}, now)
    assert.equal(facts.environment, 'development')
    assert.equal(facts.publicUrl, 'https://localhost:8443')
    assert.equal(facts.publicHttpUrl, 'http://localhost:8080')
  })

  it('are production under a host name, with the plain listener on port 80 of the same host', () => {
    const facts = chooseFacts({ publicUrl: 'https://sign.example.org' }, now)
    assert.equal(facts.environment, 'production')
    assert.equal(facts.publicHttpUrl, 'http://sign.example.org')
    assert.deepEqual(addressesOf(facts).origins, {
      artifacts: 'sign.example.org',
      certificates: 'sign.example.org/ct',
      revocations: 'sign.example.org/production/revocations',
      audit: 'sign.example.org/production/audit',
    })
  })

  it('keep the port in every origin but that of the artifact log', () => {
    const facts = chooseFacts({ publicUrl: 'https://sign.example.org:9443', environment: 'development' }, now)
    const { origins } = addressesOf(facts)
    assert.equal(origins.artifacts, 'sign.example.org')
    assert.equal(origins.certificates, 'sign.example.org:9443/ct')
    assert.equal(origins.audit, 'sign.example.org:9443/development/audit')
  })

  const refused: readonly (readonly [string, Parameters<typeof chooseFacts>[0], string])[] = [
    ['http as public URL', { publicUrl: 'http://sign.example.org' }, 'instance.url-invalid'],
    ['a path', { publicUrl: 'https://sign.example.org/x' }, 'instance.url-invalid'],
    ['a user', { publicUrl: 'https://me@sign.example.org' }, 'instance.url-invalid'],
    ['an address instead of a name', { publicUrl: 'https://192.0.2.1' }, 'instance.url-invalid'],
    ['no URL at all', { publicUrl: 'sign' }, 'instance.url-invalid'],
    ['https as plain URL', { publicHttpUrl: 'https://sign.example.org' }, 'instance.url-invalid'],
    ['an unknown environment', { environment: 'staging' }, 'instance.environment-invalid'],
    ['production on localhost', { environment: 'production' }, 'instance.environment-invalid'],
  ]
  for (const [what, requested, code] of refused) {
    it(`are refused for ${what}`, () => {
      assert.throws(
        () => chooseFacts(requested, now),
        (error) => hasCode(error, code),
      )
    })
  }

  it('cannot change once the instance exists', () => {
    const facts = chooseFacts({ publicUrl: 'https://sign.example.org' }, now)
    requireSameFacts(facts, { publicUrl: 'https://sign.example.org/' })
    requireSameFacts(facts, {})
    for (const other of [
      { publicUrl: 'https://other.example.org' },
      { publicHttpUrl: 'http://other.example.org' },
      { environment: 'development' },
      { port: 8443 },
    ]) {
      assert.throws(
        () => requireSameFacts(facts, other),
        (error) => hasCode(error, 'instance.other-url'),
      )
    }
  })
})
