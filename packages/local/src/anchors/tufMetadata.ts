import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { toHex } from '@countersign/protocol/json/base64.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import { anchorsError } from './errors.ts'

/** A TUF role whose metadata a repository must have. */
export type TufRole = 'root' | 'timestamp' | 'snapshot' | 'targets'
type JsonObject = { readonly [key: string]: JsonValue }

/** Metadata of one role; its form is checked, its signatures are `verifyRole`'s business. */
export interface TufMetadata {
  readonly role: TufRole
  readonly signed: JsonObject
  readonly version: number
  readonly expires: Date
  readonly signatures: readonly { readonly keyId: string; readonly signature: Uint8Array }[]
}

/** Length and digest that one metadata file states about another file. */
export interface FileStatement {
  readonly version?: number
  readonly sizeBytes?: number
  readonly sha256?: string
}

/** Most bytes of one metadata file that are read. */
export const MAX_METADATA_BYTES = 2 * 1024 * 1024
const MAX_SIGNATURES = 64

/** Reads metadata of `role` (TUF 1.0, 4.2 to 4.6). Throws `anchors.tampered`. */
export function parseTufMetadata(bytes: Uint8Array, role: TufRole): TufMetadata {
  const { signed: signedJson, signatures } = asObject(parse(bytes, role), role)
  const signed = asObject(signedJson, `${role}.signed`)
  const { _type, version, expires } = signed
  if (_type !== role) throw tampered(`${role} metadata says it is ${String(_type)}`)
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1)
    throw tampered(`${role} has no version`)
  if (typeof expires !== 'string' || Number.isNaN(Date.parse(expires))) throw tampered(`${role} has no expiry`)
  if (!Array.isArray(signatures) || signatures.length > MAX_SIGNATURES) throw tampered(`${role} has no signatures`)
  return { role, signed, version, expires: new Date(expires), signatures: signatures.map(readSignature) }
}

/**
 * Proves that as many different keys as `root` asks for signed `metadata` (TUF 1.0, 5.3.4, 5.4.2, 5.5.3, 5.6.3).
 * Trusts `root`. Throws `anchors.tampered`.
 */
export function verifyRole(root: TufMetadata, metadata: TufMetadata): void {
  const { keyids, threshold } = asObject(asObject(root.signed.roles, 'roles')[metadata.role], metadata.role)
  const keys = asObject(root.signed.keys, 'keys')
  if (!Array.isArray(keyids) || typeof threshold !== 'number' || !Number.isSafeInteger(threshold) || threshold < 1) {
    throw tampered(`the root has no keys for ${metadata.role}`)
  }
  const content = Buffer.from(canonicalText(metadata.signed))
  // By key id and by key: the same key under two ids would otherwise count twice.
  const signers = new Set<string>()
  for (const keyId of new Set(keyids.filter((one) => typeof one === 'string'))) {
    const line = metadata.signatures.find((one) => one.keyId === keyId)
    const key = line && readKey(keys[keyId])
    if (line && key && verify(key.hash, content, key.key, line.signature)) signers.add(key.id)
  }
  if (signers.size < threshold) {
    throw tampered(`${metadata.role} metadata has ${signers.size} of ${threshold} signatures that the root asks for`)
  }
}

/** What `metadata.signed[field]` says about the file `name`. Throws `anchors.tampered` where it says nothing. */
export function fileStatement(metadata: TufMetadata, field: 'meta' | 'targets', name: string): FileStatement {
  return readStatement(asObject(metadata.signed[field], field)[name], name)
}

/** What `metadata.signed[field]` says about every file it names. Throws `anchors.tampered`. */
export function fileStatements(metadata: TufMetadata, field: 'meta' | 'targets'): [string, FileStatement][] {
  const named = Object.entries(asObject(metadata.signed[field], field))
  return named.map(([name, statement]) => [name, readStatement(statement, name)])
}

function readStatement(json: JsonValue | undefined, name: string): FileStatement {
  const { version, length, hashes } = asObject(json, name)
  const sha256 = hashes === undefined ? undefined : asObject(hashes, 'hashes').sha256
  return {
    ...(typeof version === 'number' && { version }),
    ...(typeof length === 'number' && { sizeBytes: length }),
    ...(typeof sha256 === 'string' && { sha256 }),
  }
}

/** Throws `anchors.tampered` unless `bytes` have the length and digest that the statement names. */
export function checkFile(name: string, bytes: Uint8Array, statement: FileStatement): void {
  if (statement.sizeBytes !== undefined && statement.sizeBytes !== bytes.length)
    throw tampered(`${name} has another length`)
  if (statement.sha256 !== undefined && statement.sha256 !== sha256Hex(bytes))
    throw tampered(`${name} has another digest`)
}

/** Lower-case hex SHA-256. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function parse(bytes: Uint8Array, role: TufRole): JsonValue {
  try {
    return parseJson(bytes, { maxBytes: MAX_METADATA_BYTES, maxDepth: 16 })
  } catch (cause) {
    throw anchorsError('anchors.tampered', `${role} metadata cannot be read`, { cause })
  }
}

function readSignature(json: JsonValue): TufMetadata['signatures'][number] {
  const { keyid, sig } = asObject(json, 'signature')
  if (typeof keyid !== 'string' || typeof sig !== 'string' || !/^(?:[0-9a-f]{2})*$/.test(sig)) {
    throw tampered('a signature is not hexadecimal')
  }
  return { keyId: keyid, signature: Uint8Array.fromHex(sig) }
}

interface TufKey {
  readonly id: string
  readonly key: KeyObject
  readonly hash: 'sha256' | null
}

/** Undefined for key types that are not known: they simply do not count, as in the specification. */
function readKey(json: JsonValue | undefined): TufKey | undefined {
  const { scheme, keyval } = asObject(json, 'key')
  const value = asObject(keyval, 'keyval').public
  if (typeof value !== 'string') return undefined
  const isEd25519 = scheme === 'ed25519'
  if (!isEd25519 && scheme !== 'ecdsa-sha2-nistp256') return undefined
  try {
    const key = value.startsWith('-----BEGIN PUBLIC KEY-----') ? createPublicKey(value) : rawEd25519(value)
    const fits = isEd25519 ? key.asymmetricKeyType === 'ed25519' : key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
    if (!fits) return undefined
    const id = toHex(new Uint8Array(key.export({ type: 'spki', format: 'der' })))
    return { id, key, hash: isEd25519 ? null : 'sha256' }
  } catch {
    return undefined
  }
}

function rawEd25519(hex: string): KeyObject {
  const x = Buffer.from(hex, 'hex').toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}

/** "OLPC canonical JSON" (TUF 1.0, 4.2.1): RFC 8785 but for strings, where only backslash and quotation mark are escaped. */
function canonicalText(value: JsonValue): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return `"${value.replace(/[\\"]/g, '\\$&')}"`
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw tampered('metadata holds a number that is not whole')
    return String(value)
  }
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`
  const members = Object.entries(value).map(([name, inner]) => [name, `${canonicalText(name)}:${canonicalText(inner)}`])
  return `{${members
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
    .map(([, text]) => text)
    .join(',')}}`
}

function asObject(json: JsonValue | undefined, what: string): JsonObject {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as JsonObject
  throw tampered(`${what} is not an object`)
}

function tampered(message: string) {
  return anchorsError('anchors.tampered', message)
}
