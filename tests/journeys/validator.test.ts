/**
 * Another party validates too: its own data folder, key and advisories, enrolled by a ticket. The policy asks for two of
 * two, so one certification is not enough; once the second validator has certified, it is. Removed, it counts no more. What
 * is run in the foreground all the while stops when an advisory ends its certification.
 */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import type { InstanceStatus } from '@countersign/protocol/api/admin.ts'
import { distributedPolicy } from '../support/distributedPolicy.ts'
import { expectRun } from '../support/expectRun.ts'
import { freePort } from '../support/freePort.ts'
import { runWithDeviceFlow } from '../support/logIn.ts'
import { type Machine, newMachine } from '../support/machine.ts'
import { PageVisitor } from '../support/pageVisitor.ts'
import { redeemInvitation } from '../support/people.ts'
import { countersign, countersignServer, countersignValidator } from '../support/programs.ts'
import { mustRun, runProgram } from '../support/runProgram.ts'
import { type Instance, startInstance } from '../support/startInstance.ts'
import { type RunningValidator, startValidator } from '../support/startValidator.ts'
import { type PackedProduct, packProduct } from '../threats/product.ts'
import { type Device, startDevice } from './demo/device.ts'

const advisories = path.join(import.meta.dirname, 'demo', 'advisories', 'initial')

/** What `countersign verify --json` answers, as far as the story looks at it. */
interface Verified {
  readonly answer: 'yes' | 'no' | 'cannot tell'
  readonly reasons: readonly string[]
  readonly certifications: readonly { validator: string; number: string; sameOperator: boolean; state: string }[]
}

/** What `countersign submit --json` answers, as far as the story looks at it. */
interface Submitted {
  readonly submissions: readonly {
    readonly validator: string
    readonly state: string
    readonly decision?: { readonly reasons: readonly string[] }
    readonly certification?: { readonly number: string; readonly files: readonly string[] }
  }[]
}

/** What `countersign affected --json` answers, as far as the story looks at it. */
interface Affected {
  readonly affected: readonly {
    readonly validator: string
    readonly state: string
    readonly sha256: string
    readonly finding: { readonly path: readonly string[] }
    readonly devices: readonly { readonly name: string; readonly group: string }[]
  }[]
}

const WAIT_MS = 30_000

/** Waits until `isSo`; fails with `what` after half a minute. */
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + WAIT_MS; !(await isSo()); ) {
    assert.ok(performance.now() < end, what)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

let folder: string
let instance: Instance
let lab: RunningValidator
let developer: Machine
let ticketFile: string
let product: PackedProduct
let front: Device | undefined

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'countersign-validator-'))
  ticketFile = path.join(folder, 'lab.ticket')
  developer = newMachine(path.join(folder, 'developer'))
  const dataFolder = path.join(folder, 'instance')
  instance = await startInstance({ dataFolder, validator: true, arguments: ['--first-person', 'dev@example.org'] })
  const { ticket } = await instance.admin<{ ticket: string }>('ticket')
  expectRun(await developer.countersign('trust', 'add', ticket), 0)
  const browser = new PageVisitor(await developer.deviceRoot())
  assert.ok(instance.invitation)
  await redeemInvitation(browser, instance.invitation)
  await runWithDeviceFlow([...countersign, 'login'], browser, developer.env)
  await imported(path.join(dataFolder, 'validator'))
  product = await packProduct(folder, { version: '1.0.0' })
  expectRun(await developer.countersign('sign', product.archive, '--yes'), 0)
})

after(async () => {
  await front?.stop()
  await lab?.kill()
  await instance?.kill()
  rmSync(folder, { recursive: true, force: true })
})

async function imported(validatorFolder: string): Promise<void> {
  await mustRun([...countersignValidator, 'advisories', 'import', advisories, '--data', validatorFolder])
}

async function submit(...more: readonly string[]): Promise<Submitted['submissions']> {
  return (await developer.ask<Submitted>('submit', product.archive, '--wait', ...more)).answer.submissions
}

async function verify(...more: readonly string[]): Promise<Verified> {
  return (await developer.ask<Verified>('verify', product.archive, ...more)).answer
}

async function askFor(required: number): Promise<void> {
  const policy = await distributedPolicy(instance)
  const file = path.join(folder, 'policy.json')
  writeFileSync(file, JSON.stringify({ ...policy, validators: { ...policy.validators, required } }))
  await instance.admin('policy', 'set', file)
}

test('the operator lets another party in: a ticket, and a name in the policy', async () => {
  const added = await instance.admin<{ name: string; ticket: string }>('validators', 'add', 'lab')
  writeFileSync(ticketFile, `${added.ticket}\n`, { mode: 0o600 })
  const { validators } = await distributedPolicy(instance)
  assert.deepEqual(
    [validators.required, ...validators.of.map(({ subject }) => subject)],
    [1, `${instance.publicUrl}/validators/embedded`, `${instance.publicUrl}/validators/lab`],
  )
})

