import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { readArchive } from '../../../packages/agent/src/releases/readArchive.ts'
import { archiveContentSink } from '../../../packages/validator/src/inspector/artifactReader.ts'
import { tarReader } from '../../../packages/validator/src/inspector/tarReader.ts'

// What a validator catalogues must be what a device unpacks: an archive that the two read differently would be certified as
// one thing and run as another. The inspector may not load code from outside its folder, so each has a reader of its own;
// this is what holds them together.

const folder = mkdtempSync(path.join(tmpdir(), 'countersign-archive-'))
after(() => rmSync(folder, { recursive: true }))

interface Entry {
  readonly name: string
  readonly type: string
  readonly link: string
  readonly content: Uint8Array
  readonly mode: number
}

const BLOCK = 512

/** One entry as ustar writes it, with a checksum that is right. */
function entryBytes({ name, type, link, content, mode }: Entry): Uint8Array {
  const header = Buffer.alloc(BLOCK)
  header.write(name.slice(0, 100), 0)
  header.write(mode.toString(8).padStart(7, '0'), 100)
  header.write(content.length.toString(8).padStart(11, '0'), 124)
  header.write(type, 156)
  header.write(link.slice(0, 100), 157)
  header.write('ustar\x0000', 257, 'latin1')
  return Buffer.concat([withChecksum(header), content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)])
}

function withChecksum(header: Buffer): Buffer {
  header.write('        ', 148)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

function pax(records: Readonly<Record<string, string>>, type: 'x' | 'g'): Uint8Array {
  const text = Object.entries(records).map(([name, value]) => {
    const rest = ` ${name}=${value}\n`
    let length = rest.length + 1
    while (String(length).length + rest.length !== length) length = String(length).length + rest.length
    return `${length}${rest}`
  })
  return entryBytes({ name: 'pax', type, link: '', content: Buffer.from(text.join('')), mode: 0o644 })
}

function archiveOf(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)])
}

/** What the agent would unpack, or undefined where it refuses. */
async function asAgent(archive: Uint8Array): Promise<ReadonlyMap<string, string> | undefined> {
  const file = path.join(folder, 'archive.tar.gz')
  writeFileSync(file, gzipSync(archive))
  const found = new Map<string, string>()
  let open: { path: string; hash: ReturnType<typeof createHash> } | undefined
  try {
    await readArchive(file, {
      entry(entry) {
        if (entry.kind === 'link') found.set(entry.path, `link ${entry.target}`)
        if (entry.kind === 'file') open = { path: entry.path, hash: createHash('sha256') }
      },
      content: (bytes) => void open?.hash.update(bytes),
      fileEnd() {
        if (open) found.set(open.path, open.hash.digest('hex'))
        open = undefined
      },
    })
  } catch {
    return undefined
  }
  return found
}

/** What the inspector lists, and whether it says that something is wrong with the archive itself. */
function asInspector(archive: Uint8Array): { files: ReadonlyMap<string, string>; isWhole: boolean } {
  const sink = archiveContentSink()
  let isWhole = true
  try {
    const reader = tarReader(sink)
    reader.take(archive)
    reader.end()
  } catch {
    isWhole = false
  }
  const { files, gaps } = sink.finish()
  const listed = files.map((one): [string, string] => [one.path, one.target === undefined ? one.sha256 : 'link'])
  return { files: new Map(listed), isWhole: isWhole && gaps.every(({ code }) => !code.startsWith('gap.archive-')) }
}

/** Whatever a device accepts, the inspector has listed file by file with the same content, or named a gap that refuses it. */
async function assertSame(archive: Uint8Array): Promise<boolean> {
  const unpacked = await asAgent(archive)
  if (unpacked === undefined) return false
  const { files, isWhole } = asInspector(archive)
  if (!isWhole) return false
  const plain = [...unpacked].map(([name, what]) => [name, what.startsWith('link ') ? 'link' : what])
  assert.deepEqual(new Map(plain as [string, string][]), files)
  return true
}

