import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { BadInput } from './badInput.ts'
import { serverOutcome } from './commands.ts'
import type { Setting } from './setting.ts'

const ONE_KEY = 'the person does the same: use the key file or passphrase that the keys were made with'
const USAGE = 'the person does the same: read what --help says'

type MakeRow = (input: string, expectedCode: string, expectedExit: number, ...command: string[]) => BadInput

const make: MakeRow = (input, expectedCode, expectedExit, ...command) => ({
  ...{ input, expectedCode, expectedExit, recorded: 'nothing' },
  run: () => serverOutcome(...command),
})

/** Starts of a server that must not succeed, on an instance that is whole and stopped. */
export async function stoppedServerRows({ development, production, folder }: Setting): Promise<BadInput[]> {
  const { dataFolder, publicUrl } = development
  const serve = ['serve', '--data', dataFolder, '--yes']
  const secret = (name: string, bytes: Uint8Array, mode = 0o600) => {
    const file = path.join(folder, name)
    writeFileSync(file, bytes, { mode })
    chmodSync(file, mode)
    return file
  }
  const wrongKey = secret('wrong.key', Buffer.alloc(32, 7))
  const shortKey = secret('short.key', Buffer.alloc(16, 7))
  const openKey = secret('open.key', Buffer.alloc(32, 7), 0o644)
  const usedPort = new URL(production.publicUrl).port
  return [
    make(
      'folder of another public URL',
      'instance.other-url',
      1,
      ...serve,
      '--public-url',
      'https://other.example.org',
    ),
    {
      ...make('wrong key file', 'keystore.wrong-key', 1, ...serve, '--key-file', wrongKey),
      sharesCodeBecause: ONE_KEY,
    },
    make('key file of 16 bytes', 'config.key-file-invalid', 1, ...serve, '--key-file', shortKey),
    make('key file that everybody may read', 'config.key-file-readable', 1, ...serve, '--key-file', openKey),
    make(
      'key file that is not there',
      'instance.key-file-missing',
      1,
      ...serve,
      '--key-file',
      path.join(folder, 'no.key'),
    ),
    make(
      'key file inside the data folder',
      'instance.key-file-inside',
      64,
      ...serve,
      '--key-file',
      path.join(dataFolder, 'key'),
    ),
    {
      ...make('port in use', 'http.address-in-use', 2, ...serve, '--listen', `127.0.0.1:${usedPort}`),
      recorded: { kinds: [] },
    },
    make('command for a server that does not run', 'instance.not-running', 2, 'status', '--data', dataFolder),
    make('only one half of a TLS certificate', 'instance.tls-incomplete', 64, ...serve, '--tls-cert', openKey),
    make('socket that is none', 'instance.listen-invalid', 64, ...serve, '--listen', 'nowhere'),
    make(
      'environment of the other kind',
      'instance.other-url',
      1,
      ...serve,
      '--public-url',
      publicUrl,
      '--environment',
      'production',
    ),
  ]
}

/** Starts of a server on folders that hold no instance. */
export async function newFolderRows({ folder, development, production }: Setting): Promise<BadInput[]> {
  const elsewhere = path.join(folder, 'elsewhere')
  const [used, begun, fresh] = ['used', 'begun', 'fresh'].map((name) => path.join(elsewhere, name)) as [
    string,
    string,
    string,
  ]
  for (const one of [used, begun]) mkdirSync(one, { recursive: true })
  writeFileSync(path.join(used, 'holiday.txt'), 'not an instance\n')
  // What a crash right after the beginning of a creation leaves.
  copyFileSync(path.join(development.dataFolder, 'instance.json'), path.join(begun, 'creating.json'))
  const shortPassphrase = path.join(folder, 'short-passphrase')
  writeFileSync(shortPassphrase, 'too short\n', { mode: 0o600 })
  const create = (data: string, ...more: string[]) => [
    'serve',
    '--data',
    data,
    '--yes',
    '--first-person',
    'a@example.org',
    ...more,
  ]
  const other = ['--public-url', 'https://other.example.org', '--environment', 'development']
  const asProduction = ['--public-url', 'https://sign.example.org', '--key-file']
  const newKey = path.join(elsewhere, 'new.key')
  return [
    make('folder that is not empty', 'instance.folder-not-empty', 1, ...create(used)),
    make('folder of a creation that began with another URL', 'instance.other-url', 1, ...create(begun, ...other)),
    make(
      'public URL with a path',
      'instance.url-invalid',
      64,
      ...create(fresh, '--public-url', 'https://sign.example.org/x'),
    ),
    make(
      'production on localhost',
      'instance.environment-invalid',
      64,
      ...create(fresh, '--environment', 'production'),
    ),
    make(
      'production without a passphrase',
      'instance.passphrase-missing',
      64,
      ...create(fresh, ...asProduction, newKey),
    ),
    make(
      'production with a short passphrase',
      'instance.passphrase-missing',
      64,
      ...create(fresh, ...asProduction, newKey, '--root-passphrase-file', shortPassphrase),
    ),
    make(
      'production without a key file',
      'instance.key-file-missing',
      1,
      ...create(fresh, '--public-url', 'https://sign.example.org', '--root-passphrase-file', production.passphraseFile),
    ),
    make('command for a folder without an instance', 'instance.not-created', 1, 'status', '--data', fresh),
  ]
}

/** What a running server and its commands must not take. */
export async function runningServerRows({ production, folder }: Setting): Promise<BadInput[]> {
  const { dataFolder } = production.instance
  const wrongPassphrase = path.join(folder, 'wrong-passphrase')
  writeFileSync(wrongPassphrase, 'incorrect horse battery staple\n', { mode: 0o600 })
  const data = ['--data', dataFolder]
  return [
    make('second server on the same folder', 'files.locked', 2, 'serve', ...data, '--key-file', production.keyFile),
    {
      ...make(
        'root renew with a wrong passphrase',
        'keystore.wrong-key',
        1,
        'root',
        'renew',
        ...data,
        '--root-passphrase-file',
        wrongPassphrase,
      ),
      ...{ recorded: { kinds: ['root.announced'] }, sharesCodeBecause: ONE_KEY },
    },
    { ...make('unknown command of the server', 'none', 64, 'sing', ...data), sharesCodeBecause: USAGE },
    { ...make('unknown option of the server', 'none', 64, 'status', ...data, '--colour'), sharesCodeBecause: USAGE },
  ]
}

/** What the command line must not take. */
export async function usageRows({ production, folder }: Setting): Promise<BadInput[]> {
  const file = path.join(folder, 'release-1.0.0')
  const row = (input: string, expectedCode: string, expectedExit: number, ...command: string[]): BadInput => ({
    ...{ input, expectedCode, expectedExit, recorded: 'nothing' },
    run: () => production.client.run(...command),
  })
  const usage = (input: string, ...command: string[]) => ({
    ...row(input, 'cli.usage', 64, ...command),
    sharesCodeBecause: USAGE,
  })
  return [
    usage('unknown command', 'sing', file),
    usage('unknown option', 'verify', file, '--colour'),
    usage('verify of nothing', 'verify'),
    usage('digest that is none', 'sign', '--digest', 'sha256:abc', '--bundle', path.join(folder, 'x.sigstore.json')),
    row('signing without a sign-in', 'cli.not-signed-in', 1, 'sign', file, '--yes'),
    row('signing without having read what becomes public', 'cli.not-confirmed', 1, 'sign', file),
    row(
      'instance that this machine does not know',
      'anchors.unknown',
      1,
      'verify',
      file,
      '--instance',
      'other.example.org',
    ),
  ]
}
