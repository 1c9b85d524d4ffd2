import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { resolve, sep } from 'node:path'
import { createFile } from '@countersign/local/files/durable.ts'
import {
  createKeyFile,
  credentialPath,
  readKeyFile,
  readPassphraseFile,
} from '@countersign/platform/config/secretFiles.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { instanceError } from '../instance/errors.ts'
import type { InstanceFacts } from '../instance/facts.ts'

/** Name under which systemd hands over the wrapping key (`LoadCredential=countersign-key:…`). */
const CREDENTIAL = 'countersign-key'
const MIN_PASSPHRASE_CHARACTERS = 12

/**
 * The 32 bytes that the online keys are encrypted under: from `--key-file`, a systemd credential, or beside the folder of
 * a development instance. Creation makes the file, except where systemd should have brought it.
 * Throws `instance.key-file-missing`, `instance.key-file-inside`, `config.key-file-*`.
 */
export async function readWrappingKey(
  request: { folder: string; keyFile?: string | undefined },
  facts: InstanceFacts,
  creating: boolean,
): Promise<Uint8Array> {
  const named = request.keyFile ?? (await credentialPath(CREDENTIAL))
  const file = named ?? besideFile(request.folder, 'key')
  if (resolve(file).startsWith(resolve(request.folder) + sep)) {
    throw instanceError('instance.key-file-inside', `${file} lies inside ${request.folder}`)
  }
  const mayMake = creating && (facts.environment === 'development' || request.keyFile !== undefined)
  if (mayMake && !existsSync(file)) return createKeyFile(file)
  try {
    return await readKeyFile(file)
  } catch (error) {
    if (!hasCode(error, 'files.not-found')) throw error
    throw instanceError('instance.key-file-missing', `there is no key file ${file}`)
  }
}

/**
 * The passphrase of the root keys: from a file, from the terminal, or, for a development instance, made once and kept
 * beside the folder. Throws `instance.passphrase-missing` where there is none or it is shorter than 12 characters.
 */
export async function readRootPassphrase(
  request: { folder: string; passphraseFile?: string | undefined; ask?: (() => Promise<string>) | undefined },
  facts: InstanceFacts,
): Promise<string> {
  const { folder, passphraseFile, ask } = request
  if (passphraseFile !== undefined) return checked(await readPassphraseFile(passphraseFile))
  if (facts.environment === 'development') return checked(await readPassphraseFile(await developmentPassphrase(folder)))
  if (ask === undefined)
    throw instanceError('instance.passphrase-missing', 'no passphrase was given and nobody can be asked')
  return checked(await ask())
}

/** `<folder>.<what>`: beside the data folder, so that a copy of the folder does not hold it. */
export function besideFile(folder: string, what: string): string {
  return `${resolve(folder)}.${what}`
}

async function developmentPassphrase(folder: string): Promise<string> {
  const file = besideFile(folder, 'root-passphrase')
  if (!existsSync(file)) {
    const bytes = Buffer.from(`${randomBytes(24).toString('base64url')}\n`)
    await createFile(file, bytes, { point: 'instance.development-passphrase', mode: 0o600 })
  }
  return file
}

function checked(passphrase: string): string {
  if (passphrase.length >= MIN_PASSPHRASE_CHARACTERS) return passphrase
  throw instanceError('instance.passphrase-missing', 'the passphrase is shorter than 12 characters')
}
