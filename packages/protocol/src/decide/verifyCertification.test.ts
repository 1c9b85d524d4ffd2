import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type CertificationChanges,
  certifyTestArtifact,
  makeTestCertificationSigner,
  malleate,
  validatorsOf,
} from '../../../../tests/vectors/bundle/certification.ts'
import {
  createTestInstance,
  signTestArtifact,
  signTestStatement,
  TEST_ARTIFACT,
} from '../../../../tests/vectors/bundle/fixture.ts'
import { parseBundle } from '../bundle/parseBundle.ts'
import { artifactBytes } from '../bundle/signedArtifact.ts'
import { parseTrustedRoot, type TrustedRoot, writeTrustedRoot } from '../bundle/trustedRoot.ts'
import { verifyBundle } from '../bundle/verifyBundle.ts'
import { integer, octetString, oid, sequence } from '../der/writeDer.ts'
import { CodedError } from '../errors/codedError.ts'
import { readFindingsStatement } from '../statement/findingsStatement.ts'
import { readSbomStatement } from '../statement/sbomStatement.ts'
import { testDay } from '../x509/authorityFixture.ts'
import { CERTIFICATION_OID } from '../x509/certification.ts'
import type { Extension } from '../x509/extensions.ts'
import { SHA256_OID } from '../x509/oids.ts'
import { verifyCertification } from './verifyCertification.ts'

const instance = createTestInstance()
const artifact = artifactBytes(TEST_ARTIFACT)
const sound = certifyTestArtifact(instance)
const validators = validatorsOf(instance)

function verify(certification: string, root: TrustedRoot = instance.trustedRoot, of = artifact) {
  return verifyCertification(parseBundle(certification), of, root)
}

/** Certifies with one thing done differently. */
const certified = (changes: CertificationChanges) => () => certifyTestArtifact(instance, changes).certification

/** Changes the JSON of the predicate after it was written. */
function withPredicate(change: (predicate: Record<string, unknown>) => void): () => string {
  return certified({ payload: (payload) => edited(payload, ({ predicate }) => change(predicate)) })
}

function edited(payload: Uint8Array, change: (statement: EditableStatement) => void): Uint8Array {
  const statement = JSON.parse(new TextDecoder().decode(payload)) as EditableStatement
  change(statement)
  return new TextEncoder().encode(JSON.stringify(statement))
}

interface EditableStatement {
  predicateType: string
  subject: { name: string; digest: { sha256: string } }[]
  predicate: Record<string, unknown>
}

test('a certification verifies, and says who certified what under which number', () => {
  const { checks, certification } = verify(sound.certification)
  assert.deepEqual(
    checks.filter(({ result }) => result !== 'passed'),
    [],
  )
  assert.equal(checks.length, 13)
  assert.deepEqual(certification?.validator, { issuer: validators, subject: `${validators}/embedded` })
  assert.equal(certification.number, 7n)
  assert.equal(certification.authority, instance.certifications.certificate.keyId)
  assert.deepEqual([certification.product, certification.version], ['files', '1.1.0'])
  assert.deepEqual(certification.claims, sound.claims)
  assert.deepEqual(certification.notAfter, testDay(90))
  assert.equal(certification.sameOperator, true)
  assert.equal(certification.serialHex, sound.signer.certificate.serialHex)
  assert.equal(certification.entry.index, 5n)
})

test('the statement names the bundles it rests on, which are signed by the same key', () => {
  for (const [text, digest, read] of [
    [sound.sbom, sound.claims.sbom, readSbomStatement],
    [sound.findings, sound.claims.findings, readFindingsStatement],
  ] as const) {
    const bundle = parseBundle(text)
    const { verified } = verifyBundle(bundle, artifact, instance.trustedRoot)
    assert.ok(verified?.statement && bundle.content.kind === 'statement')
    assert.deepEqual(verified.authority.certifies, true)
    assert.equal(hash('sha256', bundle.content.payload), digest)
    assert.equal(bundle.certificate.serialHex, sound.signer.certificate.serialHex)
    assert.equal(read(verified.statement).sha256, sound.claims.sha256)
  }
  assert.equal(hash('sha256', sound.signature), sound.claims.signature)
})

