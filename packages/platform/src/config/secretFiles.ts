import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { createFile } from '@countersign/local/files/durable.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { configError } from './errors.ts'

/** The environment variables that a function here looks at. */
export type Environment = Readonly<Record<string, string | undefined>>

const KEY_BYTES = 32
const MAX_PASSPHRASE_BYTES = 1024

/** The path of a systemd credential (`LoadCredential=`), or undefined where this process was given none of that name. */
export async function credentialPath(
  name: string,
  environment: Environment = process.env,
): Promise<string | undefined> {
  const folder = environment.CREDENTIALS_DIRECTORY
  if (folder === undefined) return undefined
  const path = join(folder, name)
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() ? path : undefined
}

/**
 * Reads the 32 bytes under which private keys are encrypted.
 * Throws `config.key-file-readable` where others than the owner may read the file, `config.key-file-invalid`, `files.*`.
 */
export async function readKeyFile(path: string, environment: Environment = process.env): Promise<Uint8Array> {
  await refuseReadableByOthers(path, environment)
  const key = await readSecret(path, KEY_BYTES)
  if (key?.length !== KEY_BYTES)
    throw configError('config.key-file-invalid', `${path} does not hold ${KEY_BYTES} bytes`)
  return key
}

/** Makes a key file of 32 random bytes (mode 0600). Throws `files.conflict` where there is a file. */
export async function createKeyFile(path: string): Promise<Uint8Array> {
  const key = new Uint8Array(randomBytes(KEY_BYTES))
  await createFile(path, key, { point: 'config.key-file', mode: 0o600 })
  return key
}

/**
 * Reads a passphrase: one line of text; its end of line is not part of it.
 * Throws `config.key-file-readable` where others than the owner may read the file, `config.passphrase-invalid`, `files.*`.
 */
export async function readPassphraseFile(path: string, environment: Environment = process.env): Promise<string> {
  await refuseReadableByOthers(path, environment)
  const bytes = await readSecret(path, MAX_PASSPHRASE_BYTES)
  const passphrase = decode(bytes ?? new Uint8Array())?.replace(/\r?\n$/, '')
  if (!passphrase || /[\r\n\0]/.test(passphrase)) {
    throw configError('config.passphrase-invalid', `${path} does not hold one line of text`)
  }
  return passphrase
}

async function readSecret(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  try {
    return await readBounded(path, maxBytes)
  } catch (error) {
    if (hasCode(error, 'files.too-large')) return undefined
    throw error
  }
}

async function refuseReadableByOthers(path: string, environment: Environment): Promise<void> {
  if (process.platform === 'win32') return
  // systemd lets the service's user in through an access list, which shows as group permission; its folder is closed to others.
  const credentials = environment.CREDENTIALS_DIRECTORY
  if (credentials !== undefined && dirname(resolve(path)) === resolve(credentials)) return
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() && (found.mode & 0o077) !== 0) {
    throw configError('config.key-file-readable', `others than its owner may read ${path}: chmod 600 ${path}`)
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}
