import { generateKeyPairSync, hash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { createFile } from '@countersign/local/files/durable.ts'
import { encodeBase64 } from '@countersign/protocol/json/base64.ts'
import { outputError } from '../output/errors.ts'
import type { Terminal } from '../output/terminal.ts'
import { readPassphrase } from './passphrase.ts'

/** What `countersign approver create` takes. */
export interface CreateOptions {
  /** Where the private key goes. Default: `<name>.approver.pem`. */
  readonly out?: string
  readonly passphraseFile?: string
}

/**
 * `countersign approver create`: makes an approver's key (P-256) on this machine, encrypted under a passphrase (PKCS#8, mode
 * 0600), and writes its public half beside it. Nothing is sent anywhere. A file that is there is never replaced.
 */
export async function create(name: string, options: CreateOptions, terminal: Terminal): Promise<number> {
  if (!/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
    throw outputError('cli.usage', 'the name of an approver is 1 to 63 lower-case letters, digits and hyphens')
  }
  const keyFile = options.out ?? `${name}.approver.pem`
  const publicFile = `${keyFile.replace(/\.pem$/, '')}.pub.pem`
  const taken = [keyFile, publicFile].find((file) => existsSync(file))
  if (taken !== undefined) throw outputError('cli.usage', `${taken} is there already; name another file, with --out`)
  const passphrase = await readPassphrase({ file: options.passphraseFile, isNew: true }, terminal)
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }) as string
  await createFile(keyFile, Buffer.from(pem), { point: 'cli.approver-key', mode: 0o600 })
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }) as string
  await createFile(publicFile, Buffer.from(publicPem), { point: 'cli.approver-public' })
  const keyId = hash('sha256', spki, 'hex')
  const operatorCommand = `countersign-server approvers add ${name} ${publicFile}`
  terminal.line(`private key  ${keyFile}  (under your passphrase; keep it on this machine)`)
  terminal.line(`public key   ${publicFile}`)
  terminal.line(`key id       ${keyId}`)
  terminal.line()
  terminal.line('Give the public key to the operator by a way you trust, who runs:')
  terminal.line(`  ${operatorCommand}`)
  terminal.result({ name, keyFile, publicFile, keyId, publicKey: encodeBase64(spki), operatorCommand })
  return 0
}
