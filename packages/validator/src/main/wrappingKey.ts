import { existsSync } from 'node:fs'
import { resolve, sep } from 'node:path'
import { createKeyFile, credentialPath, readKeyFile } from '@countersign/platform/config/secretFiles.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { composeError } from '../compose/errors.ts'

/** Name under which systemd hands over the wrapping key (`LoadCredential=countersign-validator-key:…`). */
const CREDENTIAL = 'countersign-validator-key'

/**
 * The 32 bytes that the validator's keys are encrypted under: from `--key-file`, a systemd credential, or `<folder>.key`
 * beside the data folder. A new validator makes the file, except where systemd should have brought it.
 * Throws `validator.key-file-missing`, `validator.key-file-inside`, `config.key-file-*`.
 */
export async function readWrappingKey(
  { data, keyFile }: { readonly data: string; readonly keyFile?: string },
  isNew: boolean,
): Promise<Uint8Array> {
  const credential = await credentialPath(CREDENTIAL)
  const file = keyFile ?? credential ?? `${resolve(data)}.key`
  if (resolve(file).startsWith(resolve(data) + sep)) {
    throw composeError('validator.key-file-inside', `${file} lies inside ${data}`)
  }
  if (isNew && file !== credential && !existsSync(file)) return createKeyFile(file)
  try {
    return await readKeyFile(file)
  } catch (error) {
    if (!hasCode(error, 'files.not-found')) throw error
    throw composeError('validator.key-file-missing', `there is no key file ${file}`)
  }
}
