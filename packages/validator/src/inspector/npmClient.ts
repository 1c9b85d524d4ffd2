import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { inspectorError } from './errors.ts'

/** What npm said. */
export interface NpmAnswer {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** npm as this machine is configured for: registries, proxies, certificates and cache are its own business. */
export interface NpmClient {
  /** Runs one npm command in `cwd`. Rejects with `inspector.npm-failed` where it cannot be started or takes too long. */
  run(args: readonly string[], options: { readonly cwd: string; readonly timeoutMs: number }): Promise<NpmAnswer>
}

const MAX_OUTPUT_BYTES = 32 * 1024 * 1024

/** Where npm is looked for. */
export interface NpmPlaces {
  /** The running Node.js. */
  readonly execPath: string
  /** Folders, as the variable PATH has them. */
  readonly path: string
}

/** Finds npm beside the running Node.js or on the path. Throws `inspector.npm-failed` where there is none. */
export function findNpm(places: NpmPlaces = { execPath: process.execPath, path: process.env.PATH ?? '' }): NpmClient {
  const command = npmCommand(places)
  if (command === undefined)
    throw inspectorError('inspector.npm-failed', 'there is no npm beside Node.js or on the path')
  return { run: (args, options) => run([...command, ...args], options) }
}

/** npm's own script where it is found, run by this Node.js: no shell, and no wrapper that needs one. */
function npmCommand({ execPath, path }: NpmPlaces): readonly string[] | undefined {
  const folders = [dirname(execPath), ...path.split(delimiter).filter((one) => one !== '')]
  for (const folder of folders) {
    const scripts = [
      join(folder, '../lib/node_modules/npm/bin/npm-cli.js'),
      join(folder, 'node_modules/npm/bin/npm-cli.js'),
    ]
    const script = scripts.find((one) => existsSync(one))
    if (script !== undefined) return [process.execPath, script]
    const program = join(folder, 'npm')
    if (process.platform === 'win32' || !existsSync(program)) continue
    const real = realpathSync(program)
    return real.endsWith('.js') ? [process.execPath, real] : [real]
  }
  return undefined
}

function run(command: readonly string[], { cwd, timeoutMs }: { cwd: string; timeoutMs: number }): Promise<NpmAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<NpmAnswer>()
  const [program = '', ...args] = command
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true })
  const output = { stdout: '', stderr: '' }
  const timer = setTimeout(() => fail(`npm took more than ${timeoutMs} ms`), timeoutMs)
  const fail = (message: string) => {
    child.kill('SIGKILL')
    reject(inspectorError('inspector.npm-failed', message))
  }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
      if (output[name].length > MAX_OUTPUT_BYTES) fail('npm said too much')
    })
  }
  child.on('error', (error) => fail(`npm could not be started: ${error.message}`))
  child.on('close', (status) => {
    clearTimeout(timer)
    resolve({ status: status ?? 1, ...output })
  })
  return promise
}
