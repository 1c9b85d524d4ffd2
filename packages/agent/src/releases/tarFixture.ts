import { gzipSync } from 'node:zlib'

/** One entry of a test archive; whatever a hostile writer might put into it. */
export interface TestEntry {
  readonly name: string
  readonly content?: string | Uint8Array
  /** Type character; a file where absent. */
  readonly type?: string
  readonly link?: string
  readonly mode?: number
}

const block = (sizeBytes: number) => Math.ceil(sizeBytes / 512) * 512

/** A `.tar.gz` with these entries and the two blocks that end it. */
export function testArchive(entries: readonly TestEntry[], { isEnded = true } = {}): Uint8Array {
  const parts = entries.flatMap((entry) => {
    const content = Buffer.from(entry.content ?? '')
    return [header(entry, content.length), content, Buffer.alloc(block(content.length) - content.length)]
  })
  return new Uint8Array(gzipSync(Buffer.concat([...parts, Buffer.alloc(isEnded ? 1024 : 0)])))
}

function header({ name, type = '0', link = '', mode = 0o644 }: TestEntry, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(512)
  bytes.write(name, 0, 100)
  bytes.write(`${mode.toString(8).padStart(7, '0')}\0`, 100)
  bytes.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124)
  bytes.fill(0x20, 148, 156)
  bytes.write(type, 156)
  bytes.write(link, 157, 100)
  bytes.write('ustar\u000000', 257)
  const sum = bytes.reduce((total, byte) => total + byte, 0)
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return bytes
}

/** Entries of a program that a device can start: it answers its version on `${PORT}` and prints it. */
export function programEntries(version: string, more: readonly TestEntry[] = []): TestEntry[] {
  const manifest = {
    v: 1,
    product: 'files',
    version,
    start: ['node', 'serve.js', '${PORT}'],
    firstParty: ['serve.js'],
    stopTimeoutMs: 500,
  }
  const serve = `require('node:http').createServer((_, reply) => reply.end('files ${version}')).listen(process.argv[2], '127.0.0.1')`
  return [
    { name: 'countersign.json', content: JSON.stringify(manifest) },
    { name: 'serve.js', content: `${serve}\nconsole.log('files ${version}')\n` },
    ...more,
  ]
}
