import { createHash } from 'node:crypto'
import { makeTestKey } from '@countersign/protocol/x509/authorityFixture.ts'
import { signTestStatement, TEST_ARTIFACT } from './fixture.ts'
import { edited, flipped, instance, type Mutation, noTime, otherArtifact, signed } from './mutation.ts'

/** Changes to the artifact, the signature and the statement. */
export const contentMutations: readonly Mutation[] = [
  {
    what: 'a changed artifact',
    bundle: signed({}),
    artifact: otherArtifact,
    failed: { 'artifact digest': 'bundle.digest-wrong', signature: 'bundle.signature-wrong' },
  },
  {
    what: 'a digest of another hash function',
    bundle: signed({}),
    digest: new Uint8Array(createHash('sha512').update(TEST_ARTIFACT).digest()),
    failed: { 'artifact digest': 'bundle.digest-algorithm', signature: 'bundle.digest-algorithm' },
    foreignAccepts: 'it hashes the artifact itself',
  },
  {
    what: 'a changed digest in the bundle',
    bundle: edited((bundle) => {
      const { messageDigest } = bundle.messageSignature
      messageDigest.digest = flipped(messageDigest.digest, 0)
    }),
    failed: { 'artifact digest': 'bundle.digest-wrong', 'log entry': 'bundle.entry-mismatch' },
  },
  {
    what: 'a changed byte in the signature',
    bundle: edited((bundle) => {
      bundle.messageSignature.signature = flipped(bundle.messageSignature.signature, 20)
    }),
    failed: {
      timestamp: 'timestamp.wrong-imprint',
      'log entry': 'bundle.entry-mismatch',
      signature: 'bundle.signature-wrong',
    },
    notChecked: noTime,
  },
  {
    what: 'a signature over another artifact, stamped and logged',
    bundle: signed({ signature: () => makeTestKey().sign(TEST_ARTIFACT) }),
    failed: { signature: 'bundle.signature-wrong' },
  },
  {
    what: 'a P-384 key that signed a SHA-384 digest, beside a SHA-256 digest',
    bundle: signed({ identity: { key: makeTestKey('ecdsa-sha384') } }),
    failed: { signature: 'bundle.digest-algorithm' },
  },
  {
    what: 'an Ed25519 key that signed the artifact itself',
    bundle: signed({
      identity: { key: makeTestKey('ed25519') },
      logged: (sound) => ({ ...sound, keyDetails: 'PKIX_ED25519' }),
    }),
    failed: { signature: 'bundle.algorithm-unsupported' },
  },
  {
    what: 'a statement about another artifact',
    bundle: () => signTestStatement(instance),
    digest: new Uint8Array(createHash('sha256').update(otherArtifact).digest()),
    failed: { 'artifact digest': 'bundle.digest-wrong' },
    foreignAccepts: 'it leaves the subjects to its caller',
  },
  {
    what: 'a statement without subjects',
    bundle: () => signTestStatement(instance, { statement: { _type: 'https://in-toto.io/Statement/v1', subject: [] } }),
    failed: { 'artifact digest': 'bundle.statement-malformed' },
    foreignAccepts: 'it leaves the statement to its caller',
  },
  {
    what: 'an envelope of something else',
    bundle: () => signTestStatement(instance, { payloadType: 'text/plain' }),
    failed: { 'artifact digest': 'bundle.statement-malformed' },
    foreignAccepts: 'it leaves the payload type to its caller',
  },
  {
    what: 'a changed payload',
    bundle: edited(
      (bundle) => {
        const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString().replace('true', 'null')
        bundle.dsseEnvelope.payload = Buffer.from(payload).toString('base64')
      },
      () => signTestStatement(instance),
    ),
    failed: { 'log entry': 'bundle.entry-mismatch', signature: 'bundle.signature-wrong' },
  },
  {
    what: 'a changed payload type',
    bundle: edited(
      (bundle) => {
        bundle.dsseEnvelope.payloadType = 'application/vnd.in-toto'
      },
      () => signTestStatement(instance),
    ),
    failed: {
      'artifact digest': 'bundle.statement-malformed',
      'log entry': 'bundle.entry-mismatch',
      signature: 'bundle.signature-wrong',
    },
  },
]