test('it enrols with its ticket file on a folder of its own; nobody enrols with that ticket again', async () => {
  const dataFolder = path.join(folder, 'lab')
  lab = await startValidator({ dataFolder, ticketFile })
  assert.deepEqual([lab.name, lab.subject], ['lab', `${instance.publicUrl}/validators/lab`])
  assert.equal(statSync(dataFolder).mode & 0o077, 0, 'the folder is for the validator alone')
  const thief = ['serve', '--data', path.join(folder, 'thief'), '--ticket-file', ticketFile]
  expectRun(await runProgram([...countersignValidator, ...thief]), 1, 'fleet.ticket-used')
  assert.ok(!lab.output().includes(readFileSync(ticketFile, 'utf8').trim()))
})

test('without advisories of its own it certifies nothing, says so in status, and one of two is a no', async () => {
  await askFor(2)
  const own = await runProgram([...countersignValidator, 'status', '--data', lab.dataFolder])
  expectRun(own, 1, 'no advisory data: nothing will be certified')
  const seen = await runProgram([...countersignServer, 'status', '--data', instance.dataFolder])
  expectRun(seen, 1, /lab +enrolled +another operator/, 'no advisory data: nothing will be certified')

  const both = await submit()
  assert.deepEqual(
    both.map(({ validator, state }) => [validator, state]),
    [
      ['embedded', 'certified'],
      ['lab', 'refused'],
    ],
  )
  assert.ok(both[1]?.decision?.reasons.includes('no advisory data: nothing will be certified'))
  const { answer, certifications } = await verify()
  assert.deepEqual([answer, certifications.length], ['no', 1])
})

test('with advisories it certifies too: the same submission again, another number, and now verify says yes', async () => {
  await imported(lab.dataFolder)
  const both = await submit()
  assert.deepEqual(
    both.map(({ validator, state }) => [validator, state]),
    [
      ['embedded', 'certified'],
      ['lab', 'certified'],
    ],
  )
  const numbers = both.map(({ certification }) => certification?.number)
  assert.equal(new Set(numbers).size, 2)
  for (const more of [[], ['--offline']]) {
    const { answer, reasons, certifications } = await verify(...more)
    assert.equal(answer, 'yes', reasons.join('; '))
    assert.deepEqual(
      certifications.map(({ validator, sameOperator, state }) => [path.basename(validator), sameOperator, state]),
      [
        ['embedded', true, 'active'],
        ['lab', false, 'active'],
      ],
    )
  }
  const [, own] = both
  const [certification = ''] = own?.certification?.files ?? []
  const alone = await verify('--certification', certification)
  assert.deepEqual([alone.answer, alone.certifications.length], ['no', 1])
})

test('a device runs what both have certified', async () => {
  await instance.admin('groups', 'assign', 'shop', 'files')
  await instance.admin('releases', 'publish', product.sha256, '--channel', 'stable')
  const { ticket } = await instance.admin<{ ticket: string }>('devices', 'ticket', 'front', '--group', 'shop')
  front = await startDevice('front', ticket, folder, ['--poll', '1'])
  await front.runs('1.0.0')
})

test('it goes on where it was after a restart, without a ticket; now it takes advisories at once too', async () => {
  await lab.stop()
  const secretFile = path.join(folder, 'webhook.secret')
  const secret = 'correct horse battery staple'
  writeFileSync(secretFile, `${secret}\n`, { mode: 0o600 })
  const listen = `127.0.0.1:${await freePort()}`
  const webhook = ['--listen', listen, '--webhook-secret-file', secretFile]
  lab = await startValidator({ dataFolder: lab.dataFolder, arguments: webhook })
  assert.ok(lab.advisories.records > 0)
  const shown = await runProgram([...countersignServer, 'status', '--data', instance.dataFolder, '--json'])
  const status = JSON.parse(shown.stdout) as InstanceStatus
  const known = status.validators.find(({ name }) => name === 'lab')
  assert.deepEqual([known?.state, known?.otherOperator, known?.advisories?.sample], ['enrolled', true, true])

  const modified = new Date().toISOString()
  const about = { ecosystem: 'npm', name: 'follow-redirects' }
  const affected = [
    { package: about, ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '99.0.0' }] }] },
  ]
  const record = JSON.stringify({ id: 'GHSA-test-only-0001', modified, affected })
  const push = (key: string) =>
    fetch(`http://${listen}/advisories`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-countersign-signature': `sha256=${createHmac('sha256', key).update(record).digest('hex')}`,
      },
      body: record,
    })
  assert.equal((await push('another secret')).status, 401)
  assert.equal((await verify()).answer, 'yes')
  const taken = await push(secret)
  assert.equal(taken.status, 200)
  assert.equal(((await taken.json()) as { changed: number }).changed, 1)
  await until('the certification of lab ends', async () => (await verify()).answer === 'no')
  const states = (await verify()).certifications.map((one) => [path.basename(one.validator), one.state])
  assert.deepEqual(states, [
    ['embedded', 'active'],
    ['lab', 'ended'],
  ])
})

