import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import type { FixtureEntry } from 'countersign-validator/inspector/archiveFixture.ts'
import type { BadInput } from './badInput.ts'
import { bundledCode, nativeAddon } from './bundles.ts'
import { outcomeOf } from './commands.ts'
import {
  certifyVersion,
  type Delivery,
  importAdvisories,
  importCommand,
  importNews,
  openSigner,
  renewToken,
  submission,
  writeAdvisories,
} from './delivery.ts'
import { changeByte } from './lyingMirror.ts'
import { type Files, packed, productFiles, tarOf, type Unclean, without } from './product.ts'
import type { Setting } from './setting.ts'

/** What a submission leaves whatever comes of it: bytes, mail, catalogue and verdict. Certificates and logs are not among it. */
const recordOfSubmission = new RegExp(
  [
    'delivery/data/artifacts/',
    'delivery/table (?:artifacts_stored|artifacts_submissions|sqlite_sequence)$',
    'validator/(?:artifacts|published)/',
    'validator/table (?:certify_submissions|certify_catalogues|sqlite_sequence)$',
  ].join('|'),
)

/** Where nothing names product and version, `submit` does. */
const NAMED = ['--product', 'pump', '--version', '1.0.0']
const DAY_MS = 86_400_000

/** Before anybody has imported advisories: nothing is certified, and what is no advisory data changes nothing. */
export async function noAdvisoryDataRows({ delivery, folder }: Setting): Promise<BadInput[]> {
  const bytes = soundArtifact(delivery)
  const rows = await submissionRows(delivery, makeFolder(folder, 'without-advisory-data'), [
    { input: 'submission while there is no advisory data', expectedCode: 'gap.no-advisory-data', bytes },
  ])
  const place = makeFolder(folder, 'advisories-not-osv')
  writeFileSync(path.join(place, 'TEST-0001.json'), '{"id":"TEST-0001","summary":"says neither when nor what"}')
  return [
    ...rows,
    {
      input: 'advisories that are not OSV',
      expectedCode: 'advisories.not-osv',
      expectedExit: 1,
      recorded: 'nothing',
      run: () => outcomeOf(importCommand(delivery, place)),
    },
  ]
}

/** With advisories that nobody has renewed for a month. */
export async function oldAdvisoryDataRows({ delivery, folder }: Setting): Promise<BadInput[]> {
  const old = { id: 'TEST-0001', package: 'nothing-of-this-test', modified: ago(30 * DAY_MS) }
  await importAdvisories(delivery, writeAdvisories(folder, 'advisories-old', old))
  return submissionRows(delivery, makeFolder(folder, 'by-old-advisory-data'), [
    {
      input: 'submission by advisory data that is too old',
      expectedCode: 'gap.advisory-data-old',
      bytes: soundArtifact(delivery),
    },
  ])
}

/** Artifacts that are broken, hide something, or hold what nobody can attribute; with advisories of today. */
export async function uncleanRows({ delivery, folder }: Setting): Promise<BadInput[]> {
  await importNews(delivery, folder)
  const at = makeFolder(folder, 'unclean')
  await renewToken(delivery)
  // If this is refused, the rows prove nothing.
  await certifyVersion(delivery, path.join(at, 'sound.tar.gz'), 'pump', '0.9.0')
  const files = productFiles(delivery.packages['ms@2.1.3'], 'pump', '1.0.0')
  return submissionRows(delivery, at, [
    ...brokenArchives(files),
    ...changedPackages(files),
    ...(await unattributedCode(files, path.join(at, 'bundled'))),
    ...wrongManifests(files),
  ])
}

function brokenArchives(files: Files): Unclean[] {
  const whole = packed(files)
  const one = (input: string, expectedCode: string, more: readonly FixtureEntry[]) => {
    return { input, expectedCode, bytes: packed(files, more) }
  }
  return [
    {
      input: 'artifact of no bytes',
      expectedCode: 'gap.empty gap.nothing-found',
      bytes: new Uint8Array(),
      options: NAMED,
    },
    {
      input: 'artifact that ends in the middle',
      expectedCode: 'gap.archive-truncated gap.declared-only',
      bytes: whole.subarray(0, whole.length / 2),
      options: NAMED,
    },
    one('archive with a name that leads out (../)', 'gap.archive-unsafe-path', [{ name: '../evil.js' }]),
    one('archive with an absolute name', 'gap.archive-unsafe-path', [{ name: '/etc/evil.js' }]),
    one('archive with a link that leads out', 'gap.archive-unsafe-link', [{ name: 'a', type: '2', link: '../../etc' }]),
    one('archive with a hard link that leads out', 'gap.archive-unsafe-link', [{ name: 'a', type: '1', link: '../b' }]),
    one('archive with a name twice', 'gap.archive-duplicate-name', [{ name: './server.js', content: 'evil()' }]),
    { input: 'archive that unpacks to 300 times its size', expectedCode: 'gap.archive-bomb', bytes: bomb(files) },
    one('archive of 100,000 folders, each in the one before', 'gap.archive-too-deep', nestedFolders()),
  ]
}

function bomb(files: Files): Uint8Array {
  const sizeBytes = 256 * 1024 * 1024
  return gzipSync(
    Buffer.concat([tarOf(files, [{ name: 'zeros', size: sizeBytes }]).subarray(0, -1024), Buffer.alloc(sizeBytes)]),
  )
}

