import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { call } from '@countersign/local/calls/call.ts'
import { importAdvisoriesRoute } from '../packages/validator/src/compose/adminRoutes.ts'
import { ADMIN_SOCKET } from '../packages/validator/src/main/callValidator.ts'
import { runWithDeviceFlow } from '../tests/support/logIn.ts'
import { type Machine, newMachine } from '../tests/support/machine.ts'
import { PageVisitor } from '../tests/support/pageVisitor.ts'
import { redeemInvitation } from '../tests/support/people.ts'
import { countersign, countersignAgent } from '../tests/support/programs.ts'
import { mustRun } from '../tests/support/runProgram.ts'
import { type Instance, startInstance } from '../tests/support/startInstance.ts'
import { npmCommand } from '../tools/npmCommand.ts'

/** An instance with its validator, and a developer who is signed in. */
export interface RecallSite {
  readonly folder: string
  readonly instance: Instance
  readonly developer: Machine
  /** PEM of what the instance's TLS certificate and its devices' chain to. */
  readonly deviceRoot: string
  /** Has the validator take over a folder of advisories. Resolves with the numbers of the certifications that they end. */
  importAdvisories(source: string): Promise<readonly string[]>
}

/** One version of the product, certified. */
export interface CertifiedVersion {
  readonly version: string
  readonly sha256: string
  readonly number: string
  /** A folder with the one advisory that ends it. */
  readonly advisory: string
}

/** A real agent with a real program. */
export interface RecallAgent {
  readonly name: string
  readonly pid: number
  readonly client: { readonly cert: string; readonly key: string }
  /** Waits until it runs `version`; resolves with the process id. */
  runs(version: string): Promise<number>
  /** What it printed about its last recall: milliseconds from the first byte of the push to the verified record and to the stop. */
  recalled(): Promise<{ readonly verifiedMs: number; readonly goneMs: number }>
  stop(): Promise<void>
}

const PRODUCT = 'recalled'
const GROUP = 'shop'
/** Published versions of one small package without dependencies: each version of the product holds another of them. */
const PACKAGE = 'ms'
const VERSIONS = [
  '2.1.3',
  '2.1.2',
  '2.1.1',
  '2.1.0',
  '2.0.0',
  '1.0.0',
  '0.7.3',
  '0.7.2',
  '0.7.1',
  '0.7.0',
  '0.6.2',
] as const
/** How many versions can be recalled: the first one stays. */
export const MAX_ROUNDS: number = VERSIONS.length - 1

/** Starts everything in `folder`. */
export async function openRecallSite(folder: string): Promise<RecallSite> {
  const dataFolder = join(folder, 'instance')
  const instance = await startInstance({
    dataFolder,
    validator: true,
    outputFile: join(folder, 'server.log'),
    arguments: ['--first-person', 'dev@example.org'],
  })
  const socketPath = join(dataFolder, 'validator', ADMIN_SOCKET)
  const importAdvisories = async (source: string) => {
    const { ended = [] } = await call({ socketPath }, importAdvisoriesRoute, { body: { source }, timeoutMs: 60_000 })
    return ended
  }
  await importAdvisories(writeAdvisory(folder, 'x_BENCH-nothing', '99.0.0'))
  const developer = newMachine(join(folder, 'developer'))
  const { ticket } = await instance.admin<{ ticket: string }>('ticket')
  await mustRun([...countersign, 'trust', 'add', ticket], { env: developer.env })
  const deviceRoot = await developer.deviceRoot()
  const browser = new PageVisitor(deviceRoot)
  if (!instance.invitation) throw new Error('the first serve printed no invitation')
  await redeemInvitation(browser, instance.invitation)
  await runWithDeviceFlow([...countersign, 'login'], browser, developer.env)
  return { folder, instance, developer, deviceRoot, importAdvisories }
}

/** Packs, signs and certifies version `round` of the product; 0 is the one to go back to. */
export async function certifyVersion({ folder, developer }: RecallSite, round: number): Promise<CertifiedVersion> {
  const version = `1.0.${round}`
  const dependency = VERSIONS[round] ?? ''
  const archive = await packVersion(folder, version, dependency)
  await developer.ask('sign', archive, '--yes')
  const { answer } = await developer.ask<Submitted>('submit', archive, '--wait')
  const [submission] = answer.submissions
  if (submission?.state !== 'certified') throw new Error(JSON.stringify(answer, null, 2))
  const advisory = writeAdvisory(folder, `x_BENCH-${round}`, dependency)
  return { version, sha256: submission.sha256, number: submission.certification.number, advisory }
}

