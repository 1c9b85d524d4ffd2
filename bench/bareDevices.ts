import { type ChildProcess, fork, spawn } from 'node:child_process'
import { generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Processes that do nothing in a recall but what no device can leave out. */
export interface BareDevices {
  /** Recalls all of them at once. Resolves with the milliseconds that each took from hearing of it until its program was gone. */
  recall(): Promise<readonly number[]>
  close(): void
}

/** What a recall asks to be verified: the log's note, the cosignature on it, the record. */
const SIGNATURES = ['ed25519', 'ed25519', 'p-256'] as const
/** What a recall asks to be durable before it is acted on: the record, and how far the log was read. */
const FILES = ['records', 'state']
const FILE_BYTES = 2000
/** As much of a program as those of the agents. */
const PROGRAM = "require('node:http').createServer().listen(0, '127.0.0.1', () => console.log('runs'))"

/** Starts `count` of them, each a process of its own with a folder of its own below `folder`. */
export async function startBareDevices(count: number, folder: string): Promise<BareDevices> {
  const children = Array.from({ length: count }, (_, at) => startOne(join(folder, `bare-${at}`)))
  return {
    async recall() {
      await Promise.all(children.map((child) => told(child, 'run')))
      const took = await Promise.all(children.map((child) => told(child, 'recall')))
      return took.map(({ tookMs }) => tookMs ?? 0)
    },
    close() {
      for (const child of children) child.disconnect()
    },
  }
}

type Order = 'run' | 'recall'

async function told(child: ChildProcess, order: Order): Promise<{ tookMs?: number }> {
  const answer = once(child, 'message') as Promise<[{ tookMs?: number }]>
  child.send(order)
  return (await answer)[0]
}

function startOne(folder: string): ChildProcess {
  mkdirSync(folder)
  return fork(import.meta.filename, ['bare-device', folder], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

interface Signed {
  readonly key: KeyObject
  readonly message: Buffer
  readonly signature: Buffer
}

function signedMessages(): Signed[] {
  return SIGNATURES.map((algorithm) => {
    const made = algorithm === 'ed25519' ? generateKeyPairSync(algorithm) : newP256Key()
    const message = Buffer.alloc(FILE_BYTES, algorithm)
    const hash = algorithm === 'ed25519' ? null : 'sha256'
    return { key: made.publicKey, message, signature: sign(hash, message, made.privateKey) }
  })
}

function newP256Key() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

function listen(folder: string): void {
  const signed = signedMessages()
  let program: ChildProcess | undefined
  process.on('message', async (order: Order) => {
    if (order === 'run') {
      program = spawn(process.execPath, ['-e', PROGRAM], { stdio: ['ignore', 'pipe', 'inherit'] })
      if (program.stdout) await once(program.stdout, 'data')
      process.send?.({})
      return
    }
    const beganMs = performance.now()
    if (program === undefined || !signed.every(isGenuine)) throw new Error('there is nothing to recall')
    for (const name of FILES) replace(folder, name)
    const gone = once(program, 'exit')
    program.kill('SIGTERM')
    await gone
    process.send?.({ tookMs: performance.now() - beganMs })
  })
  process.once('disconnect', () => {
    program?.kill('SIGKILL')
    process.exit(0)
  })
}

function isGenuine({ key, message, signature }: Signed): boolean {
  return verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', message, key, signature)
}

/** Durable when this returns: the content, then the name. */
function replace(folder: string, name: string): void {
  const path = join(folder, name)
  const file = openSync(`${path}.tmp`, 'w')
  writeSync(file, Buffer.alloc(FILE_BYTES, name))
  fsyncSync(file)
  closeSync(file)
  renameSync(`${path}.tmp`, path)
  const opened = openSync(folder, 'r')
  fsyncSync(opened)
  closeSync(opened)
}

if (process.argv[2] === 'bare-device' && process.send !== undefined) listen(process.argv[3] ?? '')