const names = fc.constantFrom('a', 'b/c', './a', 'b//c', 'b/../a', '/a', 'b', 'a/', 'c/d/e', '..', 'é', 'a\u0000x', '')
const entries = fc.record({
  name: names,
  type: fc.constantFrom('0', '0', '0', '5', '2', '1', '7', '\0', '3', 'S', 'V'),
  link: fc.constantFrom('', 'a', 'b/c', '../a', '/a', 'c'),
  content: fc.uint8Array({ maxLength: 700 }),
  mode: fc.constantFrom(0o644, 0o755),
})
const parts = fc.oneof(
  { weight: 6, arbitrary: entries.map(entryBytes) },
  fc
    .tuple(fc.constantFrom('path', 'linkpath', 'size', 'comment'), fc.oneof(names, fc.constant('5')))
    .chain(([name, value]) => fc.constantFrom('x', 'g').map((type) => pax({ [name]: value }, type as 'x' | 'g'))),
  names.map((name) =>
    entryBytes({ name: '././@LongLink', type: 'L', link: '', content: Buffer.from(`${name}\0`), mode: 0 }),
  ),
)

test('an archive of files, folders and links is the same for device and validator', async () => {
  const file = (name: string, content: string) =>
    entryBytes({ name, type: '0', link: '', content: Buffer.from(content), mode: 0o644 })
  const link = entryBytes({ name: 'd/l', type: '2', link: '../a', content: new Uint8Array(), mode: 0o777 })
  assert.ok(
    await assertSame(archiveOf([file('a', 'one'), file('d/b', 'two'), link, pax({ path: 'p' }, 'x'), file('q', '')])),
  )
})

test('an entry with several extended headers is refused by both: programs read it differently', async () => {
  const long = (type: 'L' | 'K', name: string) =>
    entryBytes({ name: '././@LongLink', type, link: '', content: Buffer.from(`${name}\0`), mode: 0 })
  const file = entryBytes({ name: 'f', type: '0', link: '', content: Buffer.from('of f'), mode: 0o644 })
  const link = entryBytes({ name: 'l', type: '2', link: 'f', content: new Uint8Array(), mode: 0o777 })
  for (const headers of [
    [long('L', 'a'), pax({ linkpath: '5' }, 'x')],
    [pax({ comment: 'c' }, 'x'), long('L', 'a')],
    [long('L', 'a'), long('L', 'b')],
    [pax({ path: 'a' }, 'x'), pax({ path: 'b' }, 'x')],
  ]) {
    const archive = archiveOf([...headers, file])
    assert.equal(await asAgent(archive), undefined)
    assert.equal(asInspector(archive).isWhole, false)
  }
  // GNU tar writes both of its own for one link, and a global header may stand anywhere.
  assert.ok(await assertSame(archiveOf([file, pax({ comment: 'c' }, 'g'), long('K', 'f'), long('L', 'm'), link])))
})

test('no archive of odd entries is one thing for the device and another for the validator', async () => {
  let same = 0
  const property = fc.asyncProperty(fc.array(parts, { maxLength: 6 }), async (some) => {
    if (await assertSame(archiveOf(some))) same++
  })
  await fc.assert(property, { numRuns: 500 })
  // A property over archives that everybody refuses would show nothing.
  assert.ok(same > 50, `${same} archives were accepted by both`)
})

test('no changed byte makes an archive one thing for the device and another for the validator', async () => {
  const whole = archiveOf([
    entryBytes({ name: 'a', type: '0', link: '', content: Buffer.from('content of a'), mode: 0o644 }),
    pax({ path: 'long/name' }, 'x'),
    entryBytes({ name: 'b', type: '0', link: '', content: Buffer.from('content of b'), mode: 0o755 }),
    entryBytes({ name: 'l', type: '2', link: 'a', content: new Uint8Array(), mode: 0o777 }),
  ])
  let same = 0
  const headers = [0, 2, 4, 6].map((block) => block * BLOCK)
  const property = fc.asyncProperty(
    fc.constantFrom(...headers),
    fc.nat(BLOCK - 1),
    fc.nat(255),
    fc.boolean(),
    async (start, offset, value, isRepaired) => {
      const changed = Buffer.from(whole)
      changed[start + offset] = value
      // With the checksum made right again, what the field says is what counts.
      if (isRepaired) withChecksum(changed.subarray(start, start + BLOCK))
      if (await assertSame(changed)) same++
    },
  )
  await fc.assert(property, { numRuns: 500 })
  assert.ok(same > 50, `${same} archives were accepted by both`)
})
