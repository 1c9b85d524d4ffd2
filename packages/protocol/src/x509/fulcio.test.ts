import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8String } from '../der/writeDer.ts'
import { makeTestIdentity, makeTestIssuer, makeTestKey, makeTestRoot } from './authorityFixture.ts'
import { type FulcioClaims, readFulcioClaims, readIdentity, writeFulcioExtensions } from './fulcio.ts'
import type { GeneralName } from './generalName.ts'

const issuer = makeTestIssuer(makeTestRoot('root'), 'codeSigning')
const log = makeTestKey()

const everyClaim: Required<FulcioClaims> = {
  issuer: 'https://token.example.com',
  githubWorkflowTrigger: 'push',
  githubWorkflowSha: 'a0b1',
  githubWorkflowName: 'Release ü',
  githubWorkflowRepository: 'o/r',
  githubWorkflowRef: 'refs/heads/main',
  buildSignerUri: 'https://github.com/o/r/.github/workflows/w.yml@refs/heads/main',
  buildSignerDigest: 'a0b1',
  runnerEnvironment: 'github-hosted',
  sourceRepositoryUri: 'https://github.com/o/r',
  sourceRepositoryDigest: 'a0b1',
  sourceRepositoryRef: 'refs/heads/main',
  sourceRepositoryIdentifier: '1',
  sourceRepositoryOwnerUri: 'https://github.com/o',
  sourceRepositoryOwnerIdentifier: '2',
  buildConfigUri: 'https://github.com/o/r/.github/workflows/w.yml@refs/heads/main',
  buildConfigDigest: 'a0b1',
  buildTrigger: 'push',
  runInvocationUri: 'https://github.com/o/r/actions/runs/1/attempts/1',
  sourceRepositoryVisibilityAtSigning: 'public',
  deploymentEnvironment: 'production',
  tokenSubject: 'repo:o/r:ref:refs/heads/main',
}

test('every claim is written under its number and read back', () => {
  const extensions = writeFulcioExtensions(everyClaim)
  const numbers = extensions.map(({ oid }) => Number(oid.slice('1.3.6.1.4.1.57264.1.'.length)))
  assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6, ...Array.from({ length: 17 }, (_, i) => i + 8)])
  assert.equal(
    extensions.some(({ critical }) => critical),
    false,
  )
  assert.deepEqual(readFulcioClaims({ extensions }), everyClaim)
})

test('1 to 6 are raw bytes, 8 to 24 are DER', () => {
  const byOid = new Map(writeFulcioExtensions(everyClaim).map(({ oid, value }) => [oid, value]))
  assert.deepEqual(byOid.get('1.3.6.1.4.1.57264.1.1'), new TextEncoder().encode(everyClaim.issuer))
  assert.deepEqual(byOid.get('1.3.6.1.4.1.57264.1.4'), new TextEncoder().encode('Release ü'))
  assert.deepEqual(byOid.get('1.3.6.1.4.1.57264.1.8'), utf8String(everyClaim.issuer))
  assert.deepEqual(byOid.get('1.3.6.1.4.1.57264.1.24'), utf8String(everyClaim.tokenSubject))
})

test('absent claims are absent', () => {
  const extensions = writeFulcioExtensions({ issuer: 'a' })
  assert.equal(extensions.length, 2)
  assert.deepEqual(readFulcioClaims({ extensions }), { issuer: 'a' })
})

test('the issuer is also found where only the older form is there', () => {
  const extensions = writeFulcioExtensions({ issuer: 'a' }).slice(0, 1)
  assert.equal(readFulcioClaims({ extensions }).issuer, 'a')
})

const identities: readonly (readonly [subjectType: string, name: GeneralName])[] = [
  ['email', { type: 'email', value: 'dev@example.com' }],
  ['uri', { type: 'uri', value: everyClaim.buildSignerUri }],
  ['username', { type: 'other', oid: '1.3.6.1.4.1.57264.1.7', value: 'jürgen' }],
]

for (const [subjectType, name] of identities) {
  test(`an identity of the kind ${subjectType} is read`, () => {
    const { certificate } = makeTestIdentity(issuer, log, { name, claims: everyClaim })
    assert.deepEqual(readIdentity(certificate), { issuer: everyClaim.issuer, subject: name.value, subjectType })
  })
}

const email: GeneralName = { type: 'email', value: 'dev@example.com' }
const noIdentity: readonly (readonly [what: string, names: readonly GeneralName[]])[] = [
  ['no name', []],
  ['two names', [email, { type: 'uri', value: 'https://example.com' }]],
  ['a host name', [{ type: 'dns', value: 'example.com' }]],
  ['an empty name', [{ type: 'email', value: '' }]],
  ['an otherName of another kind', [{ type: 'other', oid: '1.2.3', value: 'dev@example.com' }]],
  ['a name of an unknown kind', [{ type: 'other', value: 'dev@example.com' }]],
]

for (const [what, subjectAltNames] of noIdentity) {
  test(`a certificate with ${what} has no identity`, () => {
    const { certificate } = makeTestIdentity(issuer, log)
    assert.throws(() => readIdentity({ ...certificate, subjectAltNames }), { code: 'x509.no-identity' })
  })
}

test('a certificate without issuer claim has no identity', () => {
  assert.throws(() => readFulcioClaims({ extensions: [] }), { code: 'x509.no-identity' })
})

test('a certificate with two different issuer claims has no identity', () => {
  const [older] = writeFulcioExtensions({ issuer: 'a' })
  const [, newer] = writeFulcioExtensions({ issuer: 'b' })
  assert.ok(older && newer)
  assert.throws(() => readFulcioClaims({ extensions: [older, newer] }), { code: 'x509.no-identity' })
})

test('a claim that is not UTF-8 or not DER is malformed', () => {
  const [older, newer] = writeFulcioExtensions({ issuer: 'a' })
  assert.ok(older && newer)
  const read = (extensions: Parameters<typeof readFulcioClaims>[0]['extensions']) => () =>
    readFulcioClaims({ extensions })
  assert.throws(read([{ ...older, value: Uint8Array.of(0xff) }]), { code: 'x509.malformed' })
  assert.throws(read([older, { ...newer, value: new TextEncoder().encode('a') }]), { code: 'x509.malformed' })
})
