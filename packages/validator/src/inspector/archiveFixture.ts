import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Catalogue } from '@countersign/protocol/sbom/catalogue.ts'
import { inspect } from './inspect.ts'
import { specOf } from './publishedContents.ts'
import type { PublishedPackages } from './publishedPackages.ts'

/** One entry of an archive that a test makes; nothing about it is checked. */
export interface FixtureEntry {
  readonly name: string
  readonly content?: string | Uint8Array
  readonly type?: string
  readonly link?: string
  /** In place of the content's own. */
  readonly size?: number
}

/** Writes a ustar archive, bad ones too. */
export function writeTar(entries: readonly FixtureEntry[], end = true): Buffer {
  return Buffer.concat([...entries.flatMap(entryBlocks), ...(end ? [Buffer.alloc(1024)] : [])])
}

function entryBlocks({ name, content = '', type = '0', link = '', size }: FixtureEntry): Buffer[] {
  const bytes = Buffer.from(content as string)
  const header = Buffer.alloc(512)
  header.write(name, 0, 100)
  header.write('0000644\0', 100)
  header.write(`${(size ?? bytes.length).toString(8).padStart(11, '0')}\0`, 124)
  header.write('        ', 148)
  header.write(type, 156)
  header.write(link, 157, 100)
  header.write('ustar\x0000', 257)
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  )
  return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]
}

/** A package as its registry has it. */
export interface FixturePackage {
  readonly name: string
  readonly version: string
  readonly files: Readonly<Record<string, string>>
}

/** The files of a package below `folder`, `package.json` included. */
export function packageEntries({ name, version, files }: FixturePackage, folder: string): FixtureEntry[] {
  const all = { 'package.json': JSON.stringify({ name, version }), ...files }
  return Object.entries(all).map(([path, content]) => ({ name: `${folder}/${path}`, content }))
}

/** A registry that has exactly these packages, kept in `folder`. */
export function fixtureRegistry(packages: readonly FixturePackage[], folder: string): PublishedPackages {
  const kept = packages.map((one, at) => {
    const bytes = gzipSync(writeTar(packageEntries(one, 'package')))
    const path = join(folder, `published-${at}.tgz`)
    writeFileSync(path, bytes)
    return { ...one, integrity: integrityOf(bytes), path, sizeBytes: bytes.length }
  })
  const bySpec = new Map(kept.map((one) => [specOf(one), one]))
  return {
    fetch: async (wanted) =>
      new Map(wanted.map((one) => [specOf(one), bySpec.get(specOf(one)) ?? { missing: 'no registry has it' }])),
  }
}

/** The integrity of a package as its registry names it. */
export function packageIntegrity(one: FixturePackage): string {
  return integrityOf(gzipSync(writeTar(packageEntries(one, 'package'))))
}

function integrityOf(bytes: Uint8Array): string {
  return `sha512-${createHash('sha512').update(bytes).digest('base64')}`
}

/** Runs the whole inspector on bytes. */
export async function inspectBytes(
  bytes: Uint8Array,
  folder: string,
  published?: PublishedPackages,
): Promise<Catalogue> {
  const path = join(folder, 'artifact')
  writeFileSync(path, bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const { catalogue } = await inspect({ path, sha256, sizeBytes: bytes.length, ...(published && { published }) })
  return catalogue
}
