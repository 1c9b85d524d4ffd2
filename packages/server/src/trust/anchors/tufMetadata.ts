import { createHash } from 'node:crypto'
import type { SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import {
  Key,
  Metadata,
  MetadataKind,
  type Root,
  Signature,
  type Snapshot,
  type Targets,
  type Timestamp,
} from '@tufjs/models'
import { trustError } from '../errors.ts'
import { tufCanonicalJson } from './tufJson.ts'

/** The signed part of one of the four top-level roles. */
export type SignedRole = Root | Targets | Snapshot | Timestamp

/** Metadata of this repository is small; a file beyond this was not written by it. */
const MAX_METADATA_BYTES = 8 * 1024 * 1024

/**
 * A signing key as TUF metadata names it (specification 1.0, 4.2): key type `ecdsa` with scheme `ecdsa-sha2-nistp256` and
 * the SPKI as PEM. Key type `ecdsa` is what the public sigstore root uses and go-tuf, python-tuf and tuf-js all take.
 * The key id is the SHA-256 of the canonical key. Throws `trust.key-mismatch` for a key that is not P-256.
 */
export function tufKey(key: SigningKey): Key {
  if (key.algorithm !== 'ecdsa-p256') throw trustError('trust.key-mismatch', `the TUF key ${key.name} is not P-256`)
  const pem = key.publicKey.export({ type: 'spki', format: 'pem' }) as string
  const value = { keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', keyval: { public: pem } }
  const keyID = createHash('sha256').update(tufCanonicalJson(value)).digest('hex')
  return new Key({ keyID, keyType: value.keytype, scheme: value.scheme, keyVal: value.keyval })
}

/** Signs `signed` with every key and returns the file: one signature a key, hexadecimal, over the canonical form. */
export async function signMetadata(signed: SignedRole, keys: readonly SigningKey[]): Promise<Uint8Array> {
  const content = tufCanonicalJson(signed.toJSON() as JsonValue)
  const metadata = new Metadata<SignedRole>(signed)
  for (const key of keys) {
    const { keyID } = tufKey(key)
    metadata.signatures[keyID] = new Signature({ keyID, sig: toHex(await key.sign(content)) })
  }
  return new TextEncoder().encode(JSON.stringify(metadata.toJSON()))
}

/** An expiry as metadata holds it: whole seconds, `Z`. python-tuf takes no other form. */
export function expiryAfter(now: Date, days: number): string {
  return new Date(now.getTime() + days * 86_400_000).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/** Reads root metadata; checks its form only. Throws `trust.anchors-wrong`. */
export function readRoot(bytes: Uint8Array): Metadata<Root> {
  return readForm(bytes, (json) => Metadata.fromJSON(MetadataKind.Root, json))
}

/** Reads targets metadata; checks its form only. Throws `trust.anchors-wrong`. */
export function readTargets(bytes: Uint8Array): Metadata<Targets> {
  return readForm(bytes, (json) => Metadata.fromJSON(MetadataKind.Targets, json))
}

/** Reads snapshot metadata; checks its form only. Throws `trust.anchors-wrong`. */
export function readSnapshot(bytes: Uint8Array): Metadata<Snapshot> {
  return readForm(bytes, (json) => Metadata.fromJSON(MetadataKind.Snapshot, json))
}

/** Reads timestamp metadata; checks its form only. Throws `trust.anchors-wrong`. */
export function readTimestamp(bytes: Uint8Array): Metadata<Timestamp> {
  return readForm(bytes, (json) => Metadata.fromJSON(MetadataKind.Timestamp, json))
}

/**
 * Checks that `root` delegates `role` to keys that signed `metadata`, as every client will.
 * Throws `trust.anchors-wrong`.
 */
export function checkSignatures(root: Metadata<Root>, role: MetadataKind, metadata: Metadata<SignedRole>): void {
  try {
    root.verifyDelegate(role, metadata)
  } catch (cause) {
    throw trustError('trust.anchors-wrong', `the ${role} metadata is not signed as the root demands`, { cause })
  }
}

type ModelJson = Parameters<typeof Root.fromJSON>[0]

function readForm<T>(bytes: Uint8Array, read: (json: ModelJson) => T): T {
  try {
    return read(parseJson(bytes, { maxBytes: MAX_METADATA_BYTES }) as ModelJson)
  } catch (cause) {
    throw trustError('trust.anchors-wrong', 'a TUF metadata file cannot be read', { cause })
  }
}