interface Submitted {
  readonly submissions: readonly {
    readonly state: string
    readonly sha256: string
    readonly certification: { readonly number: string }
  }[]
}

/** Releases a version to the devices. */
export async function releaseVersion({ instance }: RecallSite, { sha256 }: CertifiedVersion): Promise<void> {
  await instance.admin('releases', 'publish', sha256, '--channel', 'stable')
  await instance.admin('groups', 'assign', GROUP, PRODUCT)
}

async function packVersion(folder: string, version: string, dependency: string): Promise<string> {
  const source = join(folder, `product-${version}`)
  mkdirSync(source)
  const write = (name: string, value: unknown) => writeFileSync(join(source, name), JSON.stringify(value))
  write('package.json', { name: PRODUCT, version, private: true, dependencies: { [PACKAGE]: dependency } })
  write('countersign.json', {
    v: 1,
    product: PRODUCT,
    version,
    start: ['node', 'server.js', '$' + '{PORT}'],
    firstParty: ['server.js'],
    stopTimeoutMs: 2000,
  })
  writeFileSync(
    join(source, 'server.js'),
    "require('node:http').createServer((_, reply) => reply.end('ok')).listen(Number(process.argv[2]), '127.0.0.1')\n",
  )
  const npm = [...npmCommand, 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
  await mustRun(npm, { cwd: source })
  const entries = ['countersign.json', 'package.json', 'package-lock.json', 'server.js', 'node_modules']
  await mustRun(['tar', '-czf', `${source}.tar.gz`, '-C', source, ...entries])
  return `${source}.tar.gz`
}

function writeAdvisory(folder: string, id: string, version: string): string {
  const source = join(folder, id)
  mkdirSync(source)
  writeFileSync(join(source, 'SAMPLE'), 'made for a benchmark\n')
  const modified = new Date().toISOString()
  const affected = [{ package: { ecosystem: 'npm', name: PACKAGE }, versions: [version] }]
  const record = { schema_version: '1.7.5', id, modified, summary: 'made for a benchmark', affected }
  writeFileSync(join(source, `${id}.json`), JSON.stringify(record))
  return source
}

const WAIT_MS = 60_000

/** Enrols a device and starts its agent. */
export async function startRecallAgent({ folder, instance }: RecallSite, name: string): Promise<RecallAgent> {
  const data = join(folder, 'devices', name)
  mkdirSync(data, { recursive: true })
  const { ticket } = await instance.admin<{ ticket: string }>('devices', 'ticket', name, '--group', GROUP)
  await mustRun([...countersignAgent, 'enrol', '--ticket-file', '-', '--data', data], { input: ticket })
  const [program = '', ...script] = countersignAgent
  const agent = spawn(program, [...script, 'run', '--data', data], { stdio: ['ignore', 'pipe', 'inherit'] })
  const printed = printedLines(agent, name)
  const read = (file: string) => readFileSync(join(data, file), 'utf8')
  return {
    name,
    pid: agent.pid ?? 0,
    client: { cert: read('device.crt'), key: read('device.key') },
    async runs(version) {
      const [, pid] = await printed.until(new RegExp(`^started ${PRODUCT} ${version} .*process (\\d+)$`))
      return Number(pid)
    },
    async recalled() {
      const [, verified, gone] = await printed.until(/ verified ([\d.]+) ms and gone ([\d.]+) ms after its first byte/)
      return { verifiedMs: Number(verified), goneMs: Number(gone) }
    },
    async stop() {
      if (agent.exitCode !== null || agent.signalCode !== null) return
      const exited = once(agent, 'exit')
      agent.kill('SIGTERM')
      // One that was halted hears nothing before it goes on.
      agent.kill('SIGCONT')
      await exited
    },
  }
}

/** The lines of a program, each found once. */
function printedLines({ stdout }: ChildProcess, name: string) {
  const lines: string[] = []
  let news = () => {}
  if (stdout !== null) {
    createInterface({ input: stdout }).on('line', (line) => {
      lines.push(line)
      news()
    })
  }
  const find = (pattern: RegExp): RegExpExecArray | undefined => {
    for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
      const match = pattern.exec(line)
      if (match !== null) return match
    }
    return undefined
  }
  return {
    /** Waits for a line; those before it are forgotten. */
    async until(pattern: RegExp): Promise<RegExpExecArray> {
      const untilMs = performance.now() + WAIT_MS
      while (performance.now() < untilMs) {
        const heard = new Promise<void>((resolve) => {
          news = resolve
          setTimeout(resolve, 1000)
        })
        const match = find(pattern)
        if (match !== undefined) return match
        await heard
      }
      throw new Error(`${name} did not print ${pattern}`)
    },
  }
}
