import { type ChildProcess, spawn } from 'node:child_process'
import { hkdfSync } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Logger } from '@countersign/platform/telemetry/logger.ts'

/** What confines the inspector of the embedded validator, as it says itself. */
export interface ValidatorReady {
  readonly protections: readonly { readonly name: string; readonly active: boolean; readonly detail: string }[]
}

/** The validator that an instance starts beside itself: another process with its own folder, identity and keys. */
export interface EmbeddedValidator {
  /** Resolves when it is ready for the first time; with undefined where that takes too long, and it is still tried. */
  readonly ready: Promise<ValidatorReady | undefined>
  /** Ends it, and waits until it is gone. */
  stop(): Promise<void>
}

/** What starting it takes. */
export interface EmbeddedOptions {
  /** The instance's data folder; the validator's lies below it. */
  readonly folder: string
  /** What the instance's own keys are encrypted under. The validator's are encrypted under a key derived from it. */
  readonly wrappingKey: Uint8Array
  readonly logger: Logger
  readonly clock: Clock
  readonly logLevel: string
  /** Whether it may run although nothing confines its inspector. */
  readonly allowUnprotected: boolean
  /** Makes the ticket with which a validator that is not enrolled yet enrols. */
  ticket(): Promise<string>
}

const FIRST_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 60_000
/** A child that ran for so long starts again at once. */
const STEADY_MS = 5 * 60_000
const READY_WITHIN_MS = 60_000
const STOP_WITHIN_MS = 15_000
const KEY_BYTES = 32

/**
 * Starts the embedded validator and starts it again whenever it ends, after 1 s, 2 s and so on up to a minute. It gets the
 * ticket and its key over a pipe, in no argument, variable or file; the pipe stays open, so that it ends with this process
 * however this process ends. Its log goes where the instance's goes.
 */
export function startEmbeddedValidator(options: EmbeddedOptions): EmbeddedValidator {
  const stopping = new AbortController()
  const ready = Promise.withResolvers<ValidatorReady | undefined>()
  const patience = setTimeout(() => ready.resolve(undefined), READY_WITHIN_MS)
  void ready.promise.then(() => clearTimeout(patience))
  const supervised = supervise(options, ready.resolve, stopping.signal)
  return {
    ready: ready.promise,
    async stop() {
      stopping.abort()
      ready.resolve(undefined)
      await supervised
    },
  }
}

async function supervise(
  options: EmbeddedOptions,
  onReady: (ready: ValidatorReady) => void,
  signal: AbortSignal,
): Promise<void> {
  const { logger, clock } = options
  for (let failures = 0; !signal.aborted; ) {
    const startedMs = clock.monotonicMs()
    try {
      const code = await runOnce(options, onReady, signal)
      if (signal.aborted) return
      logger.warn({ code }, 'the embedded validator ended')
    } catch (error) {
      logger.error({ err: error }, 'the embedded validator could not be started')
    }
    if (clock.monotonicMs() - startedMs > STEADY_MS) failures = 0
    await clock.sleep(Math.min(FIRST_RETRY_MS * 2 ** failures++, LONGEST_RETRY_MS), signal).catch(() => {})
  }
}

/** Runs one child to its end. Resolves with its exit code or signal. */
async function runOnce(
  options: EmbeddedOptions,
  onReady: (ready: ValidatorReady) => void,
  signal: AbortSignal,
): Promise<string> {
  const folder = join(options.folder, 'validator')
  // The file is the last thing that enrolling writes: without it the ticket is needed, again or for the first time.
  const ticket = existsSync(join(folder, 'validator.json')) ? undefined : await options.ticket()
  const child = spawn(process.execPath, commandOf(options, folder), { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = endOf(child)
  const stop = () => child.kill('SIGTERM')
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  const patience = killAfter(child, signal)
  child.stdin?.on('error', () => {
    // It ended before it read; its exit says so.
  })
  child.stdin?.write(`${JSON.stringify({ ...(ticket !== undefined && { ticket }), wrappingKey: keyOf(options) })}\n`)
  followOutput(child, onReady)
  try {
    return await ended
  } finally {
    signal.removeEventListener('abort', stop)
    patience.cancel()
  }
}

function commandOf({ logLevel, allowUnprotected }: EmbeddedOptions, folder: string): string[] {
  const main = import.meta.resolve('countersign-validator/main.ts')
  const program = fileURLToPath(new URL('../bin/countersign-validator.js', main))
  const serve = ['serve', '--data', folder, '--supervised', '--json', '--log-level', logLevel]
  return [program, ...serve, ...(allowUnprotected ? ['--allow-unprotected'] : [])]
}

/** Base64 of the validator's own wrapping key: whoever reads its folder needs the instance's key file, too. */
function keyOf({ wrappingKey }: EmbeddedOptions): string {
  const key = hkdfSync('sha256', wrappingKey, new Uint8Array(), 'countersign embedded validator v1', KEY_BYTES)
  return Buffer.from(key).toString('base64')
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(String(signal ?? code)))
  })
}

/** A child that does not end when asked is ended. */
function killAfter(child: ChildProcess, signal: AbortSignal): { cancel(): void } {
  let timer: NodeJS.Timeout | undefined
  const begin = () => {
    timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
  }
  signal.addEventListener('abort', begin, { once: true })
  return {
    cancel() {
      signal.removeEventListener('abort', begin)
      clearTimeout(timer)
    },
  }
}

function followOutput(child: ChildProcess, onReady: (ready: ValidatorReady) => void): void {
  if (child.stdout === null) return
  createInterface({ input: child.stdout }).on('line', (line) => {
    const ready = readReady(line)
    if (ready !== undefined) onReady(ready)
  })
}

function readReady(line: string): ValidatorReady | undefined {
  try {
    const { event, protections } = JSON.parse(line) as ValidatorReady & { event?: string }
    return event === 'ready' ? { protections } : undefined
  } catch {
    return undefined
  }
}
