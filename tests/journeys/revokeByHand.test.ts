/**
 * Two approvers end trust in bytes that nobody should run any more (design 5): keys made on their own machines, a request
 * that anyone signed in may make, and a record that is in the log and on the wire once the second of them signed.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import type { RevocationRequest } from '@countersign/protocol/api/revocations.ts'
import { decodeBase64 } from '@countersign/protocol/json/base64.ts'
import { parseRevocationLeaf } from '@countersign/protocol/revocation/envelope.ts'
import { distributedPolicy } from '../support/distributedPolicy.ts'
import { expectRun } from '../support/expectRun.ts'
import { runWithDeviceFlow } from '../support/logIn.ts'
import { type Machine, newMachine } from '../support/machine.ts'
import { PageVisitor } from '../support/pageVisitor.ts'
import { redeemInvitation } from '../support/people.ts'
import { countersign } from '../support/programs.ts'
import { type Instance, startInstance } from '../support/startInstance.ts'

const passphrase = 'a passphrase of anna'
const digest = createHash('sha256').update('pump 1.0').digest('hex')

let folder: string
let instance: Instance
let anna: Machine
let ben: Machine
let request: RevocationRequest

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'countersign-revoke-'))
  anna = newMachine(path.join(folder, 'anna'))
  ben = newMachine(path.join(folder, 'ben'))
  const dataFolder = path.join(folder, 'instance')
  instance = await startInstance({ dataFolder, arguments: ['--first-person', 'anna@example.org'] })
  const { ticket } = await instance.admin<{ ticket: string }>('ticket')
  assert.ok(instance.invitation)
  for (const [machine, invitation] of [
    [anna, instance.invitation],
    [ben, await instance.admin<typeof instance.invitation>('people', 'invite', 'ben@example.org')],
  ] as const) {
    expectRun(await machine.countersign('trust', 'add', ticket), 0)
    const browser = new PageVisitor(await machine.deviceRoot())
    await redeemInvitation(browser, invitation)
    await runWithDeviceFlow([...countersign, 'login'], browser, machine.env)
  }
})

after(async () => {
  await instance?.kill()
  rmSync(folder, { recursive: true, force: true })
})

test('each makes a key on their own machine, and the operator takes the public halves into the policy', async () => {
  for (const [machine, name] of [
    [anna, 'anna'],
    [ben, 'ben'],
  ] as const) {
    machine.write('passphrase', `${passphrase}\n`)
    expectRun(await machine.countersign('approver', 'create', name, '--passphrase-file', 'passphrase'), 1, 'chmod 600')
    chmodSync(path.join(machine.folder, 'passphrase'), 0o600)
    const made = await machine.countersign('approver', 'create', name, '--passphrase-file', 'passphrase')
    expectRun(made, 0, `countersign-server approvers add ${name} ${name}.approver.pub.pem`)
    assert.match(machine.read(`${name}.approver.pem`).toString(), /^-----BEGIN ENCRYPTED PRIVATE KEY-----/)
    assert.equal(statSync(path.join(machine.folder, `${name}.approver.pem`)).mode & 0o777, 0o600)
    expectRun(
      await machine.countersign('approver', 'create', name, '--passphrase-file', 'passphrase'),
      64,
      'is there already',
    )
    await instance.admin('approvers', 'add', name, path.join(machine.folder, `${name}.approver.pub.pem`))
  }
  const { revokers } = await distributedPolicy(instance)
  assert.deepEqual(
    revokers.keys.map(({ name }) => name),
    ['anna', 'ben'],
  )
})

test('a dry run tells the reach and asks for nothing', async () => {
  const run = await anna.countersign('revoke', '--digest', `sha256:${digest}`, '--dry-run')
  expectRun(run, 0, '0 of 0 active certifications, 0 devices', 'Nothing was asked for')
  expectRun(await anna.countersign('revoke', '--list'), 0, 'No revocation request waits.')
})

test('what names nothing, or two things, is a mistake; a number that nobody has is refused', async () => {
  expectRun(await anna.countersign('revoke', '--reason', 'x'), 64, 'cli.usage')
  expectRun(await anna.countersign('revoke', '--digest', digest), 64, 'say why')
  expectRun(await anna.countersign('revoke', '--certification', '7', '--reason', 'x'), 1, 'trust.certification-unknown')
})

test('a request waits, and names exactly what approvers will sign', async () => {
  anna.write('pump.tar.gz', 'pump 1.0')
  const reason = ['--reason', 'it overwrites its own configuration', '--blocked']
  const asked = await anna.ask<{ request: RevocationRequest }>('revoke', 'pump.tar.gz', ...reason)
  assert.equal(asked.status, 0)
  request = asked.answer.request
  assert.deepEqual([request.state, request.required, request.requestedBy], ['waiting', 1, 'anna@example.org'])
  const listed = await ben.countersign('revoke', '--list')
  expectRun(listed, 0, request.id, `sha256:${digest}, for good`, 'it overwrites its own configuration')
  const admin = await instance.admin<{ requests: RevocationRequest[] }>('revocations', 'list')
  assert.deepEqual(admin.requests, [request])
})

test('without a confirmation, or with another passphrase, nothing is signed', async () => {
  const approve = ['revoke', '--approve', request.id, '--key', 'ben.approver.pem', '--passphrase-file', 'passphrase']
  expectRun(await ben.countersign(...approve), 1, 'cli.approval-not-confirmed', `sha256:${digest}`)
  ben.write('wrong', 'another passphrase')
  chmodSync(path.join(ben.folder, 'wrong'), 0o600)
  expectRun(await ben.countersign(...approve.slice(0, -1), 'wrong', '--yes'), 1, 'cli.passphrase')
})

test('the approval logs the record, and everybody who listens has it at once', async () => {
  const events = listen(`${instance.publicHttpUrl}/development/revocations/events`)
  const first = await events.next()
  assert.equal(first.id, '0')
  const approve = ['revoke', '--approve', request.id, '--key', 'ben.approver.pem', '--passphrase-file', 'passphrase']
  const run = await ben.countersign(...approve, '--yes')
  expectRun(run, 0, `sha256:${digest}, for good`, 'logged       record 0')
  let event = await events.next()
  while (event.data.entries.length === 0) event = await events.next()
  events.close()
  assert.equal(event.id, '1')
  const { record, signatures } = parseRevocationLeaf(decodeBase64(event.data.entries[0] ?? '', 'the entry'))
  assert.deepEqual([record.scope, record.effect, signatures.length], ['digest', 'blocked', 1])
  expectRun(await ben.countersign(...approve, '--yes'), 0, 'logged       record 0')
})

interface FeedEvent {
  readonly id: string
  readonly data: { readonly checkpoint: string; readonly from: string; readonly entries: readonly string[] }
}

/** Follows server-sent events, one by one. */
function listen(url: string): { next(): Promise<FeedEvent>; close(): void } {
  const events: FeedEvent[] = []
  let wake = () => {}
  let text = ''
  const asked = httpRequest(url, (response) => {
    response.setEncoding('utf8').on('data', (more: string) => {
      const parts = (text + more).split('\n\n')
      text = parts.pop() ?? ''
      for (const part of parts) {
        const [, id = '', data] = /^id: (\d+)\nevent: checkpoint\ndata: (.*)$/.exec(part) ?? []
        if (data !== undefined) events.push({ id, data: JSON.parse(data) })
      }
      wake()
    })
  })
  asked.on('error', () => {}).end()
  return {
    async next() {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const timer = setTimeout(() => reject(new Error('no event within 20 seconds')), 20_000)
      wake = () => events.length > 0 && resolve()
      wake()
      await promise.finally(() => clearTimeout(timer))
      return events.shift() as FeedEvent
    },
    close: () => void asked.destroy(),
  }
}