test('the developer’s signature comes from the authority that certifies nothing', () => {
  const { verified } = verifyBundle(parseBundle(sound.signature), artifact, instance.trustedRoot)
  const { keyId } = instance.identities.certificate
  assert.deepEqual(verified?.authority, { keyId, uri: `https://${instance.host}`, certifies: false })
})

test('a signature by the certification authority verifies as a bundle, and is told apart by its authority', () => {
  const { verified } = verifyBundle(
    parseBundle(signTestArtifact(instance, { issuer: instance.certifications })),
    artifact,
    instance.trustedRoot,
  )
  const { keyId } = instance.certifications.certificate
  assert.deepEqual(verified?.authority, { keyId, uri: validators, certifies: true })
})

test('the signature (r, n - s), logged and stamped anew, is the same certification', () => {
  const changes: CertificationChanges = { signing: { signature: malleate } }
  const { certification } = verify(certifyTestArtifact(instance, changes).certification)
  assert.equal(certification?.number, 7n)
  assert.equal(certification.authority, instance.certifications.certificate.keyId)
})

test('who operates the validator is read from the certificate', () => {
  const claims = { issuer: validators, runnerEnvironment: 'other-operator' }
  assert.equal(verify(certified({ certificate: { claims } })()).certification?.sameOperator, false)
})

test('a trusted root that was written and read again tells the authorities apart as before', () => {
  const root = parseTrustedRoot(JSON.stringify(writeTrustedRoot(instance.trustedRoot)))
  assert.equal(verify(sound.certification, root).certification?.number, 7n)
})

test('accepted findings and gaps are told with the statement', () => {
  const accepted = {
    findings: [{ advisory: 'GHSA-1', component: 'pkg:npm/a@1.0.0', reason: 'not reachable' }],
    gaps: [{ code: 'gap.native-addon', path: 'lib/a.node', reason: 'built by us' }],
  }
  const { checks, certification } = verify(certified({ claims: { accepted } })())
  assert.deepEqual(certification?.claims.accepted, accepted)
  assert.match(checks.at(-1)?.detail ?? '', /sample, 5 records; accepted by its policy: 1 findings, 1 gaps/)
})

const digestsOf = (...digests: Uint8Array[]) =>
  sequence(...digests.map((digest) => sequence(oid(SHA256_OID), octetString(digest))))
const mark = (number: bigint, ...digests: Uint8Array[]): Extension => ({
  oid: CERTIFICATION_OID,
  critical: false,
  value: sequence(integer(1), integer(number), digestsOf(...digests)),
})
const otherDigest = new Uint8Array(hash('sha256', 'another artifact', 'buffer'))
const uri = (value: string) => ({ certificate: { name: { type: 'uri', value } } as const })
const NUMBER_WRONG = { 'certification number': 'x509.certification-extension' }
const VALIDATOR_WRONG = { validator: 'statement.validator-wrong' }
const STATEMENT_WRONG = { 'certification statement': 'statement.malformed' }

interface Bad {
  readonly what: string
  readonly bundle: () => string
  readonly root?: TrustedRoot
  readonly of?: typeof artifact
  /** Every check that fails, with its code. */
  readonly failed: Readonly<Record<string, string>>
}

const identitiesOnly: TrustedRoot = {
  ...instance.trustedRoot,
  certificateAuthorities: instance.trustedRoot.certificateAuthorities.slice(0, 1),
}
const twoNames: TrustedRoot = {
  ...instance.trustedRoot,
  certificateAuthorities: instance.trustedRoot.certificateAuthorities.flatMap((one) => [
    one,
    { ...one, uri: 'https://sign.example.com' },
  ]),
}

