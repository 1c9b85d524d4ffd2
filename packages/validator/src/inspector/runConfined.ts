import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { DEFAULT_LIMITS, type ProcessLimits } from './confinement.ts'

/** Where the standard input of a process comes from: a file, or bytes that are made while it reads. */
export type ConfinedInput = { readonly path: string } | { readonly chunks: AsyncIterable<Uint8Array> }

/** How a process ended: with its output, or how it died. */
export type ConfinedResult = { readonly output: Uint8Array } | { readonly died: string }

const SHOWN_ERROR = 300

/**
 * Runs a command that is not trusted: no environment, no descriptors but its three, a process group of its own that is
 * killed whole when the time is over or the output is too long. Never rejects for what the process does. Rejects with the
 * system's error where `path` cannot be opened.
 */
export async function runConfined(
  command: readonly string[],
  input: ConfinedInput,
  limits: Pick<ProcessLimits, 'timeoutMs' | 'outputBytes'> = DEFAULT_LIMITS,
): Promise<ConfinedResult> {
  const file = 'path' in input ? openSync(input.path, 'r') : undefined
  const [program = '', ...args] = command
  const child = spawn(program, args, {
    stdio: [file ?? 'pipe', 'pipe', 'pipe'],
    env: {},
    cwd: '/',
    detached: true,
    windowsHide: true,
  })
  if (file !== undefined) closeSync(file)
  let reason: string | undefined
  const end = (why: string) => {
    reason ??= why
    killGroup(child)
  }
  const timer = setTimeout(() => end(`it took more than ${limits.timeoutMs} ms`), limits.timeoutMs)
  const output = collect(child.stdout, limits.outputBytes, () => end(`it said more than ${limits.outputBytes} bytes`))
  const errors = collect(child.stderr, limits.outputBytes, () => end('it complained without end'))
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  if ('chunks' in input) void feed(child, closed, input.chunks).catch(() => end('its input failed'))
  try {
    const [code, signal] = await closed
    if (reason !== undefined) return { died: reason }
    if (code === 0) return { output: Buffer.concat(output) }
    const last =
      Buffer.concat(errors)
        .toString()
        .split('\n')
        .find((line) => /Error|error|fatal|failed/.test(line)) ?? ''
    const shown = last.replace(/\p{Cc}/gu, ' ').slice(0, SHOWN_ERROR)
    return { died: `it ended with ${signal ?? `status ${code}`}${shown === '' ? '' : `: ${shown}`}` }
  } catch (error) {
    return { died: `it could not be started: ${error instanceof Error ? error.message : 'unknown'}` }
  } finally {
    clearTimeout(timer)
    // What the process left behind in its group ends with it.
    killGroup(child)
  }
}

function collect(stream: NodeJS.ReadableStream | null, maxBytes: number, onTooMuch: () => void): Uint8Array[] {
  const parts: Uint8Array[] = []
  let length = 0
  stream?.on('data', (chunk: Uint8Array) => {
    length += chunk.length
    if (length > maxBytes) onTooMuch()
    else parts.push(chunk)
  })
  return parts
}

async function feed(child: ChildProcess, closed: Promise<unknown>, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const { stdin } = child
  if (stdin === null) return
  // A process that does not read to the end is seen by its exit.
  stdin.on('error', () => {})
  for await (const chunk of chunks) {
    if (stdin.destroyed) return
    if (!stdin.write(chunk)) await Promise.race([once(stdin, 'drain'), closed])
  }
  stdin.end()
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}
