import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import {
  type FixtureEntry,
  fixtureRegistry,
  inspectBytes,
  packageEntries,
  packageIntegrity,
  writeTar,
} from './archiveFixture.ts'
import { closedBy } from './closedBy.ts'
import { inspect } from './inspect.ts'
import { listArtifact } from './listArtifact.ts'

const folder = mkdtempSync(join(tmpdir(), 'countersign-inspect-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const left = { name: 'left', version: '1.0.0', files: { 'index.js': 'module.exports = 1\n' } }
const newer = { name: 'left', version: '1.1.0', files: { 'index.js': 'module.exports = 2\n' } }
const right = { name: '@scope/right', version: '2.0.0', files: { 'cli.js': '#!/usr/bin/env node\r\nrun()\n' } }
const half = { name: 'half', version: '1.0.0', files: { 'esm/package.json': '{"name":"half-esm"}' } }
const registry = fixtureRegistry([left, newer, right, half], folder)

const root = (dependencies: object = { left: '1.0.0' }): FixtureEntry => ({
  name: 'package.json',
  content: JSON.stringify({ name: 'product', version: '1.0.0', dependencies }),
})
const manifest = (firstParty: string[] = []): FixtureEntry => ({
  name: 'countersign.json',
  content: JSON.stringify({ v: 1, product: 'product', version: '1.0.0', start: ['node', 'server.js'], firstParty }),
})
const lockfile = (version = '1.0.0', integrity = packageIntegrity(left), more: object = {}): FixtureEntry => ({
  name: 'package-lock.json',
  content: JSON.stringify({
    lockfileVersion: 3,
    packages: { '': { dependencies: { left: version } }, 'node_modules/left': { version, integrity }, ...more },
  }),
})
const installed = packageEntries(left, 'node_modules/left')
const pack = (...entries: FixtureEntry[]) => gzipSync(writeTar(entries))
const chunks = async function* (bytes: Uint8Array) {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}
const codesOf = async (bytes: Uint8Array) => {
  const { gaps } = await inspectBytes(bytes, folder, registry)
  for (const { code, closedBy: closing } of gaps) assert.equal(closing, closedBy[code])
  return [...new Set(gaps.map(({ code }) => code))]
}

describe('attribution', () => {
  it('knows an unchanged package by content, with no gap', async () => {
    const catalogue = await inspectBytes(pack(root(), lockfile(), manifest(), ...installed), folder, registry)
    assert.deepEqual(catalogue.gaps, [])
    assert.deepEqual(catalogue.components, [
      {
        id: 'node_modules/left',
        purl: 'pkg:npm/left@1.0.0',
        ecosystem: 'npm',
        name: 'left',
        version: '1.0.0',
        evidence: 'content',
        integrity: packageIntegrity(left),
        files: 2,
      },
    ])
    assert.deepEqual(catalogue.dependencies, [{ from: '', to: ['node_modules/left'] }])
    assert.equal(catalogue.manifest?.product, 'product')
  })

  it('knows a package without any lockfile, under an alias, by its own name', async () => {
    const entries = [root({ other: 'npm:left@1.0.0' }), ...packageEntries(left, 'node_modules/other')]
    const catalogue = await inspectBytes(pack(...entries), folder, registry)
    assert.deepEqual(
      [catalogue.components[0]?.purl, catalogue.components[0]?.evidence],
      ['pkg:npm/left@1.0.0', 'content'],
    )
    assert.deepEqual(catalogue.gaps, [])
  })

  it('takes the first line of a command as npm rewrites it for the published one', async () => {
    const unix = { ...right, files: { 'cli.js': '#!/usr/bin/env node\nrun()\n' } }
    assert.deepEqual(await codesOf(pack(root({}), ...packageEntries(unix, 'node_modules/@scope/right'))), [])
  })

  it('takes the links to commands that npm makes for no change, and any other link for one', async () => {
    const link = (name: string) => ({ name: `node_modules/left/${name}`, type: '2', link: 'x' })
    assert.deepEqual(await codesOf(pack(root(), ...installed, link('node_modules/.bin/x'))), [])
    assert.deepEqual(await codesOf(pack(root(), ...installed, link('lib.js'))), ['gap.component-altered'])
  })

  it('names a changed file, and an added one', async () => {
    const entries = [
      root(),
      ...packageEntries({ ...left, files: { 'index.js': 'evil()', 'more.js': '' } }, 'node_modules/left'),
    ]
    const { components, gaps } = await inspectBytes(pack(...entries), folder, registry)
    assert.deepEqual(components[0]?.altered, ['node_modules/left/index.js', 'node_modules/left/more.js'])
    assert.equal(components[0]?.evidence, 'installed metadata')
    assert.deepEqual(
      gaps.map(({ code }) => code),
      ['gap.component-altered'],
    )
  })

  it('sees through a version number that was changed in the installed package', async () => {
    const changed = packageEntries({ ...left, version: '1.1.0' }, 'node_modules/left')
    const { components, gaps } = await inspectBytes(pack(root(), lockfile(), ...changed), folder, registry)
    assert.equal(components[0]?.altered?.length, 1)
    assert.deepEqual(gaps.map(({ code }) => code).sort(), ['gap.component-altered', 'gap.lockfile-disagrees'])
  })

  const own = { name: 'server.js', content: 'import left from "left"\n' }
  const long = `var a=1;${'function b(){return a};'.repeat(200)}`
  const cases: readonly (readonly [what: string, entries: readonly FixtureEntry[], codes: readonly string[]])[] = [
    ['declared first-party source', [root(), manifest(['*.js']), ...installed, own], []],
    ['source that nobody declared', [root(), manifest(), ...installed, own], ['gap.unattributed-code']],
    [
      'a bundle, declared or not',
      [root(), manifest(['*.js']), ...installed, { name: 'server.js', content: long }],
      ['gap.bundled-code'],
    ],
    [
      'a native addon of unknown origin',
      [root(), manifest(['**']), ...installed, { name: 'build/a.node', content: '\x7fELF\0' }],
      ['gap.native-code'],
    ],
    ['a jar', [root(), manifest(['**']), ...installed, { name: 'a.jar', content: 'PK\x03\x04' }], ['gap.native-code']],
    [
      'an archive inside',
      [root(), manifest(['**']), ...installed, { name: 'a.zip', content: 'PK\x03\x04' }],
      ['gap.archive-inside'],
    ],
    [
      'a renamed package',
      [root({}), ...packageEntries({ ...left, name: 'other' }, 'node_modules/other')],
      ['gap.not-compared'],
    ],
    [
      'a renamed package in its lockfile',
      [root(), lockfile(), ...packageEntries({ ...left, name: 'newer' }, 'node_modules/left')],
      ['gap.component-altered', 'gap.lockfile-disagrees'],
    ],
    ['an unchanged vendored copy', [root({}), ...packageEntries(left, 'vendor/left')], []],
    [
      'a changed vendored copy',
      [root({}), ...packageEntries({ ...left, files: { 'index.js': 'x' } }, 'vendor/left')],
      ['gap.component-altered'],
    ],
    [
      'an unchanged vendored copy among first-party source',
      [root({}), manifest(['lib/**']), ...packageEntries(left, 'lib/left')],
      [],
    ],
    [
      'a changed vendored copy among first-party source',
      [root({}), manifest(['lib/**']), ...packageEntries({ ...left, files: { 'index.js': 'x' } }, 'lib/left')],
      ['gap.component-altered'],
    ],
    [
      'a vendored copy of what no registry has, among first-party source',
      [root({}), manifest(['lib/**']), ...packageEntries({ ...left, version: '7.0.0' }, 'lib/left')],
      ['gap.not-compared'],
    ],
    [
      'a vendored copy without its version, among first-party source',
      [
        root(),
        manifest(['lib/**']),
        ...installed,
        { name: 'lib/left/package.json', content: '{"name":"left"}' },
        { name: 'lib/left/index.js', content: 'x' },
      ],
      ['gap.component-unknown'],
    ],
    [
      'a package.json inside of a vendored copy, which says who it is only half',
      [root({}), ...packageEntries(half, 'vendor/half')],
      [],
    ],
    [
      'private packages of the product, and a package.json that only sets the type of modules',
      [
        root(),
        manifest(['lib/**']),
        ...installed,
        { name: 'lib/own/package.json', content: '{"name":"own","private":true}' },
        { name: 'lib/own/index.js', content: 'x' },
        { name: 'lib/esm/package.json', content: '{"type":"module"}' },
        { name: 'lib/esm/index.js', content: 'x' },
      ],
      [],
    ],
    [
      'a lockfile with another version',
      [root(), lockfile('1.1.0', packageIntegrity(newer)), ...installed],
      ['gap.lockfile-disagrees'],
    ],
    [
      'a lockfile with another integrity',
      [root(), lockfile('1.0.0', packageIntegrity(newer)), ...installed],
      ['gap.integrity-disagrees'],
    ],
    [
      'a lockfile that names what is not there',
      [root(), lockfile('1.0.0', undefined, { 'node_modules/gone': { version: '1.0.0' } }), ...installed],
      ['gap.lockfile-disagrees'],
    ],
    [
      'what is optional and not there',
      [
        root(),
        lockfile('1.0.0', undefined, { 'node_modules/gone': { version: '1.0.0', optional: true } }),
        ...installed,
      ],
      [],
    ],
    ['a dependency that is not there', [root({ left: '1', gone: '1' }), ...installed], ['gap.dependency-missing']],
    [
      'a package from git',
      [
        root(),
        lockfile('1.0.0', undefined, {
          'node_modules/left': { version: '1.0.0', resolved: 'git+ssh://git@example.org/left.git#abc' },
        }),
        ...installed,
      ],
      ['gap.not-from-registry'],
    ],
    ['only a lockfile', [root(), lockfile()], ['gap.declared-only']],
    [
      'a lockfile of version 1',
      [root(), { name: 'package-lock.json', content: '{"lockfileVersion":1}' }, ...installed],
      ['gap.lockfile-unreadable'],
    ],
    [
      'a manifest that breaks its format',
      [root(), { name: 'countersign.json', content: '{"v":1}' }, ...installed],
      ['gap.manifest-malformed'],
    ],
    [
      'material for tests inside of a published package',
      [
        root({}),
        ...packageEntries(
          { ...left, files: { ...left.files, 'test/node_modules/x/package.json': '{"name":"x","version":"1.0.0"}' } },
          'node_modules/left',
        ),
      ],
      ['gap.component-altered'],
    ],
  ]
  for (const [what, entries, codes] of cases) {
    it(`${what}: ${codes.join(', ') || 'no gap'}`, async () => {
      assert.deepEqual((await codesOf(pack(...entries))).sort(), [...codes].sort())
    })
  }

  it('declares what a lone lockfile names, and nothing more', async () => {
    const { components, gaps } = await inspectBytes(Buffer.from(String(lockfile().content)), folder, registry)
    assert.deepEqual(
      components.map(({ id, evidence }) => [id, evidence]),
      [['node_modules/left', 'declared']],
    )
    assert.deepEqual(
      gaps.map(({ code }) => code),
      ['gap.declared-only'],
    )
  })

  it('knows a published tarball by content', async () => {
    const { components, gaps } = await inspectBytes(pack(...packageEntries(left, 'package')), folder, registry)
    assert.deepEqual(
      components.map(({ id, evidence }) => [id, evidence]),
      [['.', 'content']],
    )
    assert.deepEqual(gaps, [])
  })

  it('names every package that it cannot compare', async () => {
    const { gaps } = await inspectBytes(pack(root(), ...installed), folder)
    assert.deepEqual(
      gaps.map(({ code, path }) => [code, path]),
      [['gap.not-compared', 'node_modules/left']],
    )
  })
})

describe('bad archives', () => {
  const huge = { name: 'PaxHeader', type: 'x', content: Buffer.alloc(1024 * 1024, 0x61) }
  const deep = { name: 'p', type: 'x', content: `40018 path=${'a/'.repeat(20_000)}b\n`.replace('40018', '40013') }
  const cases: readonly (readonly [what: string, bytes: () => Uint8Array, codes: readonly string[]])[] = [
    ['nothing', () => new Uint8Array(0), ['gap.empty']],
    ['a cut off gzip', () => pack(root(), ...installed).subarray(0, 150), ['gap.archive-truncated']],
    ['a cut off tar', () => gzipSync(writeTar([root(), ...installed], false)), ['gap.archive-truncated']],
    ['a name that leads out', () => pack(root({}), { name: '../evil.js' }), ['gap.archive-unsafe-path']],
    ['an absolute name', () => pack(root({}), { name: '/etc/evil' }), ['gap.archive-unsafe-path']],
    [
      'a link out',
      () => pack(root({}), { name: 'a', type: '2', link: '../../etc/passwd' }),
      ['gap.archive-unsafe-link'],
    ],
    [
      'an absolute link',
      () => pack(root({}), { name: 'a', type: '2', link: '/etc/passwd' }),
      ['gap.archive-unsafe-link'],
    ],
    ['a hard link out', () => pack(root({}), { name: 'a', type: '1', link: '../b' }), ['gap.archive-unsafe-link']],
    ['a name twice', () => pack(root({}), { name: 'a' }, { name: './a' }), ['gap.archive-duplicate-name']],
    [
      'a file below a link',
      () => pack(root({}), { name: 'a', type: '2', link: 'b' }, { name: 'a/c' }),
      ['gap.archive-duplicate-name'],
    ],
    ['a device', () => pack(root({}), { name: 'a', type: '3' }), ['gap.archive-special-file']],
    ['a sparse file', () => pack(root({}), { name: 'a', type: 'S' }), ['gap.archive-sparse']],
    ['a huge extended header', () => pack(root({}), huge), ['gap.archive-too-large']],
    ['folders within folders', () => pack(root({}), deep, { name: 'b' }), ['gap.archive-too-deep']],
    [
      'a wrong checksum',
      () => gzipSync(Buffer.concat([writeTar([root({})], false), Buffer.alloc(1024, 1)])),
      ['gap.archive-malformed'],
    ],
    ['a file larger than the archive', () => pack(root({}), { name: 'a', size: 2 ** 20 }), ['gap.archive-truncated']],
    [
      'something after the end',
      () => gzipSync(Buffer.concat([writeTar([root({})]), writeTar([root({})])])),
      ['gap.archive-malformed'],
    ],
    [
      'a bomb',
      () => gzipSync(Buffer.concat([writeTar([root({}), { name: 'a', size: 2 ** 28 }], false), Buffer.alloc(2 ** 28)])),
      ['gap.archive-bomb'],
    ],
    ['a wheel', () => Buffer.from('PK\x03\x04 a-1.dist-info/METADATA'), ['gap.form-not-read']],
    ['a program', () => Buffer.from('\x7fELF\x02\x01 Go build ID: "x"'), ['gap.form-not-read']],
    [
      'a container image',
      () => pack({ name: 'oci-layout', content: '{}' }, { name: 'index.json' }),
      ['gap.form-not-read'],
    ],
  ]
  for (const [what, bytes, codes] of cases) {
    it(`${what}: ${codes.join(', ')}`, async () => {
      const { gaps } = await listArtifact(chunks(bytes()))
      assert.deepEqual([...new Set(gaps.map(({ code }) => code))], codes)
      for (const code of codes) assert.notEqual(closedBy[code], undefined, `nothing closes ${code}`)
    })
  }

  it('100,000 folders, each in the one before, within the time of one test', async () => {
    const folders = Array.from({ length: 100 }, (_, at) => {
      const path = 'a/'.repeat((at + 1) * 1000).slice(0, 60_000)
      const record = ` path=${path}\n`
      const length = record.length + String(record.length + 5).length
      return [{ name: 'p', type: 'x', content: `${length}${record}` }, ...Array(1000).fill({ name: 'a/', type: '5' })]
    })
    const { gaps } = await listArtifact(chunks(pack(root({}), ...folders.flat())))
    assert.deepEqual([...new Set(gaps.map(({ code }) => code))], ['gap.archive-too-deep'])
  })

  it('throws inspector.artifact-changed where the file is not the one that was handed over', async () => {
    const path = join(folder, 'other')
    writeFileSync(path, pack(root({})))
    await assert.rejects(inspect({ path, sha256: '0'.repeat(64), sizeBytes: 1 }), {
      code: 'inspector.artifact-changed',
    })
  })
})
