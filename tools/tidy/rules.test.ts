import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { crashPointNames } from './durability.ts'
import { anchorsOf } from './links.ts'
import { rules } from './rules.ts'
import { maskSource, type SourceFile } from './sourceText.ts'

type Files = Readonly<Record<string, string>>

interface Planted {
  readonly why: string
  readonly files: Files
  /** Part of the finding, with the line it must name. */
  readonly finds: readonly [line: number, message: RegExp]
}

const protocolFile = 'packages/protocol/src/log/merkle.ts'
const serverFile = 'packages/server/src/log/append.ts'

/** For every rule, what it must catch; the rule's test fails when a rule has none. */
const planted: Readonly<Record<string, readonly Planted[]>> = {
  'a file imports only from folders listed before its own': [
    {
      why: 'a folder that comes later',
      files: { [protocolFile]: "import { x } from '../bundle/dsse.ts'\n" },
      finds: [1, /log must not import bundle/],
    },
    {
      why: 'another package',
      files: { 'packages/local/src/files/a.ts': "\nimport type { B } from '@countersign/platform/blobs/blobs.ts'\n" },
      finds: [2, /local must not import platform/],
    },
    {
      why: 'the package behind a relative path',
      files: { 'packages/cli/src/main.ts': "import('../../server/src/log/openLog.ts')\n" },
      finds: [1, /cli must not import server/],
    },
    {
      why: 'a part of the same folder that comes later',
      files: { 'packages/server/src/trust/authority/a.ts': "import { x } from '../anchors/b.ts'\n" },
      finds: [1, /authority must not import anchors/],
    },
    {
      why: 'a folder without a place',
      files: { 'packages/server/src/utils/a.ts': '' },
      finds: [1, /utils has no place/],
    },
    {
      why: 'what tests share',
      files: { [serverFile]: "import { x } from '../../../../tests/support/a.ts'\n" },
      finds: [1, /no part of any package/],
    },
  ],
  'no import cycles': [
    {
      why: 'two files that import each other',
      files: {
        'packages/server/src/log/a.ts': "import { b } from './b.ts'\n",
        'packages/server/src/log/b.ts': "export const b = 1\nimport type { A } from './a.ts'\n",
      },
      finds: [2, /cycle: packages\/server\/src\/log\/a.ts -> packages\/server\/src\/log\/b.ts -> /],
    },
  ],
  'protocol is pure': [
    { why: 'a clock', files: { [protocolFile]: 'const at = `\u0024{Date.now()}`\n' }, finds: [1, /Date\.now/] },
    { why: 'the present', files: { [protocolFile]: 'const at = new Date()\n' }, finds: [1, /new Date/] },
    { why: 'a file', files: { [protocolFile]: "import { readFileSync } from 'node:fs'\n" }, finds: [1, /node:fs/] },
    {
      why: 'a random source',
      files: { [protocolFile]: "import { createHash, randomBytes } from 'node:crypto'\n" },
      finds: [1, /randomBytes/],
    },
    { why: 'a package', files: { [protocolFile]: "import { z } from 'zod'\n" }, finds: [1, /must not import zod/] },
  ],
  'every export of protocol is documented': [
    { why: 'none', files: { [protocolFile]: 'export function leafHash() {}\n' }, finds: [1, /leafHash/] },
    {
      why: 'a comment that is not one',
      files: { [protocolFile]: '// Hash of a leaf.\nexport const leafHash = 1\n' },
      finds: [2, /leafHash/],
    },
    {
      why: 'the comment of something else',
      files: { [protocolFile]: '/** Hash of a leaf. */\nconst a = 1\nexport type LeafHash = string\n' },
      finds: [3, /LeafHash/],
    },
  ],
  'every interface method is documented': [
    {
      why: 'one of two',
      files: { [serverFile]: 'interface Log {\n  /** Adds one entry. */\n  add(): { a: 1 }\n  head(): void\n}\n' },
      finds: [4, /head of interface Log/],
    },
    {
      why: 'a property that is a function',
      files: { [serverFile]: 'export interface Log<A extends { b: 1 }> {\n  readonly add: (a: A) => void\n}\n' },
      finds: [2, /add of interface Log/],
    },
  ],
  'durable writes happen in one place': [
    {
      why: 'a file written',
      files: { [serverFile]: "import { readFile, writeFile } from 'node:fs/promises'\n" },
      finds: [1, /^writeFile/],
    },
    {
      why: 'a file renamed',
      files: { [serverFile]: "import { renameSync } from 'node:fs'\n" },
      finds: [1, /renameSync/],
    },
    { why: 'all of it', files: { [serverFile]: "import * as fs from 'node:fs'\n" }, finds: [1, /^\*/] },
    {
      why: 'opened for writing',
      files: { [serverFile]: "import { open } from 'node:fs/promises'\nconst file = await open(name, 'w')\n" },
      finds: [2, /opened for writing/],
    },
    {
      why: 'a database',
      files: { [serverFile]: "import { DatabaseSync } from 'node:sqlite'\n" },
      finds: [1, /node:sqlite/],
    },
  ],
  'every durable write names its own crash point': [
    {
      why: 'no name',
      files: { [serverFile]: 'await replaceFile(path, bytes)\n' },
      finds: [1, /replaceFile without a crash point/],
    },
    {
      why: 'a name that is not literal',
      files: { [serverFile]: 'await database.transaction(point, async (trx) => trx)\n' },
      finds: [1, /transaction without a crash point/],
    },
    {
      why: 'a transaction beside the database',
      files: { [serverFile]: 'await kysely.transaction().execute(work)\n' },
      finds: [1, /transaction without/],
    },
    {
      why: 'a name used twice',
      files: {
        [serverFile]:
          "await blobs.putOnce(key, bytes, { point: 'log.tile' })\n\ndatabase.transaction('log.tile', work)\n",
      },
      finds: [3, /log\.tile is already used at packages\/server\/src\/log\/append\.ts:1/],
    },
  ],
  'nothing is unfinished, skipped or silenced': [
    { why: 'a note to self', files: { [serverFile]: `// ${'TO'}DO later\n` }, finds: [1, /leftover/] },
    { why: 'a skipped test', files: { 'tests/a.test.ts': `\ntest.${'skip'}('x', f)\n` }, finds: [2, /test\.skip/] },
    {
      why: 'a skipped test by option',
      files: { 'tests/a.test.ts': "test('x', { skip: slow }, f)\n" },
      finds: [1, /skip/],
    },
    { why: 'a silenced compiler', files: { 'tools/a.ts': `// @${'ts'}-ignore\n` }, finds: [1, /@ts-/] },
  ],
  'exports have names': [
    { why: 'default', files: { 'tools/a.ts': 'export default 1\n' }, finds: [1, /default export/] },
    { why: 'a barrel', files: { 'tools/a.ts': "export * from './b.ts'\n" }, finds: [1, /only what it defines/] },
    { why: 'a re-export', files: { 'tools/a.ts': "export { b } from './b.ts'\n" }, finds: [1, /only what it defines/] },
    { why: 'a file of everything', files: { 'tools/index.ts': '' }, finds: [1, /named after/] },
  ],
  'no file is longer than 400 lines': [
    { why: '401 lines', files: { 'tools/a.ts': 'a\n'.repeat(401) }, finds: [402, /401 lines/] },
  ],
  'the product imports nothing that is for tests': [
    { why: 'the runner', files: { [serverFile]: "import { test } from 'node:test'\n" }, finds: [1, /node:test/] },
    {
      why: 'a fixture',
      files: { [serverFile]: "import { x } from './authorityFixture.ts'\nimport { y } from './testLog.ts'\n" },
      finds: [2, /testLog.ts is for tests/],
    },
  ],
  'links in documents lead somewhere': [
    { why: 'a file that is gone', files: { 'docs/a.md': 'see [b](b.md)\n' }, finds: [1, /dead link: b\.md/] },
    {
      why: 'a heading that is gone',
      files: { 'docs/a.md': '# One\n[two](#two)\n' },
      finds: [2, /no such heading: #two/],
    },
    { why: 'a picture', files: { 'README.md': '![journey](docs/journey.svg)\n' }, finds: [1, /dead link/] },
    { why: 'a path in code type', files: { 'README.md': '`packages/cli/src/x.ts`\n' }, finds: [1, /no such file/] },
  ],
  'nothing names a place of one machine': [
    { why: 'a folder', files: { 'README.md': `cd ${'/wo'}rk/tree\n` }, finds: [1, /place of one machine/] },
    { why: 'a home', files: { 'tools/a.ts': `'${'/ho'}me/someone/x'\n` }, finds: [1, /place of one machine/] },
    { why: 'a host', files: { 'tools/a.ts': `'https://registry.npm${'js'}.org/'\n` }, finds: [1, /registry/] },
  ],
}

/** What every rule must let pass. */
const good: Files = {
  'packages/protocol/src/log/merkle.ts': [
    "import { createHash } from 'node:crypto'",
    "import type { Hash } from '../json/base64.ts'",
    '',
    '/** Date.now() is only named here, and so is `process.env`. */',
    'export const pattern = /[\'"`]\\/(?=x)/g',
    'const day = new Date(0)',
    '',
    '/** The hash of a leaf. RFC 6962, 2.1. */',
    'export function leafHash(entry: Hash): Hash',
    'export function leafHash(entry: Hash): Hash {',
    "  return createHash('sha256').update(`\u0024{entry}\u0024{`'\u0024{day}'`}/`).digest()",
    '}',
    '',
  ].join('\n'),
  'packages/protocol/src/json/base64.ts': '/** 32 bytes of SHA-256. */\nexport type Hash = Uint8Array\n',
  'packages/server/src/log/append.ts': [
    "import { open, readFile } from 'node:fs/promises'",
    "import { replaceFile } from '@countersign/local/files/durable.ts'",
    '',
    'export interface Log {',
    '  readonly origin: string',
    '  /** Adds an entry. */',
    '  add(entry: string): void',
    '}',
    "const file = await open('x', 'r')",
    "const text = 'x'.replace('a', 'b')",
    "await replaceFile('x', text, { point: 'log.checkpoint' })",
    "await database.transaction('log.commit', async (trx) => {",
    "  await blobs.putOnce(key, bytes, { mode: 0o600, point: 'log.tile' })",
    '})',
    '',
  ].join('\n'),
  'packages/server/src/log/append.test.ts': "import { test } from 'node:test'\nimport { x } from '../trust/x.ts'\n",
  'docs/a.md':
    '# The `log` and its keys\n[up](#the-log-and-its-keys) [b](../docs/) [c](https://example.org/x)\n```\n[x](gone.md)\n```\n',
}

function filesOf(files: Files): SourceFile[] {
  return Object.entries(files).map(([path, text]) => ({ path, text }))
}

for (const [name, rule] of Object.entries(rules)) {
  describe(name, () => {
    const cases = planted[name] ?? []
    test('has something planted for it', () => assert.ok(cases.length > 0))
    for (const { why, files, finds } of cases) {
      test(`catches ${why}`, () => {
        const found = rule(filesOf(files))
        assert.ok(
          found.some((finding) => finding.line === finds[0] && finds[1].test(finding.message)),
          JSON.stringify(found),
        )
      })
    }
    test('lets good files pass', () => assert.deepEqual(rule(filesOf(good)), []))
  })
}

test('masking keeps every offset and blanks what is not code', () => {
  const text = 'a = `x\u0024{b /* c */ + "d\\""}y` // e\nreturn /[/]\'/.test(f) / 2 / 3\n'
  const { code, comments, strings } = maskSource(text)
  assert.equal(code.length, text.length)
  assert.equal(code.replace(/\s+/g, ' '), 'a = ` \u0024{b + " "} ` return / /.test(f) / 2 / 3 ')
  assert.deepEqual(
    comments.map((span) => span.text),
    ['/* c */', '// e'],
  )
  assert.deepEqual(
    strings.map((span) => span.text),
    ['x', 'd\\"', 'y', "[/]'"],
  )
})

test('crash points are listed by name', () => {
  assert.deepEqual(crashPointNames(filesOf(good)), ['log.checkpoint', 'log.commit', 'log.tile'])
})

test('repeated headings get numbered anchors', () => {
  assert.deepEqual([...anchorsOf('# A b\n## A b\n## `x`: y\n')], ['a-b', 'a-b-1', 'x-y'])
})
