import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseCertificate } from '@countersign/protocol/x509/certificate.ts'
import { readScts } from '@countersign/protocol/x509/sct.ts'
import type { BadInput } from './badInput.ts'
import { type BundleJson, changedBase64, changedBundle, changedNote } from './bundleJson.ts'
import type { Client } from './client.ts'
import { certifyWithDeviceAuthority, openStolenKeys } from './forgedCertificate.ts'
import { changeByte } from './lyingMirror.ts'
import { ANNA, type Setting } from './setting.ts'
import { certify, signBundle } from './signing.ts'

/** An artifact with a bundle beside it that is wrong. */
interface WrongBundle {
  readonly input: string
  readonly expectedCode: string
  readonly artifact?: Uint8Array
  readonly bundle: string
}

/** What `verify` must not take: a sound signature with one byte changed, and signatures that were never sound. */
export async function artifactRows(setting: Setting): Promise<BadInput[]> {
  const { production, folder } = setting
  const artifact = Buffer.from('release 1.0.0\n')
  // The second of two, because the proof of the first entry is empty as long as it is alone.
  await signBundle(production, Buffer.from('release 0.9.0\n'), await certify(production, production.token, ANNA))
  const sound = await signBundle(production, artifact, await certify(production, production.token, ANNA))
  const soundFile = path.join(folder, 'release-1.0.0')
  writeFileSync(soundFile, artifact)
  writeFileSync(`${soundFile}.sigstore.json`, sound)
  const accepted = await production.client.run('verify', soundFile)
  if (accepted.exitCode !== 0) throw new Error(`a sound bundle is refused: ${accepted.code}`)
  const wrong = [...oneByteChanged(sound, artifact), ...(await neverSound(setting))]
  // From here on the client knows the newest checkpoints, and no row brings it new ones.
  await production.client.run('log', 'audit')
  return [
    ...wrong.map((one, at) => row(production.client, path.join(folder, `wrong-${at}`), { artifact, ...one })),
    otherIdentity(production.client, soundFile),
    noBundle(production.client, folder),
    await expired(setting),
  ]
}

function oneByteChanged(sound: string, artifact: Uint8Array): WrongBundle[] {
  const change = (to: (bundle: BundleJson) => void) => changedBundle(sound, to)
  const material = (to: (material: BundleJson['verificationMaterial']) => void) =>
    change(({ verificationMaterial }) => to(verificationMaterial))
  return [
    {
      input: 'artifact, one byte changed',
      expectedCode: 'bundle.digest-wrong bundle.signature-wrong',
      artifact: changeByte(artifact),
      bundle: sound,
    },
    {
      input: 'bundle (its signature), one byte changed',
      expectedCode: 'timestamp.wrong-imprint bundle.entry-mismatch bundle.signature-wrong',
      bundle: change(({ messageSignature }) => {
        messageSignature.signature = changedBase64(messageSignature.signature)
      }),
    },
    {
      input: 'certificate, one byte changed',
      expectedCode: 'x509.signature-wrong bundle.entry-mismatch',
      bundle: material(({ certificate }) => {
        certificate.rawBytes = changedBase64(certificate.rawBytes)
      }),
    },
    {
      input: 'SCT, one byte changed',
      expectedCode: 'x509.signature-wrong x509.sct-wrong bundle.entry-mismatch',
      bundle: material(({ certificate }) => {
        certificate.rawBytes = changedBase64(certificate.rawBytes, lastByteOfSct(certificate.rawBytes))
      }),
    },
    {
      input: 'inclusion proof, one byte changed',
      expectedCode: 'log.proof-wrong',
      bundle: material(({ tlogEntries: [{ inclusionProof }] }) => {
        inclusionProof.hashes = inclusionProof.hashes.map((hash) => changedBase64(hash))
      }),
    },
    {
      input: 'timestamp, one byte changed',
      expectedCode: 'timestamp.signature-wrong',
      bundle: material(({ timestampVerificationData: { rfc3161Timestamps } }) => {
        rfc3161Timestamps[0].signedTimestamp = changedBase64(rfc3161Timestamps[0].signedTimestamp)
      }),
    },
    {
      input: 'checkpoint in the bundle, one byte changed',
      expectedCode: 'log.note-signature-wrong',
      bundle: material(({ tlogEntries: [{ inclusionProof }] }) => {
        inclusionProof.checkpoint.envelope = changedNote(inclusionProof.checkpoint.envelope)
      }),
    },
    {
      input: 'bundle with a field that nobody knows',
      expectedCode: 'bundle.malformed',
      bundle: change((bundle) => Object.assign(bundle, { comment: 'trust me' })),
    },
    { input: 'bundle that ends in the middle', expectedCode: 'json.syntax', bundle: sound.slice(0, 500) },
  ]
}

/** Offset of the last byte of the SCT's own signature. */
function lastByteOfSct(certificate: string): number {
  const der = Buffer.from(certificate, 'base64')
  const [sct] = readScts(parseCertificate(der))
  if (sct === undefined) throw new Error('the certificate has no SCT')
  return der.indexOf(sct.signature) + sct.signature.length - 1
}

async function neverSound({ production, development }: Setting): Promise<WrongBundle[]> {
  const keys = await openStolenKeys(production.folder, production.keyFile)
  const identity = { email: ANNA, issuer: `${production.publicUrl}/oidc` }
  const deviceKey = await certifyWithDeviceAuthority(keys, production.folder, identity)
  const artifact = Buffer.from('signed with a certificate for devices\n')
  return [
    {
      input: 'certificate of the device root, used for code',
      expectedCode: 'x509.untrusted',
      artifact,
      bundle: await signBundle(production, artifact, deviceKey),
    },
    {
      input: 'development bundle, on a machine that trusts only production',
      expectedCode: 'timestamp.unknown-authority bundle.log-untrusted',
      artifact: development.artifact,
      bundle: development.bundle,
    },
  ]
}

function row(client: Client, file: string, wrong: WrongBundle & { artifact: Uint8Array }): BadInput {
  const { artifact, bundle, ...named } = wrong
  writeFileSync(file, artifact)
  writeFileSync(`${file}.sigstore.json`, bundle)
  return { ...named, expectedExit: 1, recorded: 'nothing', run: () => client.run('verify', file) }
}

function otherIdentity(client: Client, file: string): BadInput {
  return {
    input: 'signature by somebody else than --identity asks for',
    expectedCode: 'cli.other-identity',
    expectedExit: 1,
    recorded: 'nothing',
    run: () => client.run('verify', file, '--identity', 'mallory@example.org'),
  }
}

function noBundle(client: Client, folder: string): BadInput {
  const file = path.join(folder, 'unsigned')
  writeFileSync(file, 'nobody signed this\n')
  return {
    input: 'artifact without a bundle',
    expectedCode: 'files.not-found',
    expectedExit: 1,
    recorded: 'nothing',
    run: () => client.run('verify', file),
  }
}

/** The certificate is of two hours ago; signature, timestamp and entry are of now. */
async function expired({ development, folder }: Setting): Promise<BadInput> {
  const artifact = Buffer.from('signed long after the certificate had expired\n')
  const bundle = await signBundle(development, artifact, development.expiredKey)
  const file = path.join(folder, 'expired')
  writeFileSync(file, artifact)
  writeFileSync(`${file}.sigstore.json`, bundle)
  // Lets the client follow the log to the new entry first.
  await development.client.run('log', 'audit')
  return {
    input: 'expired certificate: signed an hour and more after its end',
    expectedCode: 'x509.expired',
    expectedExit: 1,
    recorded: 'nothing',
    run: () => development.client.run('verify', file),
  }
}
