/**
 * `npm run test:first-hour`: a stranger follows docs/first-hour.md with the packed programs. Each block is given to a shell as it
 * stands, as somebody without privileges, on one of two machines that are network namespaces; what the guide says is shown
 * must come out. Advisories come from a third namespace, npm's packages through a proxy, and nothing else leaves the three.
 * Needs root for the namespaces. With COUNTERSIGN_TRANSCRIPTS naming a folder, what each terminal showed is kept there.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { npmCommand } from '../../../tools/npmCommand.ts'
import { treeRoot } from '../../../tools/tidy/tree.ts'
import { unprivilegedUser } from '../../../tools/unprivilegedUser.ts'
import { publishAdvisories } from './advisories.ts'
import { mustCover } from './coverage.ts'
import { readGuide } from './guide.ts'
import { type Machine, newMachine } from './machine.ts'
import { makeNetwork } from './network.ts'
import { startNpmProxy } from './npmProxy.ts'
import { makeOwnFiles } from './ownFiles.ts'
import { Reader } from './reader.ts'

const SIGN = 'sign.example.org'
const PUBLISHER = 'osv.example.org'

if (process.getuid?.() !== 0) {
  console.error('first-hour: network namespaces need root')
  process.exit(64)
}
const sections = readGuide(path.join(treeRoot, 'docs', 'first-hour.md'))
mustCover(sections)
const tarballs = packedPrograms()

const folder = mkdtempSync(path.join(tmpdir(), 'cs-'))
chmodSync(folder, 0o755)
const ending: (() => void)[] = [() => rmSync(folder, { recursive: true, force: true })]
const endAll = () => {
  while (ending.length > 0) ending.pop()?.()
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    endAll()
    process.exit(70)
  })
}
try {
  await followGuide()
} catch (error) {
  console.error(`first-hour: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
} finally {
  endAll()
}

async function followGuide(): Promise<void> {
  const network = makeNetwork(
    ['server', 'second', 'publisher'],
    [
      ['second', 'server'],
      ['server', 'publisher'],
      ['second', 'publisher'],
    ],
  )
  ending.push(network.remove)
  for (const machine of ['server', 'second'] as const) {
    const addresses = network.namespaces[machine]?.addresses ?? {}
    const sign = machine === 'server' ? '127.0.0.1' : (addresses.server ?? '')
    network.setHosts(machine, { [SIGN]: sign, [PUBLISHER]: addresses.publisher ?? '' })
  }
  const source = await publishAdvisories(spaceOf('publisher'), PUBLISHER, path.join(folder, 'publisher'))
  ending.push(source.close)
  const proxy = await startNpmProxy()
  ending.push(proxy.close)
  const authorities = withMachinesOwn(source.authorityFile)
  const user = unprivilegedUser()
  const machineNamed = (name: 'server' | 'second machine', at: string) =>
    newMachine({
      name,
      namespace: spaceOf(at),
      folder,
      user,
      path: pathOfMachine(),
      npmSettings: npmSettings(`http://${network.namespaces[at]?.addresses.outside}:${proxy.port}`),
      env: { ADVISORIES: source.url, NODE_EXTRA_CA_CERTS: authorities },
    })
  const machines = {
    server: machineNamed('server', 'server'),
    'second machine': machineNamed('second machine', 'second'),
  }
  ending.push(machines.server.close, machines['second machine'].close)
  for (const machine of Object.values(machines)) {
    for (const tarball of tarballs) machine.bring(tarball, path.join('tarballs', path.basename(tarball)))
  }
  const own = path.join(folder, 'own')
  makeOwnFiles(own)
  for (const name of readdirSync(own)) machines['second machine'].bring(path.join(own, name), path.join('code', name))

  ending.push(() => keepTranscripts(machines))
  const reader = new Reader({ machines, serverAddress: network.addressOf('server') })
  for (const section of sections) await reader.follow(section)
  checkAdvisoryWords(machines, source.records)
  checkLeft(machines)
  for (const host of proxy.hosts) assert.equal(host, registryHost(), 'something besides npm wanted to leave')
  console.log('first-hour: the guide holds')

  function spaceOf(machine: string): string {
    return network.namespaces[machine]?.name ?? ''
  }
}

function keepTranscripts(machines: Readonly<Record<string, Machine>>): void {
  const target = process.env.COUNTERSIGN_TRANSCRIPTS
  if (target === undefined) return
  mkdirSync(target, { recursive: true })
  for (const [name, { desk, terminals }] of Object.entries(machines)) {
    for (const terminal of [desk, ...terminals.values()]) {
      writeFileSync(path.join(target, `${name}, ${terminal.name}.txt`), terminal.output)
    }
  }
}

/** Whoever speaks of advisory data means all of these records, and none calls them a sample: nothing marked them as one. */
function checkAdvisoryWords(machines: Readonly<Record<string, Machine>>, records: number): void {
  const said = Object.values(machines).flatMap(({ desk }) => desk.output.match(/advisory data as of .*/g) ?? [])
  assert.ok(said.length >= 4, `status, scan, submit and verify tell of the advisory data: ${said.join('; ')}`)
  for (const words of said) assert.match(words, new RegExp(`^advisory data as of \\S+, ${records} records\\b`))
}

