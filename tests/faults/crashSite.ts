import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { countersignServer } from '../support/programs.ts'
import { mustRun, type RunResult, runProgram } from '../support/runProgram.ts'
import { type Instance, startInstance } from '../support/startInstance.ts'

/** What sites that are used one after the other share. Addresses of an instance are permanent, so copies keep the ports. */
export interface Lane {
  readonly folder: string
  readonly httpsPort: number
  readonly httpPort: number
  /** Where the program of the device answers. */
  readonly devicePort: number
  /** Where Node.js keeps compiled sources: hundreds of starts would spend most of their time on compiling them. */
  readonly compileCache: string
}

/** A lane below `root`, on ports that nothing listens on. */
export async function newLane(root: string, name: string): Promise<Lane> {
  const folder = path.join(root, name)
  const compileCache = path.join(root, 'compiled')
  const [httpsPort, httpPort, devicePort] = [await quietPort(), await quietPort(), await quietPort()]
  return { folder, httpsPort, httpPort, devicePort, compileCache }
}

/**
 * A free port that stays free while the server is dead: below those that systems give to whoever asks for any, which is from
 * where outgoing connections and other tests have theirs.
 */
async function quietPort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(randomInt(15_000, 32_000), '127.0.0.1')
    const port = await once(server, 'listening').then(
      () => (server.address() as AddressInfo).port,
      () => undefined,
    )
    server.close()
    if (port !== undefined) return port
  }
}

/** Where to die: the name of a crash point with `:before` or `:after`, and at which passing of it, from 1. */
export interface Order {
  readonly point: string
  readonly passing: number
}

/** Who passes crash points: the server, a command that runs beside it, and those along the journey that live elsewhere. */
export type Role = (typeof roles)[number]

const roles = ['server', 'command', 'validator', 'agent'] as const

/** Arguments of Node.js with which a program passes its crash points on. */
export const preload: readonly string[] = ['--import', pathToFileURL(path.join(import.meta.dirname, 'crashAt.ts')).href]
const startTimeoutMs = 180_000
const portAttempts = 5

/** An order as the program reads it. */
export function lineOf({ point, passing }: Order): string {
  return `${point} ${passing}`
}

/**
 * One data folder with everything that belongs to it: the server's key files beside it, its client's journal and anchors,
 * and what the preloaded module is told. A copy is a whole world of its own, on the same ports.
 */
export class Site {
  readonly lane: Lane
  readonly folder: string

  constructor(lane: Lane, name: string) {
    this.lane = lane
    this.folder = path.join(lane.folder, name)
    mkdirSync(this.folder, { recursive: true })
  }

  /** An empty site in the place of what is there. */
  static fresh(lane: Lane, name: string): Site {
    rmSync(path.join(lane.folder, name), { recursive: true, force: true })
    return new Site(lane, name)
  }

  /** The server's. */
  get dataFolder(): string {
    return path.join(this.folder, 'data')
  }

  /** The client's journal. */
  get journalFile(): string {
    return path.join(this.folder, 'journal.jsonl')
  }

  /** Where the client keeps its anchors: the settings of a person whose `XDG_CONFIG_HOME` is the folder above. */
  get clientFolder(): string {
    return path.join(this.folder, 'client', 'countersign')
  }

  /** The validator's data folder. */
  get validatorFolder(): string {
    return path.join(this.folder, 'validator')
  }

  /** The data folder of the device. */
  get deviceFolder(): string {
    return path.join(this.folder, 'device')
  }

  /** Copies everything, in the place of what is there. Nothing may run on either. */
  async copyTo(name: string): Promise<Site> {
    const folder = path.join(this.lane.folder, name)
    rmSync(folder, { recursive: true, force: true })
    // `cp` because a dead server leaves a socket, which is part of the wound and which Node.js does not copy.
    await mustRun(['cp', '-a', this.folder, folder])
    return new Site(this.lane, name)
  }

  /** Starts the server and waits until it answers. Rejects where it ends before, as it does when an order meets it early. */
  async start(): Promise<Instance> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await startInstance({
          dataFolder: this.dataFolder,
          port: this.lane.httpsPort,
          httpPort: this.lane.httpPort,
          nodeArguments: preload,
          env: this.env('server'),
          startTimeoutMs,
        })
      } catch (error) {
        // Between two servers of this test some other program can have taken the port for a moment.
        if (attempt === portAttempts || !String(error).includes('http.address-in-use')) throw error
        await new Promise((resolve) => setTimeout(resolve, 1000))
      }
    }
  }

  /** Runs `countersign-server <arguments>` on the data folder. */
  run(...command: readonly string[]): Promise<RunResult> {
    const [program = '', ...script] = countersignServer
    const all = [program, ...preload, ...script, ...command, '--data', this.dataFolder, '--json']
    return runProgram(all, { env: this.env('command') })
  }

  /** Gives the order to die. What runs already counts from now on, what starts later from its beginning. */
  order(order: Order, role: Role = 'server'): void {
    this.orderAny([order], role)
  }

  /** Gives the order to die wherever it gets first, in the place of every order before. */
  orderAny(orders: readonly Order[], role: Role): void {
    const file = this.#file('order', role)
    writeFileSync(`${file}.new`, orders.map(lineOf).join('\n'))
    renameSync(`${file}.new`, file)
  }

  /** Whether somebody died of the order. */
  isObeyed(role: Role = 'server'): boolean {
    return existsSync(`${this.#file('order', role)}.done`)
  }

  /** The line of the order that somebody died of, once; undefined where nobody did. */
  takeObeyed(role: Role): string | undefined {
    const done = `${this.#file('order', role)}.done`
    if (!existsSync(done)) return undefined
    const line = readFileSync(done, 'utf8')
    rmSync(done)
    return line
  }

  /** Takes the orders back. */
  clearOrders(): void {
    for (const role of roles) {
      rmSync(this.#file('order', role), { force: true })
      rmSync(`${this.#file('order', role)}.done`, { force: true })
    }
  }

  /** How often each crash point was passed since `forgetPassings`. */
  passings(role: Role = 'server'): Map<string, number> {
    const counts = new Map<string, number>()
    const file = this.#file('passed', role)
    const points = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
    for (const point of points) counts.set(point, (counts.get(point) ?? 0) + 1)
    return counts
  }

  /** Starts to count anew. */
  forgetPassings(): void {
    for (const role of roles) writeFileSync(this.#file('passed', role), '')
  }

  #file(what: 'order' | 'passed', role: Role): string {
    return path.join(this.folder, `${what}-${role}`)
  }

  /** What makes a program under test listen, as its environment. */
  env(role: Role): Record<string, string> {
    return {
      COUNTERSIGN_CRASH_ORDER: this.#file('order', role),
      COUNTERSIGN_CRASH_RECORD: this.#file('passed', role),
      NODE_COMPILE_CACHE: this.lane.compileCache,
    }
  }
}