/** Extended headers (POSIX pax) hold at most 64 KiB, so the deepest folders are named again and again. */
function nestedFolders(): FixtureEntry[] {
  return Array.from({ length: 100 }, (_, at) => {
    const record = ` path=${'a/'.repeat((at + 1) * 1000).slice(0, 60_000)}\n`
    const content = `${record.length + String(record.length + 5).length}${record}`
    return [{ name: 'p', type: 'x', content }, ...Array<FixtureEntry>(1000).fill({ name: 'a/', type: '5' })]
  }).flat()
}

function changedPackages(files: Files): Unclean[] {
  const ms = 'node_modules/ms/'
  const metadata = String(files[`${ms}package.json`])
  const one = (input: string, expectedCode: string, changes: Files) => {
    return { input, expectedCode, bytes: packed({ ...files, ...changes }) }
  }
  const code = String(files[`${ms}index.js`])
  const manifest = JSON.parse(String(files['countersign.json']))
  /** A copy of the package beside `node_modules`, declared as first-party source. */
  const vendored = (description: string, source: string | Uint8Array = code) => ({
    'countersign.json': JSON.stringify({ ...manifest, firstParty: [...manifest.firstParty, 'lib/**'] }),
    'lib/ms/package.json': description,
    'lib/ms/index.js': source,
  })
  return [
    one('installed package with another version number', 'gap.lockfile-disagrees gap.component-altered', {
      [`${ms}package.json`]: metadata.replace('"2.1.3"', '"2.1.2"'),
    }),
    one('installed package under another name', 'gap.lockfile-disagrees gap.component-altered', {
      [`${ms}package.json`]: metadata.replace('"name": "ms"', '"name": "milliseconds"'),
    }),
    {
      input: 'installed package under a name that no registry has, in the lockfile too',
      expectedCode: 'gap.not-compared',
      bytes: packed(renamed(files, 'ms', 'ms-of-this-test-only')),
    },
    one('installed package with one byte changed', 'gap.component-altered', {
      [`${ms}index.js`]: changeByte(Buffer.from(files[`${ms}index.js`] ?? '')),
    }),
    one('vendored copy of a package, without its package.json', 'gap.unattributed-code', {
      'vendor/ms/index.js': code,
    }),
    one(
      'vendored copy with its package.json, one byte changed, declared as first-party source',
      'gap.component-altered',
      vendored(metadata, changeByte(Buffer.from(code))),
    ),
    one(
      'vendored copy under a version that was never published, declared as first-party source',
      'gap.not-compared',
      vendored(metadata.replace('"2.1.3"', '"2.1.999"')),
    ),
    one(
      'vendored copy that does not say its version, declared as first-party source',
      'gap.component-unknown',
      vendored('{"name":"ms"}'),
    ),
    one('lockfile that disagrees with what is installed', 'gap.lockfile-disagrees', {
      'package-lock.json': String(files['package-lock.json']).replaceAll('2.1.3', '2.1.2'),
    }),
  ]
}

/** The package under another name, wherever the artifact names it. */
function renamed(files: Files, from: string, to: string): Files {
  const rename = (text: string) =>
    text.replaceAll(`"${from}"`, `"${to}"`).replaceAll(`node_modules/${from}`, `node_modules/${to}`)
  return Object.fromEntries(
    Object.entries(files).map(([name, content]) => {
      return [rename(name), name.endsWith('.json') ? rename(Buffer.from(content).toString()) : content]
    }),
  )
}

async function unattributedCode(files: Files, folder: string): Promise<Unclean[]> {
  return [
    ...(await bundledCode(files, folder)),
    {
      input: 'native addon of unknown origin',
      expectedCode: 'gap.native-code',
      bytes: packed({ ...files, 'build/Release/pump.node': nativeAddon() }),
    },
  ]
}

function wrongManifests(files: Files): Unclean[] {
  const nobody = { ...without(files, 'countersign.json', 'server.js') }
  return [
    {
      input: 'artifact without a manifest, and nobody says what it is',
      expectedCode: 'certify.product-unknown',
      expectedExit: 2,
      bytes: packed(nobody),
    },
    {
      input: 'manifest that disagrees with the submission',
      expectedCode: 'certify.product-mismatch',
      expectedExit: 2,
      bytes: packed({ ...files, 'server.js': `${files['server.js']}// another artifact\n` }),
      options: ['--product', 'valve', '--version', '1.0.0'],
    },
  ]
}

async function submissionRows(delivery: Delivery, folder: string, artifacts: readonly Unclean[]): Promise<BadInput[]> {
  await renewToken(delivery)
  const sign = await openSigner(delivery)
  const rows: BadInput[] = []
  for (const [at, { bytes, options = [], expectedExit = 1, ...named }] of artifacts.entries()) {
    const file = path.join(folder, `artifact-${at}`)
    await sign(file, bytes)
    rows.push({
      ...named,
      expectedExit,
      recorded: { kinds: ['submission.ended'] },
      mayChange: recordOfSubmission,
      run: () => delivery.client.run(...submission(delivery, file, ...options)),
    })
  }
  return rows
}

function soundArtifact({ packages }: Delivery): Uint8Array {
  return packed(productFiles(packages['ms@2.1.3'], 'pump', '1.0.0'))
}

function makeFolder(parent: string, name: string): string {
  const folder = path.join(parent, name)
  mkdirSync(folder, { recursive: true })
  return folder
}

function ago(ms: number): string {
  return new Date(Date.now() - ms).toISOString()
}
