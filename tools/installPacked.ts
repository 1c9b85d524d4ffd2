/**
 * Installs the tarballs of `npm run pack` into an empty folder as a user without privileges, and prints one JSON line about
 * it: `{"folder", "home", "uid", "gid"}`. As root it makes that user; otherwise the user who runs it is the one.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { npmCommand } from './npmCommand.ts'
import { treeRoot } from './tidy/tree.ts'
import { unprivilegedUser } from './unprivilegedUser.ts'

function fail(message: string): never {
  console.error(`installPacked: ${message}`)
  process.exit(70)
}

const user = unprivilegedUser()
const source = path.join(treeRoot, 'dist', 'tarballs')
const names = readdirSync(source).filter((name) => name.endsWith('.tgz'))
if (names.length !== 7) fail(`expected 7 tarballs in dist/tarballs, found ${names.length}; run npm run pack first`)

const home = mkdtempSync(path.join(tmpdir(), 'countersign-packed-'))
const folder = path.join(home, 'app')
mkdirSync(folder)
for (const name of names) copyFileSync(path.join(source, name), path.join(home, name))
for (const name of ['.', 'app', ...names]) chownSync(path.join(home, name), user.uid, user.gid)
chmodSync(home, 0o755)

// What the npm that runs this script was told is not for the user's npm; proxies and certificates are.
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')))
const [npm = 'npm', ...npmArguments] = npmCommand
const install = [
  'install',
  '--no-audit',
  '--no-fund',
  '--loglevel=error',
  ...names.map((name) => path.join('..', name)),
]
const installed = spawnSync(npm, [...npmArguments, ...install], {
  cwd: folder,
  ...user,
  env: { ...environment, HOME: home, npm_config_cache: path.join(home, '.npm') },
  stdio: ['ignore', 2, 2],
})
if (installed.status !== 0) fail('npm install failed; its messages are above')
console.log(JSON.stringify({ folder, home, ...user }))
