import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { freePort } from './freePort.ts'
import type { InvitationLink } from './people.ts'
import { countersignServer } from './programs.ts'
import { mustRun } from './runProgram.ts'

/** What a test chooses about an instance; the rest is a development instance on free ports of localhost. */
export interface InstanceOptions {
  readonly dataFolder: string
  /** Host name of both addresses; it must resolve to the loopback address. `localhost` where not given. */
  readonly hostName?: string
  readonly port?: number
  readonly httpPort?: number
  readonly environment?: 'development' | 'production'
  /** Whether the embedded validator runs beside it. Default: no, because most stories are about signing alone. */
  readonly validator?: boolean
  /** More arguments of `serve`. */
  readonly arguments?: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Arguments of Node.js itself, for example a module to preload. */
  readonly nodeArguments?: readonly string[]
  /** Put in front of the command, for example `faketime` and its arguments. */
  readonly wrapper?: readonly string[]
  readonly startTimeoutMs?: number
  /** Writes its output to this file, so that it can outlive the process that started it. */
  readonly outputFile?: string
}

/** The line that `serve --json` prints once it answers. */
interface ReadyEvent {
  readonly event: 'ready'
  readonly publicUrl: string
  readonly publicHttpUrl: string
  readonly invitation?: InvitationLink
  /** The embedded validator, where it runs, and what confines its inspector. */
  readonly validator?: {
    readonly protections: readonly { readonly name: string; readonly active: boolean; readonly detail: string }[]
  }
}

/** A running server. */
export interface Instance extends Omit<ReadyEvent, 'event'> {
  readonly dataFolder: string
  readonly process: ChildProcess
  /** Everything it has written so far. */
  output(): string
  /** Runs `countersign-server <arguments> --data <folder> --json` beside it and reads the answer. */
  admin<Answer>(...command: readonly string[]): Promise<Answer>
  /** Stops it by SIGTERM. Rejects unless it ends by itself with status 0. */
  stop(): Promise<void>
  /** Kills it as a power failure would, and waits until it is gone. */
  kill(): Promise<void>
}

/** Starts a server on a data folder, creating the instance where there is none, and waits until it answers. */
export async function startInstance(options: InstanceOptions): Promise<Instance> {
  const { dataFolder, nodeArguments = [], wrapper = [], startTimeoutMs = 60_000 } = options
  const [program = '', ...script] = countersignServer
  const serve = ['serve', '--data', dataFolder, '--yes', '--json', ...(await addressArguments(options))]
  const validator = options.validator ? [] : ['--no-validator']
  const more = [...validator, ...(options.arguments ?? [])]
  const command = [...wrapper, program, ...nodeArguments, ...script, ...serve, ...more]
  const output = options.outputFile === undefined ? pipedOutput() : filedOutput(options.outputFile)
  const child = spawn(command[0] ?? '', command.slice(1), {
    stdio: ['ignore', output.stdio, output.stdio],
    detached: options.outputFile !== undefined,
    env: { ...process.env, ...options.env },
  })
  const exited = once(child, 'exit')
  const { promise, resolve, reject } = Promise.withResolvers<ReadyEvent>()
  output.follow(child, (line) => {
    const event = line.startsWith('{') ? (JSON.parse(line) as { event?: string }) : {}
    if (event.event === 'ready') resolve(event as ReadyEvent)
  })
  const give = (why: string) => reject(new Error(`the server ${why}\n${output.text()}`))
  child.on('error', (error) => give(error.message))
  child.on('close', (status) => give(`ended with status ${status}`))
  const timer = setTimeout(() => {
    child.kill('SIGKILL')
    give('did not get ready')
  }, startTimeoutMs)
  const { event: _, ...ready } = await promise.finally(() => {
    clearTimeout(timer)
    output.settled()
  })
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    await exited
  }
  return {
    ...ready,
    dataFolder,
    process: child,
    output: () => output.text(),
    admin: async <Answer>(...command: readonly string[]) => {
      const run = await mustRun([...countersignServer, ...command, '--data', dataFolder, '--json'])
      return JSON.parse(run.stdout) as Answer
    },
    stop: async () => {
      await end('SIGTERM')
      if (child.exitCode !== 0)
        throw new Error(`the server stopped with ${child.exitCode ?? child.signalCode}\n${output.text()}`)
    },
    kill: () => end('SIGKILL'),
  }
}

/** Where a child's output goes, and how its lines are seen. */
interface Output {
  readonly stdio: 'pipe' | number
  text(): string
  follow(child: ChildProcess, onLine: (line: string) => void): void
  /** Nobody waits for a line any more. */
  settled(): void
}

function pipedOutput(): Output {
  let text = ''
  return {
    stdio: 'pipe',
    text: () => text,
    follow(child, onLine) {
      child.stderr?.setEncoding('utf8').on('data', (more: string) => {
        text += more
      })
      if (child.stdout === null) return
      createInterface({ input: child.stdout }).on('line', (line) => {
        text += `${line}\n`
        onLine(line)
      })
    },
    settled: () => {},
  }
}

const LOOK_EVERY_MS = 20

function filedOutput(file: string): Output {
  const stdio = openSync(file, 'a', 0o600)
  let looking: NodeJS.Timeout | undefined
  const text = () => readFileSync(file, 'utf8')
  return {
    stdio,
    text,
    follow(_child, onLine) {
      closeSync(stdio)
      let seen = 0
      looking = setInterval(() => {
        const lines = text().split('\n').slice(0, -1)
        for (const line of lines.slice(seen)) onLine(line)
        seen = lines.length
      }, LOOK_EVERY_MS)
    },
    settled: () => clearInterval(looking),
  }
}

async function addressArguments(options: InstanceOptions): Promise<string[]> {
  const { hostName = 'localhost', environment = 'development' } = options
  const port = options.port ?? (await freePort())
  const httpPort = options.httpPort ?? (await freePort())
  return [
    ...['--public-url', `https://${hostName}:${port}`, '--listen', `127.0.0.1:${port}`],
    ...['--public-http-url', `http://${hostName}:${httpPort}`, '--listen-http', `127.0.0.1:${httpPort}`],
    ...['--environment', environment],
  ]
}