/** What the guide leaves behind once everything is removed: what its reader brought, and what npm keeps for itself. */
function checkLeft(machines: Readonly<Record<string, { readonly home: string }>>): void {
  for (const [name, { home }] of Object.entries(machines)) {
    const left = readdirSync(home).filter(
      (one) => !['.config', '.npm', '.npmrc', '.local', 'tarballs', 'code'].includes(one),
    )
    assert.deepEqual(left, [], `left on the ${name}`)
    assert.deepEqual(globSync('{.config,.local}/**/*countersign*', { cwd: home }), [], `left on the ${name}`)
  }
}

/** The tarballs of this tree as it is now. */
function packedPrograms(): string[] {
  console.log('first-hour: packing')
  execFileSync(process.execPath, [path.join(treeRoot, 'tools', 'pack.ts')], { stdio: ['ignore', 'ignore', 'inherit'] })
  return globSync(path.join(treeRoot, 'dist', 'tarballs', '*.tgz'))
}

/** The machine’s own Node.js and npm, not those that run this file. */
function pathOfMachine(): string {
  const own = path.dirname(process.execPath)
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .filter((one) => one !== own && !one.includes('node_modules'))
    .join(path.delimiter)
}

/** The authorities that Node.js trusts on this machine beside its own, and one more: as one file. */
function withMachinesOwn(authorityFile: string): string {
  const own = process.env.NODE_EXTRA_CA_CERTS
  const files = [...(own === undefined ? [] : [own]), authorityFile]
  const together = path.join(folder, 'authorities.pem')
  writeFileSync(together, files.map((file) => readFileSync(file, 'utf8')).join('\n'))
  return together
}

/** The registry and authorities of this machine, through the proxy. */
function npmSettings(proxy: string): string[] {
  const cafile = npmSetting('cafile')
  const more = cafile === 'null' || cafile === '' ? [] : [`cafile=${cafile}`]
  return [
    `registry=${npmSetting('registry')}`,
    `proxy=${proxy}`,
    `https-proxy=${proxy}`,
    ...more,
    'update-notifier=false',
  ]
}

function npmSetting(name: string): string {
  const [npm = 'npm', ...more] = npmCommand
  const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore']
  return execFileSync(npm, [...more, 'config', 'get', name], { encoding: 'utf8', stdio }).trim()
}

/** Host and port of npm’s registry. */
function registryHost(): string {
  const { host, port, protocol } = new URL(npmSetting('registry'))
  return port === '' && protocol === 'https:' ? `${host}:443` : host
}
