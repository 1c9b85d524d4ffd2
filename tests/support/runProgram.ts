import { spawn } from 'node:child_process'

/** How to run a program. */
export interface RunOptions {
  readonly cwd?: string
  /** Added to this process's own environment; `undefined` removes. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly input?: string | Uint8Array
  /** After this the program is killed and the run rejects; 2 minutes where not given. */
  readonly timeoutMs?: number
  /** Sees the output while it comes, both streams. */
  readonly onOutput?: (text: string) => void
  readonly uid?: number
  readonly gid?: number
}

/** What a program left behind. */
export interface RunResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end. Rejects when it cannot be started or takes too long; any exit status is a result. */
export function runProgram(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { promise, resolve, reject } = Promise.withResolvers<RunResult>()
  const [program = '', ...rest] = command
  const { cwd, uid, gid } = options
  const env = { ...process.env, ...options.env }
  const child = spawn(program, rest, { stdio: 'pipe', env, ...(cwd && { cwd }), ...(uid && { uid, gid }) })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
      options.onOutput?.(text)
    })
  }
  const timer = setTimeout(() => {
    child.kill('SIGKILL')
    reject(new Error(`took too long: ${command.join(' ')}\n${output.stdout}${output.stderr}`))
  }, options.timeoutMs ?? 120_000)
  child.on('error', reject)
  child.on('close', (status) => {
    clearTimeout(timer)
    resolve({ status, ...output })
  })
  // A program that does not read its input must not break the test.
  child.stdin.on('error', () => {})
  child.stdin.end(options.input)
  return promise
}

/** Runs a program that must succeed; rejects with its output where it does not. */
export async function mustRun(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const result = await runProgram(command, options)
  if (result.status === 0) return result
  throw new Error(`exit status ${result.status}: ${command.join(' ')}\n${result.stdout}${result.stderr}`)
}
