import { makeTestTimestampLeaf, TEST_TIME } from '@countersign/protocol/x509/authorityFixture.ts'
import { EXTENSION_OIDS } from '@countersign/protocol/x509/oids.ts'
import { type SigningChanges, signTestArtifact } from './fixture.ts'
import {
  asV02,
  edited,
  flipped,
  instance,
  issuerOf,
  type Json,
  type Mutation,
  noTime,
  otherArtifact,
  outdated,
  signed,
  stranger,
} from './mutation.ts'

const trusted = instance.trustedRoot
const without = (oid: string) => ({
  identity: { extensions: (sound: Json[]) => sound.filter((one) => one.oid !== oid) },
})

/** Adds an extension to the certificate, after the log promised to hold it without. */
function extendedAfterPromise(): SigningChanges {
  let calls = 0
  const extra = { oid: '1.2.3.4', critical: false, value: Uint8Array.of(5, 0) }
  return { identity: { extensions: (sound) => (calls++ === 0 ? sound : [...sound, extra]) } }
}

/** Changes to the certificate, its promise and the timestamps, and to who is trusted for them. */
export const certificateMutations: readonly Mutation[] = [
  {
    what: 'a changed byte in the certificate',
    bundle: edited((bundle) => {
      const { certificate } = bundle.verificationMaterial
      certificate.rawBytes = flipped(certificate.rawBytes, 20)
    }),
    failed: {
      'certificate chain': 'x509.signature-wrong',
      'certificate log': 'x509.sct-wrong',
      'log entry': 'bundle.entry-mismatch',
    },
  },
  {
    what: 'a certificate of another instance',
    bundle: signed({ issuer: stranger.identities }),
    failed: { 'certificate chain': 'x509.untrusted' },
    notChecked: ['certificate log'],
  },
  {
    what: 'a certificate of another instance, with its issuer in the bundle',
    bundle: () =>
      asV02(signTestArtifact(instance, { issuer: stranger.identities }), (own) => [own, issuerOf(stranger)]),
    failed: { 'certificate chain': 'x509.untrusted' },
    notChecked: ['certificate log'],
  },
  {
    what: 'a chain that starts with the issuer',
    bundle: () => asV02(signTestArtifact(instance), (own) => [issuerOf(instance), own]),
    failed: {
      'certificate chain': 'x509.wrong-purpose',
      'certificate profile': 'x509.no-identity',
      'certificate log': 'x509.sct-missing',
      'log entry': 'bundle.entry-mismatch',
      signature: 'bundle.signature-wrong',
    },
  },
  {
    what: 'a certificate for time stamping',
    bundle: signed({ issuer: instance.timestamps }),
    failed: { 'certificate chain': 'x509.untrusted' },
    notChecked: ['certificate log'],
  },
  {
    what: 'a certificate that had expired when it signed',
    bundle: signed({ stampedAt: new Date(TEST_TIME.getTime() + 3_600_000) }),
    failed: { 'certificate chain': 'x509.expired' },
  },
  {
    what: 'a certificate that was not yet valid when it signed',
    bundle: signed({ stampedAt: new Date(TEST_TIME.getTime() - 3_600_000) }),
    failed: { 'certificate chain': 'x509.not-yet-valid' },
  },
  {
    what: 'a certificate without a purpose',
    bundle: signed(without(EXTENSION_OIDS.extendedKeyUsage)),
    failed: { 'certificate chain': 'x509.wrong-purpose' },
    foreignAccepts: 'it does not look at the extended key usage',
  },
  {
    what: 'a certificate without an identity',
    bundle: signed(without(EXTENSION_OIDS.subjectAltName)),
    failed: { 'certificate profile': 'x509.no-identity' },
    foreignAccepts: 'it leaves the identity to its policy',
  },
  {
    what: 'an authority that was not trusted at that time',
    bundle: signed({}),
    root: {
      ...trusted,
      certificateAuthorities: trusted.certificateAuthorities.map((authority) => ({ ...authority, ...outdated })),
    },
    failed: { 'certificate chain': 'x509.untrusted' },
  },
  {
    what: 'a certificate that no log promised to hold',
    bundle: signed(without(EXTENSION_OIDS.sctList)),
    failed: { 'certificate log': 'x509.sct-missing' },
  },
  {
    what: 'a promise by a log that is not trusted',
    bundle: signed({ certificateLog: stranger.certificateLog }),
    failed: { 'certificate log': 'bundle.sct-untrusted' },
  },
  {
    what: 'a promise for another certificate',
    bundle: () => signTestArtifact(instance, extendedAfterPromise()),
    failed: { 'certificate log': 'x509.sct-wrong' },
  },
  {
    what: 'a certificate log that was not trusted at that time',
    bundle: signed({}),
    root: { ...trusted, ctlogs: trusted.ctlogs.map((log) => ({ ...log, ...outdated })) },
    failed: { 'certificate log': 'bundle.sct-untrusted' },
  },
  {
    what: 'no timestamp',
    bundle: edited((bundle) => {
      bundle.verificationMaterial.timestampVerificationData = {}
    }),
    failed: { timestamp: 'bundle.no-timestamp' },
    notChecked: noTime,
  },
  {
    what: 'a timestamp that is none',
    bundle: edited((bundle) => {
      bundle.verificationMaterial.timestampVerificationData.rfc3161Timestamps[0].signedTimestamp = 'MAA='
    }),
    failed: { timestamp: 'timestamp.malformed' },
    notChecked: noTime,
  },
  {
    what: 'a changed byte at the end of the timestamp',
    bundle: edited((bundle) => {
      const [timestamp] = bundle.verificationMaterial.timestampVerificationData.rfc3161Timestamps
      timestamp.signedTimestamp = flipped(timestamp.signedTimestamp, -1)
    }),
    failed: { timestamp: 'timestamp.signature-wrong' },
    notChecked: noTime,
  },
  {
    what: 'a timestamp over other bytes',
    bundle: signed({ stamped: otherArtifact }),
    failed: { timestamp: 'timestamp.wrong-imprint' },
    notChecked: noTime,
  },
  {
    what: 'a timestamp of another authority',
    bundle: signed({ timestampSigner: stranger.timestamps }),
    failed: { timestamp: 'timestamp.unknown-authority' },
    notChecked: noTime,
  },
  {
    what: 'a timestamp by a certificate that is not the listed one',
    bundle: signed({ timestampSigner: makeTestTimestampLeaf(instance.identities) }),
    failed: { timestamp: 'timestamp.unknown-authority' },
    notChecked: noTime,
  },
  {
    what: 'a timestamp authority that was not trusted at that time',
    bundle: signed({}),
    root: {
      ...trusted,
      timestampAuthorities: trusted.timestampAuthorities.map((authority) => ({ ...authority, ...outdated })),
    },
    failed: { timestamp: 'timestamp.outside-validity' },
    notChecked: noTime,
  },
]