test('whoever asks learns what the advisory reaches: artifact, certification, device, and the path to the component', async () => {
  const asked = () => developer.countersign('affected', 'GHSA-test-only-0001')
  await until('lab has told it', async () => (await asked()).status === 0)
  const component = /pkg:npm\/follow-redirects@[\d.]+/
  expectRun(
    await asked(),
    0,
    /files 1\.0\.0 +certification \d+ by lab: ended/,
    `artifact  sha256:${product.sha256}`,
    new RegExp(`component ${component.source} .*fixed in 99\\.0\\.0`),
    new RegExp(`path +.*${component.source}`),
    /device +front \(shop\)/,
  )
  const { answer } = await developer.ask<Affected>('affected', 'GHSA-test-only-0001')
  const [found, ...others] = answer.affected
  assert.deepEqual(others, [])
  assert.deepEqual([found?.validator, found?.state, found?.sha256], ['lab', 'ended', product.sha256])
  assert.match(found?.finding.path.at(-1) ?? '', component)
  assert.deepEqual(
    found?.devices.map(({ name, group }) => [name, group]),
    [['front', 'shop']],
  )
})

test('while two are asked for it cannot be removed; then it is, and its certifications count no more', async () => {
  const remove = [...countersignServer, 'validators', 'remove', 'lab', '--data', instance.dataFolder]
  expectRun(await runProgram(remove), 1, 'fleet.validator-needed')
  await askFor(1)
  expectRun(await runProgram(remove), 0, 'lab certifies no more')
  const { validators } = await distributedPolicy(instance)
  assert.deepEqual(
    validators.of.map(({ name }) => name),
    ['embedded'],
  )
  assert.equal((await verify()).answer, 'yes')
  const [embedded, own] = ['embedded', 'lab'].map((name) => `${product.archive}.${name}.certification.sigstore.json`)
  assert.equal((await verify('--certification', embedded ?? '')).answer, 'yes')
  assert.equal((await verify('--certification', own ?? '')).answer, 'no')
  expectRun(
    await developer.countersign('submit', product.archive, '--validator', 'lab'),
    1,
    'artifacts.validator-unknown',
  )
})

test('what runs in the foreground is stopped by an advisory: exit status 1, and the process is gone', async () => {
  const port = await freePort()
  const running = developer.countersign('run', product.archive, '--port', String(port))
  const asked = async () => (await fetch(`http://127.0.0.1:${port}/`)).text()
  await until('the program answers', async () => (await asked().catch(() => '')) === 'files 1.0.0\n')
  const pid = listenerOf(port)
  assert.ok(pid !== undefined && existsSync(`/proc/${pid}`))

  const worse = path.join(folder, 'worse')
  mkdirSync(worse)
  const modified = new Date().toISOString()
  const about = { ecosystem: 'npm', name: 'follow-redirects' }
  const ranges = [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '99.0.0' }] }]
  writeFileSync(path.join(worse, 'SAMPLE'), '')
  writeFileSync(
    path.join(worse, 'GHSA-test-only-0002.json'),
    JSON.stringify({ id: 'GHSA-test-only-0002', modified, affected: [{ package: about, ranges }] }),
  )
  const embedded = path.join(instance.dataFolder, 'validator')
  await mustRun([...countersignValidator, 'advisories', 'import', worse, '--data', embedded])
  expectRun(await running, 1, 'run.recalled', 'GHSA-test-only-0002')
  assert.equal(existsSync(`/proc/${pid}`), false)
  await assert.rejects(asked(), 'nobody answers on its port')
})

/** Number of the process that listens on this port of 127.0.0.1, by what the kernel says of its sockets. */
function listenerOf(port: number): number | undefined {
  const address = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const rows = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((row) => row.trim().split(/\s+/))
  const inode = rows.find(([, local, , state]) => local === address && state === '0A')?.[9]
  const sockets = (pid: string) => {
    try {
      return readdirSync(`/proc/${pid}/fd`).map((name) => readlinkSync(`/proc/${pid}/fd/${name}`))
    } catch {
      return []
    }
  }
  const found = readdirSync('/proc').find((name) => /^\d+$/.test(name) && sockets(name).includes(`socket:[${inode}]`))
  return found === undefined ? undefined : Number(found)
}
