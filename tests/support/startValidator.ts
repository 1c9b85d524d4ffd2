import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { countersignValidator } from './programs.ts'
import { mustRun } from './runProgram.ts'

/** What a test chooses about a validator of its own. */
export interface ValidatorOptions {
  readonly dataFolder: string
  /** File with the ticket; only the first start needs it. */
  readonly ticketFile?: string
  /** More arguments of `serve`. */
  readonly arguments?: readonly string[]
  readonly startTimeoutMs?: number
}

/** The line that `serve --json` prints once it works. */
interface ReadyEvent {
  readonly event: 'ready'
  readonly name: string
  readonly subject: string
  readonly advisories: { readonly records: number; readonly sample: boolean }
}

/** A running validator. */
export interface RunningValidator extends Omit<ReadyEvent, 'event'> {
  readonly dataFolder: string
  readonly process: ChildProcess
  /** Everything it has written so far. */
  output(): string
  /** Runs `countersign-validator <arguments> --data <folder> --json` beside it and reads the answer. */
  admin<Answer>(...command: readonly string[]): Promise<Answer>
  /** Stops it by SIGTERM. Rejects unless it ends by itself with status 0. */
  stop(): Promise<void>
  /** Kills it as a power failure would, and waits until it is gone. */
  kill(): Promise<void>
}

/** Starts a validator that is no server's child, and waits until it works. */
export async function startValidator(options: ValidatorOptions): Promise<RunningValidator> {
  const { dataFolder, ticketFile, startTimeoutMs = 60_000 } = options
  const [program = '', ...script] = countersignValidator
  const ticket = ticketFile === undefined ? [] : ['--ticket-file', ticketFile]
  const serve = ['serve', '--data', dataFolder, '--json', ...ticket, ...(options.arguments ?? [])]
  const child = spawn(program, [...script, ...serve], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit')
  const { promise, resolve, reject } = Promise.withResolvers<ReadyEvent>()
  let output = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    output += `${line}\n`
    const event = line.startsWith('{') ? (JSON.parse(line) as { event?: string }) : {}
    if (event.event === 'ready') resolve(event as ReadyEvent)
  })
  const give = (why: string) => reject(new Error(`the validator ${why}\n${output}`))
  child.on('error', (error) => give(error.message))
  child.on('close', (status) => give(`ended with status ${status}`))
  const timer = setTimeout(() => {
    child.kill('SIGKILL')
    give('did not get ready')
  }, startTimeoutMs)
  const { event: _, ...ready } = await promise.finally(() => clearTimeout(timer))
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    await exited
  }
  return {
    ...ready,
    dataFolder,
    process: child,
    output: () => output,
    admin: async <Answer>(...command: readonly string[]) => {
      const run = await mustRun([...countersignValidator, ...command, '--data', dataFolder, '--json'])
      return JSON.parse(run.stdout) as Answer
    },
    stop: async () => {
      await end('SIGTERM')
      if (child.exitCode !== 0)
        throw new Error(`the validator stopped with ${child.exitCode ?? child.signalCode}\n${output}`)
    },
    kill: () => end('SIGKILL'),
  }
}
