/**
 * `npm run test:catalogue`: installs 30 named packages with npm, packs each tree, and compares the catalogue with
 * `npm ls --all --json` as a set of name@version. Needs the registry, or npm's cache of it.
 */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { inspect } from 'countersign-validator/inspector/inspect.ts'
import { openPublishedPackages } from 'countersign-validator/inspector/publishedPackages.ts'
import { npmCommand } from '../../../tools/npmCommand.ts'
import { mustRun, runProgram } from '../../support/runProgram.ts'
import { inTemporaryFolder } from '../../support/temporaryFolder.ts'
import { type ComparedPackage, comparedPackages } from './packages.ts'

interface NpmNode {
  readonly name?: string
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, NpmNode>>
}

interface Compared {
  readonly onlyNpm: readonly string[]
  readonly onlyCatalogue: readonly string[]
  readonly components: number
  readonly content: number
  readonly gaps: readonly { readonly code: string; readonly path: string; readonly detail: string }[]
}

const INSTALL_TIMEOUT_MS = 300_000

/** What npm says is installed. `--long` names a package that is installed under an alias by its own name. */
function named(node: NpmNode, into = new Set<string>()): Set<string> {
  for (const [key, child] of Object.entries(node.dependencies ?? {})) {
    if (child.version === undefined) continue
    into.add(`${child.name ?? key}@${child.version}`)
    named(child, into)
  }
  return into
}

async function compare({ name, version }: ComparedPackage, folder: string, kept: string): Promise<Compared> {
  await mkdir(folder, { recursive: true })
  const root = { name: 'compared', version: '1.0.0', private: true, dependencies: { [name]: version } }
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(root))
  const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund']
  await mustRun([...npmCommand, ...install], { cwd: folder, timeoutMs: INSTALL_TIMEOUT_MS })
  // npm ls complains by its status about what it calls invalid and prints the tree all the same.
  const listed = await runProgram([...npmCommand, 'ls', '--all', '--json', '--long'], { cwd: folder })
  const expected = named(JSON.parse(listed.stdout) as NpmNode)
  const archive = `${folder}.tar.gz`
  const packed = ['package.json', 'package-lock.json', 'node_modules']
  await mustRun(['tar', '-czf', archive, '-C', folder, ...packed])
  const bytes = readFileSync(archive)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const published = openPublishedPackages({ folder: kept })
  const { catalogue } = await inspect({ path: archive, sha256, sizeBytes: bytes.length, published })
  const found = new Set(catalogue.components.map((one) => `${one.name}@${one.version}`))
  return {
    onlyNpm: [...expected.difference(found)],
    onlyCatalogue: [...found.difference(expected)],
    components: catalogue.components.length,
    content: catalogue.components.filter(({ evidence }) => evidence === 'content').length,
    gaps: catalogue.gaps,
  }
}

await inTemporaryFolder('countersign-catalogue-', async (folder) => {
  let equal = 0
  for (const [at, one] of comparedPackages.entries()) {
    const result = await compare(one, path.join(folder, String(at)), path.join(folder, 'published'))
    const isEqual = result.onlyNpm.length === 0 && result.onlyCatalogue.length === 0 && result.components > 0
    if (isEqual) equal++
    const counts = `${result.components} components, ${result.content} by content, ${result.gaps.length} gaps`
    console.log(`${isEqual ? 'equal    ' : 'DIFFERENT'}  ${one.name}@${one.version}: ${counts}`)
    for (const spec of result.onlyNpm) console.log(`    only npm ls: ${spec}`)
    for (const spec of result.onlyCatalogue) console.log(`    only the catalogue: ${spec}`)
    for (const gap of result.gaps.slice(0, 5)) console.log(`    ${gap.code} ${gap.path}: ${gap.detail}`)
  }
  console.log(`npm ls: ${equal} of ${comparedPackages.length} packages equal`)
  process.exitCode = equal === comparedPackages.length ? 0 : 1
})
