import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { mustRun } from '../support/runProgram.ts'
import { versions } from './versions.ts'

/** Where the programs are, once installed. */
export interface Judges {
  readonly cosign: string
  readonly sigstorePython: string
  readonly tesseraFsck: string
  readonly tesseractFsck: string
  /** The versions that the programs themselves name, for the report. */
  readonly report: readonly string[]
}

const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'countersign-interop')
const buildTimeoutMs = 45 * 60_000

// Nobody debugs the judges, and without what debuggers need, and without C, they take an eighth less to build.
const goFlags = ['-ldflags=-s', '-gcflags=all=-dwarf=false']
const goEnvironment = { CGO_ENABLED: '0' }

/** Makes a file or folder of the cache unless it is there. It appears under its name only when it is complete. */
async function once(name: string, make: (target: string) => Promise<void>): Promise<string> {
  const target = path.join(cache, name)
  if (existsSync(target)) return target
  console.log(`installing ${name} (once; kept in ${cache}) …`)
  mkdirSync(path.dirname(target), { recursive: true })
  const startedAt = Date.now()
  await make(target)
  console.log(`installed ${name} in ${Math.round((Date.now() - startedAt) / 1000)} s`)
  return target
}

/** Installs one program of a Go module at a version; its module's checksums are in Go's public checksum database. */
function goInstall(name: string, program: string, version: string): Promise<string> {
  return once(`${name}-${version}`, async (target) => {
    const folder = `${target}.building`
    mkdirSync(folder, { recursive: true })
    const env = { ...goEnvironment, GOBIN: folder }
    await mustRun(['go', 'install', ...goFlags, `${program}@${version}`], { env, timeoutMs: buildTimeoutMs })
    renameSync(path.join(folder, path.basename(program)), target)
  })
}

/** Builds a program from the module in `go/`, where every dependency is pinned by hash. */
function goBuild(name: string, program: string, version: string): Promise<string> {
  return once(`${name}-${version}`, async (target) => {
    const building = `${target}.building`
    const cwd = path.join(import.meta.dirname, 'go')
    const command = ['go', 'build', ...goFlags, '-o', building, program]
    await mustRun(command, { cwd, env: goEnvironment, timeoutMs: buildTimeoutMs })
    renameSync(building, target)
  })
}

/** Installs a Python program into an environment of its own. The folder cannot be renamed, so a mark says that it is complete. */
function pipInstall(name: string, project: string, version: string): Promise<string> {
  const folder = path.join(cache, `${name}-${version}.venv`)
  return once(`${name}-${version}`, async (target) => {
    await mustRun(['python3', '-m', 'venv', '--clear', folder], { timeoutMs: buildTimeoutMs })
    const pip = path.join(folder, 'bin', 'pip')
    await mustRun([pip, 'install', '--quiet', `${project}==${version}`], { timeoutMs: buildTimeoutMs })
    await mustRun(['ln', '-s', path.join(folder, 'bin', project), target])
  })
}

/** Installs what is missing and asks each program for its version, which proves that it starts. */
export async function installJudges(): Promise<Judges> {
  // Side by side, because one waits for the network and the other for processors.
  const [sigstorePython, built] = await Promise.all([
    pipInstall('sigstore-python', 'sigstore', versions.sigstorePython),
    buildJudges(),
  ])
  const asked = await Promise.all([
    mustRun([built.cosign, 'version']).then(({ stdout }) => `cosign ${/GitVersion:\s*(\S+)/.exec(stdout)?.[1]}`),
    mustRun([sigstorePython, '--version']).then(({ stdout }) => `sigstore-python ${/\d\S+/.exec(stdout)?.[0]}`),
    mustRun(['openssl', 'version']).then(({ stdout }) => stdout.trim()),
  ])
  const node = ['sign', 'verify'].map((name) => `@sigstore/${name} ${versionOf(`@sigstore/${name}`)}`)
  const fscks = [`Tessera fsck ${versions.tessera}`, `TesseraCT fsck ${versions.tesseract}`]
  return { ...built, sigstorePython, report: [...asked, ...node, ...fscks] }
}

/** Those written in Go, one after the other: they share most of what they are built from, and each uses every processor. */
async function buildJudges(): Promise<Pick<Judges, 'cosign' | 'tesseraFsck' | 'tesseractFsck'>> {
  const tesseraFsck = await goInstall('tessera-fsck', 'github.com/transparency-dev/tessera/cmd/fsck', versions.tessera)
  const tesseractFsck = await goBuild(
    'tesseract-fsck',
    'github.com/transparency-dev/tesseract/cmd/fsck',
    versions.tesseract,
  )
  const cosign = await goInstall('cosign', 'github.com/sigstore/cosign/v3/cmd/cosign', versions.cosign)
  return { cosign, tesseraFsck, tesseractFsck }
}

function versionOf(name: string): string {
  const file = path.join(import.meta.dirname, '..', '..', 'node_modules', name, 'package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
