import { stat } from 'node:fs/promises'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import { outputError } from '../output/errors.ts'
import type { Terminal } from '../output/terminal.ts'

const MAX_PASSPHRASE_BYTES = 1024

/** Shortest passphrase for a new key: it is all that guards a key file that somebody copied. */
export const MIN_PASSPHRASE_LENGTH = 12

/**
 * A passphrase from a file (one line, readable by its owner only) or typed at the terminal; a new one is typed twice.
 * Throws `cli.passphrase` where there is none, or one that others can read or that is too short for a new key.
 */
export async function readPassphrase(
  { file, isNew }: { readonly file: string | undefined; readonly isNew: boolean },
  terminal: Terminal,
): Promise<string> {
  const passphrase = file === undefined ? await askPassphrase(isNew, terminal) : await readFromFile(file)
  if (isNew && passphrase.length < MIN_PASSPHRASE_LENGTH) {
    throw outputError('cli.passphrase', `a new passphrase has at least ${MIN_PASSPHRASE_LENGTH} characters`)
  }
  return passphrase
}

async function readFromFile(file: string): Promise<string> {
  if (process.platform !== 'win32') {
    const found = await stat(file).catch(() => undefined)
    if (found?.isFile() && (found.mode & 0o077) !== 0) {
      throw outputError('cli.passphrase', `others than its owner may read ${file}: chmod 600 ${file}`)
    }
  }
  const text = new TextDecoder().decode(await readBounded(file, MAX_PASSPHRASE_BYTES)).replace(/\r?\n$/, '')
  if (text === '' || /[\r\n\0]/.test(text))
    throw outputError('cli.passphrase', `${file} does not hold one line of text`)
  return text
}

async function askPassphrase(isNew: boolean, { json, signal }: Terminal): Promise<string> {
  if (!process.stdin.isTTY || !process.stderr.isTTY || json) {
    throw outputError('cli.passphrase', 'nobody can be asked for the passphrase; pass --passphrase-file')
  }
  const { isCancel, password } = await import('@clack/prompts')
  const ask = (message: string) => password({ message, output: process.stderr, signal })
  const typed = await ask('Passphrase of the approver key')
  const again = isNew ? await ask('The same passphrase again') : typed
  if (isCancel(typed) || typed !== again) throw outputError('cli.passphrase', 'there was no answer, or the two differ')
  return typed
}
