import { noteKey } from '@countersign/protocol/log/note.ts'
import { makeTestIdentity, makeTestKey } from '@countersign/protocol/x509/authorityFixture.ts'
import { signTestArtifact, TEST_ARTIFACT } from './fixture.ts'
import { edited, entryOf, flipped, instance, type Mutation, outdated, proofOf, signed, stranger } from './mutation.ts'

const trusted = instance.trustedRoot

/** Changes to the log entry, its proof and its checkpoint, and to which log is trusted. */
export const logMutations: readonly Mutation[] = [
  {
    what: 'no log entry',
    bundle: edited((bundle) => {
      bundle.verificationMaterial.tlogEntries = []
    }),
    failed: { 'log entry': 'bundle.no-entry', 'inclusion proof': 'bundle.no-proof' },
    notChecked: ['checkpoint'],
  },
  {
    what: 'an entry of Rekor v1',
    bundle: edited((bundle) => {
      entryOf(bundle).kindVersion.version = '0.0.1'
    }),
    failed: { 'log entry': 'bundle.entry-version' },
  },
  {
    what: 'an entry of the kind dsse',
    bundle: edited((bundle) => {
      entryOf(bundle).kindVersion.kind = 'dsse'
    }),
    failed: { 'log entry': 'bundle.entry-version' },
  },
  {
    what: 'an entry for another digest',
    bundle: signed({ logged: (sound) => ({ ...sound, digest: new Uint8Array(32) }) }),
    failed: { 'log entry': 'bundle.entry-mismatch' },
  },
  {
    what: 'an entry for another signature',
    bundle: signed({ logged: (sound) => ({ ...sound, signature: makeTestKey().sign(TEST_ARTIFACT) }) }),
    failed: { 'log entry': 'bundle.entry-mismatch' },
  },
  {
    what: 'an entry for another certificate',
    bundle: signed({
      logged: (sound) => {
        const other = makeTestIdentity(instance.identities, instance.certificateLog).certificate.raw
        return { ...sound, verifier: { kind: 'x509Certificate', rawBytes: other } }
      },
    }),
    failed: { 'log entry': 'bundle.entry-mismatch' },
    foreignAccepts: 'it compares only digest and signature',
  },
  {
    what: 'an entry with a space in its JSON',
    bundle: signed({ leaf: (sound) => Buffer.concat([sound.subarray(0, 1), Buffer.from(' '), sound.subarray(1)]) }),
    failed: { 'log entry': 'bundle.entry-mismatch' },
    foreignAccepts: 'it compares values, not bytes',
  },
  {
    what: 'a changed byte in the entry',
    bundle: edited((bundle) => {
      const body = Buffer.from(entryOf(bundle).canonicalizedBody, 'base64')
      entryOf(bundle).canonicalizedBody = Buffer.concat([body, Buffer.from(' ')]).toString('base64')
    }),
    failed: { 'log entry': 'bundle.entry-mismatch', 'inclusion proof': 'log.proof-wrong' },
    notChecked: ['checkpoint'],
  },
  {
    what: 'a changed byte in the proof',
    bundle: edited((bundle) => {
      proofOf(bundle).hashes[1] = flipped(proofOf(bundle).hashes[1], 0)
    }),
    failed: { 'inclusion proof': 'log.proof-wrong' },
    notChecked: ['checkpoint'],
  },
  {
    what: 'another index',
    bundle: edited((bundle) => {
      proofOf(bundle).logIndex = '4'
      entryOf(bundle).logIndex = '4'
    }),
    failed: { 'inclusion proof': 'log.proof-wrong' },
    notChecked: ['checkpoint'],
  },
  {
    what: 'an index outside the tree',
    bundle: edited((bundle) => {
      proofOf(bundle).logIndex = '11'
      entryOf(bundle).logIndex = '11'
    }),
    failed: { 'inclusion proof': 'log.range-wrong' },
    notChecked: ['checkpoint'],
  },
  {
    what: 'an entry and a proof of different indexes',
    bundle: edited((bundle) => {
      entryOf(bundle).logIndex = '4'
    }),
    failed: { 'inclusion proof': 'bundle.entry-mismatch' },
    notChecked: ['checkpoint'],
    foreignAccepts: 'it does not read the index beside the proof',
  },
  {
    what: 'no proof',
    bundle: edited((bundle) => {
      entryOf(bundle).inclusionProof = null
    }),
    failed: { 'inclusion proof': 'bundle.no-proof' },
    notChecked: ['checkpoint'],
  },
  {
    what: 'a proof without checkpoint',
    bundle: edited((bundle) => {
      proofOf(bundle).checkpoint = null
    }),
    failed: { 'inclusion proof': 'bundle.no-proof' },
    notChecked: ['checkpoint'],
  },
  {
    what: 'a checkpoint that is no note',
    bundle: edited((bundle) => {
      proofOf(bundle).checkpoint.envelope = 'x'
    }),
    failed: { checkpoint: 'log.note-malformed' },
  },
  {
    what: 'a checkpoint signed by another key',
    bundle: signed({ artifactLog: stranger.artifactLog }),
    failed: { checkpoint: 'log.note-signature-wrong' },
  },
  {
    what: 'a changed byte in the checkpoint',
    bundle: edited((bundle) => {
      const { checkpoint } = proofOf(bundle)
      checkpoint.envelope = checkpoint.envelope.replace('\n11\n', '\n12\n')
    }),
    failed: { checkpoint: 'log.note-signature-wrong' },
  },
  {
    what: 'a checkpoint of another tree of the same log',
    bundle: edited((bundle) => {
      proofOf(bundle).checkpoint = proofOf(JSON.parse(signTestArtifact(instance))).checkpoint
    }),
    failed: { checkpoint: 'bundle.checkpoint-mismatch' },
  },
  {
    what: 'an entry of a log that is not trusted',
    bundle: signed({ artifactLog: stranger.artifactLog, artifactLogKey: stranger.artifactLogKey }),
    failed: { checkpoint: 'bundle.log-untrusted' },
  },
  {
    what: 'a checkpoint with another origin, signed by the same key',
    bundle: edited((bundle) => {
      const artifactLogKey = noteKey('other.example.com', 0x01, instance.artifactLog.spki)
      const other = entryOf(JSON.parse(signTestArtifact(instance, { artifactLogKey })))
      proofOf(bundle).checkpoint = other.inclusionProof.checkpoint
    }),
    failed: { checkpoint: 'log.origin-wrong' },
  },
  {
    what: 'an artifact log that was not trusted at that time',
    bundle: signed({}),
    root: { ...trusted, tlogs: trusted.tlogs.map((log) => ({ ...log, ...outdated })) },
    failed: { checkpoint: 'bundle.log-untrusted' },
    foreignAccepts: 'entries of Rekor v2 have no time that it could compare',
  },
]
