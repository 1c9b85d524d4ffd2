import { hash } from 'node:crypto'
import { type TrustedRoot, trustedLog } from '@countersign/protocol/bundle/trustedRoot.ts'
import { writeBundle, writeStatementBundle } from '@countersign/protocol/bundle/writeBundle.ts'
import { checkpointText } from '@countersign/protocol/log/checkpoint.ts'
import { type AddEntryRequest, canonicalEntry } from '@countersign/protocol/log/hashedRekord.ts'
import { type HashName, keyDetailsOf } from '@countersign/protocol/log/keyDetails.ts'
import { formatNote, logId, type NoteKey, noteKey } from '@countersign/protocol/log/note.ts'
import { pae } from '@countersign/protocol/log/pae.ts'
import { type TransparencyLogEntry, writeTransparencyLogEntry } from '@countersign/protocol/log/transparencyLogEntry.ts'
import { prepareTimestamp } from '@countersign/protocol/timestamp/response.ts'
import {
  makeTestIdentity,
  makeTestIssuer,
  makeTestKey,
  makeTestRoot,
  makeTestTimestampLeaf,
  TEST_TIME,
  type TestAuthority,
  type TestIdentityParts,
  type TestKey,
  testDay,
  testSerial,
} from '@countersign/protocol/x509/authorityFixture.ts'
import { writeName } from '@countersign/protocol/x509/name.ts'
import { naivePath, naiveRoot } from '../log/naiveTree.ts'

/** A whole instance in memory: authorities, certificate log key, artifact log, all with fresh keys. */
export interface TestInstance {
  readonly host: string
  readonly identities: TestAuthority
  /** Issues the certificates of certifications. */
  readonly certifications: TestAuthority
  readonly timestamps: TestAuthority
  readonly certificateLog: TestKey
  readonly artifactLog: TestKey
  readonly artifactLogKey: NoteKey
  readonly trustedRoot: TrustedRoot
}

/** An instance whose artifact log has the origin `host`. */
export function createTestInstance(host = 'sign.example.com'): TestInstance {
  const root = makeTestRoot(`${host} code signing root`)
  const identities = makeTestIssuer(root, 'codeSigning')
  const certifications = makeTestIssuer(root, 'codeSigning', { subject: writeName({ commonName: 'certifications' }) })
  const timestampAuthority = makeTestIssuer(root, 'timeStamping')
  const timestamps = makeTestTimestampLeaf(timestampAuthority)
  const [certificateLog, artifactLog] = [makeTestKey(), makeTestKey('ed25519')]
  const artifactLogKey = noteKey(host, 0x01, artifactLog.spki)
  const validity = { validFrom: testDay(-1), validUntil: testDay(1) }
  const ctLogId = new Uint8Array(hash('sha256', certificateLog.spki, 'buffer'))
  return {
    host,
    identities,
    certifications,
    timestamps,
    certificateLog,
    artifactLog,
    artifactLogKey,
    trustedRoot: {
      tlogs: [
        trustedLog({ baseUrl: `https://${host}`, spki: artifactLog.spki, logId: logId(artifactLogKey), ...validity }),
      ],
      ctlogs: [trustedLog({ baseUrl: `https://${host}/ct`, spki: certificateLog.spki, logId: ctLogId, ...validity })],
      certificateAuthorities: [
        { uri: `https://${host}`, chain: [identities.certificate, root.certificate], ...validity },
        { uri: `https://${host}/validators`, chain: [certifications.certificate, root.certificate], ...validity },
      ],
      timestampAuthorities: [
        {
          uri: `https://${host}/api/v1/timestamp`,
          chain: [timestamps.certificate, timestampAuthority.certificate, root.certificate],
          ...validity,
        },
      ],
    },
  }
}

/** Everything about a signing that a test may want otherwise. Undefined parts are those of a sound one. */
export interface SigningChanges {
  readonly artifact?: Uint8Array
  readonly hashName?: HashName
  readonly identity?: TestIdentityParts
  /** Certificate and key that exist already, instead of fresh ones. */
  readonly signer?: TestAuthority
  /** Issues the certificate, instead of the instance's authority. */
  readonly issuer?: TestAuthority
  readonly certificateLog?: TestKey
  readonly timestampSigner?: TestAuthority
  readonly stampedAt?: Date
  /** In the timestamp; none unless a test says one. */
  readonly nonce?: bigint
  /** The bytes that are stamped, instead of the signature. */
  readonly stamped?: Uint8Array
  /** Changes the signature before it is stamped and logged. */
  readonly signature?: (sound: Uint8Array) => Uint8Array
  readonly logged?: (sound: AddEntryRequest) => AddEntryRequest
  /** Changes the bytes of the leaf. */
  readonly leaf?: (sound: Uint8Array) => Uint8Array
  readonly artifactLog?: TestKey
  readonly artifactLogKey?: NoteKey
  readonly entry?: (sound: TransparencyLogEntry) => TransparencyLogEntry
}

