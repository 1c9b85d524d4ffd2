import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { type BadInput, rowMaker } from './badInput.ts'
import { serverOutcome } from './commands.ts'
import type { Setting } from './setting.ts'

/** What the commands of the server must not take. */
export async function serverCommandRows({ production, folder }: Setting): Promise<BadInput[]> {
  const { dataFolder } = production.instance
  const wrong = path.join(folder, 'wrong-passphrase')
  writeFileSync(wrong, 'incorrect horse battery staple\n', { mode: 0o600 })
  const command = rowMaker('nothing', (data: string, ...words: string[]) => serverOutcome(...words, '--data', data))
  const byOperator = rowMaker('entry', (...words: string[]) => serverOutcome(...words, '--data', dataFolder))
  const renew = ['root', 'renew', '--root-passphrase-file', wrong]
  return [
    command(
      'second server on the same folder',
      'files.locked',
      2,
      dataFolder,
      'serve',
      '--key-file',
      production.keyFile,
    ),
    {
      ...command('root renew with a wrong passphrase', 'keystore.wrong-key', 1, dataFolder, ...renew),
      recorded: { kinds: ['root.announced'] },
    },
    byOperator('scheduled work that does not exist', 'jobs.unknown', 1, 'jobs', 'run', 'nothing'),
    command('command for a folder without an instance', 'instance.not-created', 1, folder, 'status'),
    command('unknown command of the server', 'none', 64, dataFolder, 'sing'),
    command('unknown option of the server', 'none', 64, dataFolder, 'status', '--colour'),
  ]
}

/** What the command line must not take. */
export async function commandRows({ production, clients, folder }: Setting): Promise<BadInput[]> {
  const file = path.join(folder, 'release-1.0.0')
  const newcomer = clients.make('newcomer-to-signing', production.client)
  const informed = clients.make('informed', production.client)
  // Remembers that it was said what becomes public; the rest fails as it does in its row.
  await informed.run('sign', file, '--yes')
  const command = rowMaker('nothing', (...words: string[]) => informed.run(...words))
  const unread = rowMaker('nothing', (...words: string[]) => newcomer.run(...words))
  const bundle = path.join(folder, 'never.sigstore.json')
  return [
    command('unknown command', 'cli.usage', 64, 'sing', file),
    command('unknown option', 'cli.usage', 64, 'verify', file, '--colour'),
    command('verify of nothing', 'cli.usage', 64, 'verify'),
    command('digest that is none', 'cli.usage', 64, 'sign', '--digest', 'sha256:abc', '--bundle', bundle),
    command('signing without a sign-in', 'cli.not-signed-in', 1, 'sign', file),
    unread('signing without a yes to what becomes public', 'cli.not-confirmed', 1, 'sign', file),
    command('instance that is not trusted here', 'anchors.unknown', 1, 'verify', file, '--instance', 'example.org'),
  ]
}

/** A client whose clock is an hour off says so. */
export async function clientClockRows({ production, folder }: Setting): Promise<BadInput[]> {
  const file = path.join(folder, 'release-1.0.0')
  const at = rowMaker('nothing', (offset: string, ...words: string[]) => production.client.runAt(offset, ...words))
  return [
    at('client clock an hour ahead: login', 'cli.clock-wrong', 2, '+1h', 'login'),
    at('client clock an hour behind: login', 'cli.clock-wrong', 2, '-1h', 'login'),
    at('client clock an hour ahead: verify', 'decide.clock-wrong', 2, '+1h', 'verify', file),
    at('client clock an hour behind: verify', 'decide.clock-wrong', 2, '-1h', 'verify', file),
  ]
}
