import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { checkpointText } from '@countersign/protocol/log/checkpoint.ts'
import { cosignature, messageFor } from '@countersign/protocol/log/cosignature.ts'
import { encodeEntryBundle } from '@countersign/protocol/log/entryBundle.ts'
import { EMPTY_ROOT, type Hash, leafHash, nodeHash } from '@countersign/protocol/log/merkle.ts'
import { formatNote, formatVkey, type NoteKey, type NoteKeyType, noteKey } from '@countersign/protocol/log/note.ts'
import { entryBundlePath, TILE_WIDTH, tilePath } from '@countersign/protocol/log/tiles.ts'

interface Signer {
  readonly key: NoteKey
  readonly vkey: string
  readonly privateKey: KeyObject
}

/** An Ed25519 note signer for tests. Type 1 is a log, type 4 a witness. */
export function testSigner(name: string, type: NoteKeyType): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const key = noteKey(name, type, new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })))
  return { key, vkey: formatVkey(key), privateKey }
}

/** A log in memory that signs whatever a test asks it to. */
export class TestLog {
  readonly signer: Signer
  readonly entries: Uint8Array[] = []

  constructor(origin: string, signer: Signer = testSigner(origin, 0x01)) {
    this.signer = signer
  }

  add(...texts: readonly string[]): this {
    this.entries.push(...texts.map((text) => new Uint8Array(Buffer.from(text))))
    return this
  }

  root(size: number = this.entries.length): Hash {
    const hashes = this.entries.slice(0, size).map(leafHash)
    return size === 0 ? EMPTY_ROOT : treeHash(hashes)
  }

  /** A signed checkpoint, cosigned by `witness` at `time`. */
  checkpoint(witness: Signer, time: Date, size: number = this.entries.length): string {
    const origin = this.signer.key.name
    const text = checkpointText({ origin, size: BigInt(size), root: this.root(size), extensions: [] })
    const own = { ...this.signer.key, signature: new Uint8Array(sign(null, Buffer.from(text), this.signer.privateKey)) }
    const seconds = BigInt(Math.floor(time.getTime() / 1000))
    const stamp = new Uint8Array(sign(null, messageFor(witness.key, seconds, text), witness.privateKey))
    return formatNote(text, [own, cosignature(witness.key, seconds, stamp)])
  }

  /** Every tile and entry bundle of the tree at its present size, by path. */
  files(): Map<string, Uint8Array> {
    const files = new Map<string, Uint8Array>()
    for (const [index, group] of groups(this.entries).entries()) {
      files.set(entryBundlePath(BigInt(index), group.length, 'entries'), encodeEntryBundle(group))
    }
    let hashes = this.entries.map(leafHash)
    for (let level = 0; hashes.length > 0; level++) {
      for (const [index, group] of groups(hashes).entries()) {
        files.set(tilePath(level, BigInt(index), group.length), new Uint8Array(Buffer.concat(group)))
      }
      hashes = groups(hashes)
        .filter((group) => group.length === TILE_WIDTH)
        .map(treeHash)
    }
    return files
  }
}

/** Serves logs below their own path segments, `/<name>/checkpoint` and so on. */
export class LogServer {
  readonly files = new Map<string, Uint8Array>()
  clockOffsetMs = 0
  /** `Last-Event-ID` of every stream of events that was opened, oldest first. */
  readonly listeners: string[] = []
  /** How many requests for static files came. */
  requests = 0
  readonly #streams = new Set<ServerResponse>()
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<LogServer> {
    const server = createServer((request, reply) => {
      if (request.url?.endsWith('/events')) return self.#listen(String(request.headers['last-event-id']), reply)
      self.requests++
      const bytes = self.files.get((request.url ?? '').slice(1))
      reply.setHeader('date', new Date(Date.now() + self.clockOffsetMs).toUTCString())
      reply.writeHead(bytes === undefined ? 404 : 200)
      reply.end(bytes)
    })
    const self = new LogServer(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return self
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Publishes `log` below `name` with this checkpoint. */
  publish(name: string, log: TestLog, checkpoint: string): void {
    for (const [path, bytes] of log.files()) this.files.set(`${name}/${path}`, bytes)
    this.files.set(`${name}/checkpoint`, new Uint8Array(Buffer.from(checkpoint)))
  }

  /** How many streams of events are open. */
  get streams(): number {
    return this.#streams.size
  }

  /** Sends this text to everyone who listens, as it is. */
  send(text: string): void {
    for (const stream of this.#streams) stream.write(text)
  }

  /** Pushes the newest checkpoint of `log` with its entries from `from` on, as `feedEventsRoute` describes. */
  push(log: TestLog, checkpoint: string, from: number): void {
    const entries = log.entries.slice(from).map((entry) => Buffer.from(entry).toString('base64'))
    this.send(eventText({ checkpoint, from: String(from), entries }))
  }

  /** Ends every stream of events. */
  hangUp(): void {
    for (const stream of this.#streams) stream.destroy()
  }

  #listen(lastEventId: string, reply: ServerResponse): void {
    this.listeners.push(lastEventId)
    reply.writeHead(200, { 'content-type': 'text/event-stream' })
    reply.write(': hello\n\n')
    this.#streams.add(reply)
    reply.once('close', () => this.#streams.delete(reply))
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

/** One event of the kind `checkpoint` with this value as its data. */
export function eventText(data: unknown): string {
  return `id: 1\nevent: checkpoint\ndata: ${JSON.stringify(data)}\n\n`
}

function groups<T>(items: readonly T[]): T[][] {
  const all: T[][] = []
  for (let start = 0; start < items.length; start += TILE_WIDTH) all.push(items.slice(start, start + TILE_WIDTH))
  return all
}

function treeHash(hashes: readonly Hash[]): Hash {
  if (hashes.length === 1) return hashes[0] as Hash
  const split = 2 ** (Math.ceil(Math.log2(hashes.length)) - 1)
  return nodeHash(treeHash(hashes.slice(0, split)), treeHash(hashes.slice(split)))
}
