/** `npm run pack`: compiles every package to JavaScript and makes tarballs in dist/tarballs that install together. */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { npmCommand } from './npmCommand.ts'
import { type PackageJson, publishedPackage } from './publishedPackage.ts'
import { isTest } from './tidy/sourceText.ts'
import { treeRoot } from './tidy/tree.ts'

const packages = ['protocol', 'local', 'platform', 'server', 'validator', 'agent', 'cli']
const dist = path.join(treeRoot, 'dist')
const compiled = path.join(dist, 'compiled')
const tarballs = path.join(dist, 'tarballs')

/** Runs a program in a folder; its messages go to the screen, and a failure ends the packing. */
function run(command: readonly string[], cwd: string): void {
  const [program = '', ...rest] = command
  const done = spawnSync(program, rest, { cwd, stdio: ['ignore', 2, 2] })
  if (done.status === 0) return
  console.error(`pack: failed: ${command.join(' ')}`)
  process.exit(70)
}

/** The sources that are published: everything but tests and what only tests import. */
function publishedSources(): string[] {
  return packages.flatMap((name) =>
    readdirSync(path.join(treeRoot, 'packages', name, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !isTest(`packages/${name}/src/${file.replaceAll('\\', '/')}`))
      .map((file) => path.join(treeRoot, 'packages', name, 'src', file)),
  )
}

/** One compilation for all packages, because they import each other's sources. */
function compile(): void {
  const config = path.join(dist, 'tsconfig.json')
  const options = { noEmit: false, declaration: true, rootDir: path.join(treeRoot, 'packages'), outDir: compiled }
  const files = publishedSources()
  writeFileSync(config, JSON.stringify({ extends: '../tsconfig.json', compilerOptions: options, include: [], files }))
  run([process.execPath, path.join(treeRoot, 'node_modules/typescript/bin/tsc'), '--project', config], treeRoot)
}

/** Lays out one package as it is published. */
function stage(name: string): string {
  const source = path.join(treeRoot, 'packages', name)
  const folder = path.join(dist, 'packages', name)
  mkdirSync(folder, { recursive: true })
  cpSync(path.join(compiled, name, 'src'), path.join(folder, 'dist'), { recursive: true })
  for (const extra of ['bin', 'README.md']) {
    if (existsSync(path.join(source, extra)))
      cpSync(path.join(source, extra), path.join(folder, extra), { recursive: true })
  }
  for (const shared of ['README.md', 'LICENSE']) {
    const isMissing = !existsSync(path.join(folder, shared))
    if (isMissing && existsSync(path.join(treeRoot, shared)))
      cpSync(path.join(treeRoot, shared), path.join(folder, shared))
  }
  const manifest = JSON.parse(readFileSync(path.join(source, 'package.json'), 'utf8')) as PackageJson
  writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(publishedPackage(manifest), null, 2)}\n`)
  return folder
}

rmSync(dist, { recursive: true, force: true })
mkdirSync(tarballs, { recursive: true })
console.log('pack: compiling')
compile()
for (const name of packages) {
  console.log(`pack: ${name}`)
  run([...npmCommand, 'pack', '--silent', '--pack-destination', tarballs], stage(name))
}
for (const file of readdirSync(tarballs).sort()) {
  console.log(
    `${path.join('dist', 'tarballs', file)}  ${Math.ceil(statSync(path.join(tarballs, file)).size / 1024)} KB`,
  )
}