/** What is signed unless a test says otherwise. */
export const TEST_ARTIFACT: Uint8Array = new TextEncoder().encode('the artifact\n')

/** Signs an artifact as a client of the instance would, and writes the bundle. */
export function signTestArtifact(instance: TestInstance, changes: SigningChanges = {}): string {
  const { artifact = TEST_ARTIFACT, hashName = 'sha256' } = changes
  const messageDigest = new Uint8Array(hash(hashName, artifact, 'buffer'))
  return writeBundle({ messageDigest, hashName, ...sign(instance, artifact, messageDigest, changes) })
}

/** Everything about a statement that a test may want otherwise. */
export interface StatementChanges {
  readonly statement?: unknown
  /** The exact bytes that are signed, instead of a statement. */
  readonly payload?: Uint8Array
  readonly payloadType?: string
}

/** Signs an in-toto statement about an artifact, and writes the bundle. */
export function signTestStatement(instance: TestInstance, changes: SigningChanges & StatementChanges = {}): string {
  const { artifact = TEST_ARTIFACT, hashName = 'sha256', payloadType = 'application/vnd.in-toto+json' } = changes
  const sha256 = hash('sha256', artifact, 'hex')
  const sound = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'artifact', digest: { sha256 } }],
    predicateType: 'https://example.com/predicate/v1',
    predicate: { tested: true },
  }
  const payload = changes.payload ?? new TextEncoder().encode(JSON.stringify(changes.statement ?? sound))
  const signed = pae(payloadType, payload)
  const digest = new Uint8Array(hash(hashName, signed, 'buffer'))
  return writeStatementBundle({ payloadType, payload, ...sign(instance, signed, digest, changes) })
}

function makeTestSigner(instance: TestInstance, changes: SigningChanges): TestAuthority {
  const { issuer = instance.identities, certificateLog = instance.certificateLog } = changes
  return makeTestIdentity(issuer, certificateLog, changes.identity)
}

function sign(instance: TestInstance, message: Uint8Array, digest: Uint8Array, changes: SigningChanges) {
  const signer = changes.signer ?? makeTestSigner(instance, changes)
  const certificate = signer.certificate.raw
  const made = signer.key.sign(message)
  const signature = changes.signature?.(made) ?? made
  const request: AddEntryRequest = {
    digest,
    signature,
    verifier: { kind: 'x509Certificate', rawBytes: certificate },
    keyDetails: keyDetailsOf(signer.certificate.publicKey),
  }
  const leaf = canonicalEntry(changes.logged?.(request) ?? request)
  const entry = addToLog(instance, changes.leaf?.(leaf) ?? leaf, changes)
  const timestamps = [stamp(instance, changes.stamped ?? signature, changes)]
  return { certificate, signature, timestamps, entry: writeTransparencyLogEntry(changes.entry?.(entry) ?? entry) }
}

function stamp(instance: TestInstance, bytes: Uint8Array, changes: SigningChanges): Uint8Array {
  const signer = changes.timestampSigner ?? instance.timestamps
  const digest = new Uint8Array(hash('sha256', bytes, 'buffer'))
  const nonce = changes.nonce === undefined ? {} : { nonce: changes.nonce }
  const prepared = prepareTimestamp({
    request: { hash: 'sha256', digest, certReq: false, ...nonce },
    serial: testSerial(),
    genTime: changes.stampedAt ?? TEST_TIME,
    policy: '1.3.6.1.4.1.57264.2',
    accuracySeconds: 1,
    signer: signer.certificate,
    chain: [],
    signatureAlgorithm: signer.key.signatureAlgorithm,
  })
  return prepared.finish(signer.key.sign(prepared.toSign))
}

/** Puts the leaf between others, so that the proof has hashes on both sides. */
function addToLog(instance: TestInstance, leaf: Uint8Array, changes: SigningChanges): TransparencyLogEntry {
  const { artifactLog = instance.artifactLog, artifactLogKey = instance.artifactLogKey } = changes
  const index = 5
  const leaves = Array.from({ length: 11 }, (_, at) => (at === index ? leaf : Uint8Array.of(at)))
  const text = checkpointText({
    origin: artifactLogKey.name,
    size: BigInt(leaves.length),
    root: naiveRoot(leaves),
    extensions: [],
  })
  const { name, keyHash } = artifactLogKey
  const checkpoint = formatNote(text, [{ name, keyHash, signature: artifactLog.sign(new TextEncoder().encode(text)) }])
  return {
    logIndex: BigInt(index),
    logId: logId(artifactLogKey),
    kind: 'hashedrekord',
    version: '0.0.2',
    canonicalizedBody: leaf,
    inclusionProof: {
      logIndex: BigInt(index),
      rootHash: naiveRoot(leaves),
      treeSize: BigInt(leaves.length),
      hashes: naivePath(index, leaves),
      checkpoint,
    },
  }
}
