import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { countersignServer } from '../../support/programs.ts'
import { type BadInput, rowMaker } from './badInput.ts'
import { outcomeOf, serverOutcome } from './commands.ts'
import type { Setting } from './setting.ts'

const otherUrl = 'https://other.example.org'

/** Starts that must not succeed, on an instance that is whole and stopped. */
export async function stoppedServerRows({ development, folder }: Setting): Promise<BadInput[]> {
  const { dataFolder, publicUrl } = development
  const wrongKey = writeSecret(path.join(folder, 'wrong.key'), Buffer.alloc(32, 7))
  const shortKey = writeSecret(path.join(folder, 'short.key'), Buffer.alloc(16, 7))
  const openKey = writeSecret(path.join(folder, 'open.key'), Buffer.alloc(32, 7), 0o644)
  const noKey = path.join(folder, 'no.key')
  const start = rowMaker('nothing', (options: string[]) => serverOutcome('serve', '--data', dataFolder, ...options))
  const otherEnvironment = ['--public-url', publicUrl, '--environment', 'production']
  return [
    start('folder of another public URL', 'instance.other-url', 1, ['--public-url', otherUrl]),
    start('folder of another environment', 'instance.other-url', 1, otherEnvironment),
    start('wrong key file', 'keystore.wrong-key', 1, ['--key-file', wrongKey]),
    start('key file of 16 bytes', 'config.key-file-invalid', 1, ['--key-file', shortKey]),
    start('key file that everybody may read', 'config.key-file-readable', 1, ['--key-file', openKey]),
    start('key file that is not there', 'instance.key-file-missing', 1, ['--key-file', noKey]),
    start('key file inside the data folder', 'instance.key-file-inside', 64, ['--key-file', `${dataFolder}/key`]),
    start('only one half of a TLS certificate', 'instance.tls-incomplete', 64, ['--tls-cert', openKey]),
    start('socket that is none', 'instance.listen-invalid', 64, ['--listen', 'nowhere']),
  ]
}

/** Starts on folders that hold no instance; none of them may begin one. */
export async function newFolderRows({ folder, development, production }: Setting): Promise<BadInput[]> {
  const elsewhere = path.join(folder, 'elsewhere')
  const make = (name: string) => {
    mkdirSync(path.join(elsewhere, name), { recursive: true })
    return path.join(elsewhere, name)
  }
  const used = make('used')
  writeFileSync(path.join(used, 'holiday.txt'), 'not an instance\n')
  const begun = make('begun')
  // What a crash right after the beginning of a creation leaves.
  copyFileSync(path.join(development.dataFolder, 'instance.json'), path.join(begun, 'creating.json'))
  const [short, open] = [path.join(folder, 'short-passphrase'), path.join(folder, 'open-passphrase')]
  writeSecret(short, Buffer.from('too short\n'))
  writeSecret(open, Buffer.from('long enough, but open\n'), 0o644)

  const always = ['--yes', '--first-person', 'first@example.org']
  const create = rowMaker('nothing', (data: string, options: string[]) =>
    serverOutcome('serve', '--data', data, ...always, ...options),
  )
  const asProduction = (key: string, ...options: string[]) => ['--public-url', otherUrl, '--key-file', key, ...options]
  const newKey = path.join(elsewhere, 'new.key')
  const passphrase = (file: string) => ['--root-passphrase-file', file]
  return [
    create('folder that is not empty', 'instance.folder-not-empty', 1, used, []),
    create('public URL with a path', 'instance.url-invalid', 64, make('a'), ['--public-url', `${otherUrl}/x`]),
    create('production on localhost', 'instance.environment-invalid', 64, make('b'), ['--environment', 'production']),
    create('production without passphrase', 'instance.passphrase-missing', 64, make('c'), asProduction(newKey)),
    create('production with a short passphrase', 'instance.passphrase-missing', 64, make('d'), [
      ...asProduction(newKey, ...passphrase(short)),
    ]),
    create('passphrase file that everybody may read', 'config.key-file-readable', 1, make('e'), [
      ...asProduction(newKey, ...passphrase(open)),
    ]),
    create('production without a key file', 'instance.key-file-missing', 1, make('f'), [
      ...['--public-url', otherUrl, ...passphrase(production.passphraseFile)],
    ]),
    create('creation that began with another public URL', 'instance.other-url', 1, begun, [
      ...['--public-url', otherUrl, '--environment', 'development'],
    ]),
  ]
}

/** Starts of servers that have run and stopped well, so that nothing is left for a start to finish. */
export async function laterStartRows({ production, development, fakeClock }: Setting): Promise<BadInput[]> {
  const { dataFolder, publicHttpUrl } = production.instance
  const serve = [...countersignServer, 'serve', '--data', dataFolder, '--key-file', production.keyFile, '--json']
  const atTime = rowMaker('nothing', (offset: string) => outcomeOf(serve, fakeClock(offset)))
  // The certificate for TLS is made before its socket is opened, and every use of its issuer's key is on record.
  const at = rowMaker({ kinds: ['key.used'] }, (socket: string) =>
    serverOutcome('serve', '--data', development.dataFolder, '--listen', socket),
  )
  // The mirror still listens where the plain listener seemed to be.
  const usedPort = new URL(publicHttpUrl).port
  return [
    atTime('server clock an hour behind its newest checkpoint', 'log.clock-behind', 2, '-1h'),
    at('port in use', 'http.address-in-use', 2, `127.0.0.1:${usedPort}`),
  ]
}

function writeSecret(file: string, bytes: Uint8Array, mode = 0o600): string {
  writeFileSync(file, bytes)
  chmodSync(file, mode)
  return file
}
