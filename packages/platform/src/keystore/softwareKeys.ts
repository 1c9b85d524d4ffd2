import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signWithKey,
} from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { errnoOf } from '@countersign/local/errors/errno.ts'
import { createFile, makeFolder } from '@countersign/local/files/durable.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import type { SignatureAlgorithm } from '@countersign/protocol/x509/signatureAlgorithm.ts'
import { keystoreError } from './errors.ts'
import { type KeyDescription, type KeyFile, keyFileSchema, sealKey, unsealKey } from './keyFile.ts'
import type { KeyAlgorithm, KeyStore, KeySummary, SigningKey } from './keyStore.ts'
import { type Wrap, type WrappingKeys, wrappingKeys } from './wrappingKeys.ts'

/** Where software keys lie and what opens them. */
export interface SoftwareKeyOptions {
  /** Made (mode 0700) when the first key is. */
  readonly folder: string
  /** 32 bytes from outside the folder, or a passphrase. */
  readonly wrap: Wrap
  /** Dates new keys. */
  readonly clock: Clock
}

interface AlgorithmRow {
  readonly signatureAlgorithm: SignatureAlgorithm
  readonly hash: 'sha256' | 'sha384' | null
  /** Makes a key pair. */
  generate(): { privateKey: KeyObject }
}

const ALGORITHMS: Readonly<Record<KeyAlgorithm, AlgorithmRow>> = {
  'ecdsa-p256': {
    signatureAlgorithm: 'ecdsa-sha256',
    hash: 'sha256',
    generate: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  },
  'ecdsa-p384': {
    signatureAlgorithm: 'ecdsa-sha384',
    hash: 'sha384',
    generate: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  },
  ed25519: { signatureAlgorithm: 'ed25519', hash: null, generate: () => generateKeyPairSync('ed25519') },
}

const NAME = /^[a-z0-9-]{1,64}$/
const MAX_FILE_BYTES = 16 * 1024
const WRAPPING_KEY_BYTES = 32

/**
 * Keys as encrypted files, one a key (mode 0600). While open, a private key is in this process's memory;
 * nothing returned here prints, exports or serialises it.
 */
export function softwareKeyStore(options: SoftwareKeyOptions): KeyStore {
  const { folder, wrap, clock } = options
  if (wrap.kind === 'key' && wrap.key.length !== WRAPPING_KEY_BYTES) {
    throw keystoreError('keystore.wrong-key', `the key that opens a key store has ${WRAPPING_KEY_BYTES} bytes`)
  }
  const opened: OpenStore = { folder, clock, wrapping: wrappingKeys(wrap) }
  return {
    create: (name, algorithm) => createKey(opened, name, algorithm),
    open: (name) => openKey(opened, name),
    has: async (name) => fileExists(pathOf(folder, name)),
    list: () => listKeys(folder),
  }
}

interface OpenStore extends Pick<SoftwareKeyOptions, 'folder' | 'clock'> {
  readonly wrapping: WrappingKeys
}

async function createKey(store: OpenStore, name: string, algorithm: KeyAlgorithm): Promise<SigningKey> {
  const path = pathOf(store.folder, name)
  if (await fileExists(path)) throw keystoreError('keystore.exists', `there is a key ${name} already`)
  const { privateKey } = ALGORITHMS[algorithm].generate()
  const key = signingKey(name, algorithm, privateKey)
  const description = { name, algorithm, keyId: key.keyId, createdAt: store.clock.now().toISOString() }
  await storeKey(store.folder, path, await seal(description, privateKey, store.wrapping))
  return key
}

async function openKey({ folder, wrapping }: OpenStore, name: string): Promise<SigningKey> {
  const file = await readKeyFile(pathOf(folder, name), name)
  const der = await unsealKey(file, wrapping)
  try {
    return signingKey(name, file.algorithm, createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
  } finally {
    der.fill(0)
  }
}

function signingKey(name: string, algorithm: KeyAlgorithm, privateKey: KeyObject): SigningKey {
  const { signatureAlgorithm, hash } = ALGORITHMS[algorithm]
  const publicKey = createPublicKey(privateKey)
  const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
  const keyId = createHash('sha256').update(spki).digest('hex')
  return {
    name,
    keyId,
    algorithm,
    spki,
    publicKey,
    signatureAlgorithm,
    // On this thread: a signature takes less time than the thread pool's round trip would save.
    sign: async (message) => signWithKey(hash, message, privateKey),
    [inspect.custom]: () => `SigningKey ${name} (${algorithm}, ${keyId})`,
  } as SigningKey
}

async function seal(description: KeyDescription, privateKey: KeyObject, wrapping: WrappingKeys): Promise<KeyFile> {
  const der = privateKey.export({ format: 'der', type: 'pkcs8' })
  try {
    return await sealKey(description, der, wrapping)
  } finally {
    der.fill(0)
  }
}

async function storeKey(folder: string, path: string, file: KeyFile): Promise<void> {
  await makeFolder(folder, { point: 'keystore.folder', mode: 0o700 })
  try {
    const text = `${JSON.stringify(file, null, 2)}\n`
    await createFile(path, Buffer.from(text), { point: 'keystore.create', mode: 0o600 })
  } catch (error) {
    if (!hasCode(error, 'files.conflict')) throw error
    throw keystoreError('keystore.exists', `there is a key ${file.name} already`, { cause: error })
  }
}

async function listKeys(folder: string): Promise<KeySummary[]> {
  const names = (await filesIn(folder)).filter((name) => name.endsWith('.json') && !name.startsWith('.'))
  const keys: KeySummary[] = []
  for (const fileName of names.sort()) {
    const { name, algorithm, keyId, createdAt } = await readKeyFile(join(folder, fileName), fileName.slice(0, -5))
    keys.push({ name, algorithm, keyId, createdAt: new Date(createdAt) })
  }
  return keys
}

async function readKeyFile(path: string, name: string): Promise<KeyFile> {
  let bytes: Uint8Array
  try {
    bytes = await readBounded(path, MAX_FILE_BYTES)
  } catch (error) {
    if (hasCode(error, 'files.not-found')) throw keystoreError('keystore.not-found', `there is no key ${name}`)
    throw error
  }
  const file = parseKeyFile(bytes)
  if (file?.name !== name) throw keystoreError('keystore.damaged', `the file of key ${name} is not a key file of it`)
  return file
}

function parseKeyFile(bytes: Uint8Array): KeyFile | undefined {
  try {
    return keyFileSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
  } catch {
    return undefined
  }
}

function pathOf(folder: string, name: string): string {
  if (!NAME.test(name))
    throw keystoreError('keystore.bad-name', 'a key is named with lower-case letters, digits, hyphens')
  return join(folder, `${name}.json`)
}

async function fileExists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  }
}