const bad: readonly Bad[] = [
  {
    what: 'a certificate of the identities authority',
    bundle: certified({ issuer: instance.identities }),
    failed: { 'certification authority': 'statement.not-certification-authority', ...VALIDATOR_WRONG },
  },
  {
    what: 'an authority that the trusted root lists for identities too',
    bundle: () => sound.certification,
    root: twoNames,
    failed: { 'certification authority': 'statement.not-certification-authority' },
  },
  {
    what: 'a certification authority that is not trusted',
    bundle: () => sound.certification,
    root: identitiesOnly,
    failed: { 'certificate chain': 'x509.untrusted' },
  },
  {
    what: 'a developer’s signature in the place of a certification',
    bundle: () => sound.signature,
    failed: {
      'certification authority': 'statement.not-certification-authority',
      'certification number': 'statement.no-number',
      ...VALIDATOR_WRONG,
      'certification statement': 'statement.predicate-unknown',
    },
  },
  {
    what: 'a message signed with the key of a certification',
    bundle: () => signTestArtifact(instance, { signer: makeTestCertificationSigner(instance) }),
    failed: { 'certification statement': 'statement.predicate-unknown' },
  },
  {
    what: 'the SBOM in the place of the certification',
    bundle: () => sound.sbom,
    failed: { 'certification statement': 'statement.predicate-unknown' },
  },
  {
    what: 'another artifact',
    bundle: () => sound.certification,
    of: artifactBytes(new TextEncoder().encode('another artifact')),
    failed: { 'artifact digest': 'bundle.digest-wrong' },
  },
  {
    what: 'a certificate for another artifact',
    bundle: certified({ mark: mark(7n, otherDigest) }),
    failed: { 'certification number': 'statement.digest-wrong' },
  },
  {
    what: 'no extension',
    bundle: certified({ mark: null }),
    failed: { 'certification number': 'statement.no-number' },
  },
  { what: 'number 0', bundle: certified({ mark: mark(0n, artifact.digest) }), failed: NUMBER_WRONG },
  { what: 'a negative number', bundle: certified({ mark: mark(-7n, artifact.digest) }), failed: NUMBER_WRONG },
  { what: 'number 2^63', bundle: certified({ mark: mark(2n ** 63n, artifact.digest) }), failed: NUMBER_WRONG },
  {
    what: 'a digest twice',
    bundle: certified({ mark: mark(7n, artifact.digest, artifact.digest) }),
    failed: NUMBER_WRONG,
  },
  {
    what: 'a validator of another instance',
    bundle: certified(uri('https://other.example.com/validators/embedded')),
    failed: { ...VALIDATOR_WRONG, 'certification statement': 'statement.validator-wrong' },
  },
  {
    what: 'an identity and issuer of another instance, by this authority',
    bundle: certified({
      ...uri('https://other.example.com/validators/embedded'),
      claims: { validator: 'https://other.example.com/validators/embedded' },
      certificate: {
        name: { type: 'uri', value: 'https://other.example.com/validators/embedded' },
        claims: { issuer: 'https://other.example.com/validators', runnerEnvironment: 'same-operator' },
      },
    }),
    failed: VALIDATOR_WRONG,
  },
  {
    what: 'an identity below a validator',
    bundle: certified(uri(`${validators}/embedded/more`)),
    failed: { ...VALIDATOR_WRONG, 'certification statement': 'statement.validator-wrong' },
  },
  {
    what: 'an e-mail address in the place of a validator',
    bundle: certified({ certificate: { name: { type: 'email', value: 'dev@example.com' } } }),
    failed: { ...VALIDATOR_WRONG, 'certification statement': 'statement.validator-wrong' },
  },
  {
    what: 'a certificate that does not say who operates the validator',
    bundle: certified({ certificate: { claims: { issuer: validators } } }),
    failed: VALIDATOR_WRONG,
  },
  {
    what: 'a certificate that names another kind of operator',
    bundle: certified({ certificate: { claims: { issuer: validators, runnerEnvironment: 'github-hosted' } } }),
    failed: VALIDATOR_WRONG,
  },
  {
    what: 'a statement of another validator',
    bundle: certified({ claims: { validator: `${validators}/other` } }),
    failed: { 'certification statement': 'statement.validator-wrong' },
  },
  {
    what: 'a statement about another artifact',
    bundle: certified({ claims: { sha256: otherDigest.toHex() } }),
    failed: { 'artifact digest': 'bundle.digest-wrong' },
  },
  {
    what: 'a statement about two artifacts',
    bundle: certified({
      payload: (payload) =>
        edited(payload, ({ subject }) => subject.push({ name: 'b', digest: { sha256: otherDigest.toHex() } })),
    }),
    failed: { 'certification statement': 'statement.subjects-wrong' },
  },
  {
    what: 'a statement with an unknown predicate',
    bundle: certified({
      payload: (payload) =>
        edited(payload, (statement) => {
          statement.predicateType = 'https://slsa.dev/verification_summary/v2'
        }),
    }),
    failed: { 'certification statement': 'statement.predicate-unknown' },
  },
  {
    what: 'a statement that failed',
    bundle: withPredicate((predicate) => {
      predicate.verificationResult = 'FAILED'
    }),
    failed: { 'certification statement': 'statement.not-passed' },
  },
  {
    what: 'a resource that names no version',
    bundle: withPredicate((predicate) => {
      predicate.resourceUri = 'pkg:generic/files'
    }),
    failed: { 'certification statement': 'statement.resource-uri' },
  },
  {
    what: 'a resource of another type',
    bundle: withPredicate((predicate) => {
      predicate.resourceUri = 'pkg:npm/files@1.1.0'
    }),
    failed: { 'certification statement': 'statement.resource-uri' },
  },
  {
    what: 'no advisories',
    bundle: withPredicate((predicate) => {
      delete predicate['urn:countersign:advisories']
    }),
    failed: STATEMENT_WRONG,
  },
  {
    what: 'no list of what was accepted',
    bundle: withPredicate((predicate) => {
      delete predicate['urn:countersign:accepted']
    }),
    failed: STATEMENT_WRONG,
  },
  {
    what: 'a certificate that had run out when it signed',
    bundle: certified({ notAfter: testDay(0.5), signing: { stampedAt: testDay(0.6) } }),
    failed: { 'certificate chain': 'x509.expired' },
  },
  {
    what: 'a changed payload',
    bundle: () => {
      const bundle = JSON.parse(sound.certification)
      const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString().replace('1.1.0', '1.2.0')
      bundle.dsseEnvelope.payload = Buffer.from(payload).toString('base64')
      return JSON.stringify(bundle)
    },
    failed: { 'log entry': 'bundle.entry-mismatch', signature: 'bundle.signature-wrong' },
  },
  {
    what: 'a statement that anyone signed about the artifact',
    bundle: () => signTestStatement(instance),
    failed: {
      'certification authority': 'statement.not-certification-authority',
      'certification number': 'statement.no-number',
      ...VALIDATOR_WRONG,
      'certification statement': 'statement.predicate-unknown',
    },
  },
]

