import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { countersign } from './programs.ts'
import { type RunResult, runProgram } from './runProgram.ts'

// Programs start three times as fast when Node.js keeps what it compiled. It compares contents, so an old cache does no harm.
process.env.NODE_COMPILE_CACHE ??= path.resolve(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'compiled')

/** The machine of a person or a build job: settings of its own, and a folder to work in. */
export interface Machine {
  /** Where its files lie and its commands run. */
  readonly folder: string
  /** Environment for `countersign`. */
  readonly env: Readonly<Record<string, string>>
  /** Runs `countersign` in the folder. Any exit status is a result. */
  countersign(...command: readonly string[]): Promise<RunResult>
  /** The same with something on standard input. */
  pipe(input: string, ...command: readonly string[]): Promise<RunResult>
  /** The same with `--json`: what it answered beside its exit status. */
  ask<Answer>(...command: readonly string[]): Promise<{ status: number | null; answer: Answer }>
  /** PEM of the device root that it trusts, for a browser on this machine. */
  deviceRoot(instance?: string): Promise<string>
  /** The one file that keeps who is signed in on this machine. */
  keptSignIn(): string
  has(name: string): boolean
  read(name: string): Buffer
  write(name: string, content: string | Uint8Array): void
  /** Brings files from another machine. */
  bring(from: Machine, ...names: readonly string[]): void
}

/** A machine that nobody has used yet, below `folder`. */
export function newMachine(folder: string): Machine {
  const home = path.join(folder, 'home')
  const work = path.join(folder, 'work')
  for (const one of [home, work]) mkdirSync(one, { recursive: true })
  const [config, settings] = [path.join(home, '.config'), path.join(home, '.config', 'countersign')]
  const env = { HOME: home, XDG_CONFIG_HOME: config, APPDATA: config }
  const at = (name: string) => path.join(work, name)
  const run = (command: readonly string[], input?: string) =>
    runProgram([...countersign, ...command], { cwd: work, env, ...(input !== undefined && { input }) })
  return {
    folder: work,
    env,
    countersign: (...command) => run(command),
    pipe: (input, ...command) => run(command, input),
    async ask<Answer>(...command: readonly string[]) {
      const { status, stdout, stderr } = await run([...command, '--json'])
      if (!/^\{.*\}\n$/.test(stdout)) throw new Error(`not one line of JSON: ${command.join(' ')}\n${stdout}${stderr}`)
      return { status, answer: JSON.parse(stdout) as Answer }
    },
    async deviceRoot(instance) {
      const anchors = await openAnchors(instance, settings)
      return Buffer.from(anchors.target('device_root.pem')).toString('utf8')
    },
    keptSignIn() {
      const [kept, ...others] = globSync(path.join(settings, 'sessions', '*.json'))
      if (kept === undefined || others.length > 0) throw new Error(`not one sign-in: ${[kept, ...others].join(', ')}`)
      return kept
    },
    has: (name) => existsSync(at(name)),
    read: (name) => readFileSync(at(name)),
    write: (name, content) => writeFileSync(at(name), content),
    bring: (from, ...names) => {
      for (const name of names) writeFileSync(at(name), from.read(name))
    },
  }
}