for (const { what, bundle, root, of, failed } of bad) {
  test(`no certification: ${what}`, () => {
    const { checks, certification } = verify(bundle(), root, of)
    assert.deepEqual(
      Object.fromEntries(checks.flatMap(({ name, code }) => (code === undefined ? [] : [[name, code]]))),
      failed,
    )
    assert.deepEqual([certification, checks.length], [undefined, 13])
  })
}

test('product and version are those of the resource, whatever other fields say', () => {
  const { certification } = verify(withPredicate((it) => Object.assign(it, { product: 'other', version: '9.9.9' }))())
  assert.deepEqual([certification?.product, certification?.version], ['files', '1.1.0'])
})

test('no change of one character certifies anything else', () => {
  const prove = (text: string) => {
    const { certification } = verify(text)
    return certification && [certification.authority, certification.number, certification.claims]
  }
  const expected = prove(sound.certification)
  assert.ok(expected)
  fc.assert(
    fc.property(fc.nat(sound.certification.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, other) => {
      let proved: typeof expected | undefined
      try {
        proved = prove(sound.certification.replace(/[\s\S]/g, (one, here) => (here === at ? other : one)))
      } catch (error) {
        assert.ok(error instanceof CodedError, String(error))
      }
      if (proved !== undefined) assert.deepEqual(proved, expected)
    }),
    { numRuns: 200 },
  )
})

test('an error that is not about the bundle comes through', () => {
  assert.throws(() => verify(sound.certification, { ...instance.trustedRoot, tlogs: undefined } as never), TypeError)
})
