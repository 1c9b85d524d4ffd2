import { hash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { decodeEntryBundle, encodeEntryBundle } from '@countersign/protocol/log/entryBundle.ts'
import { TILE_WIDTH } from '@countersign/protocol/log/tiles.ts'
import { callInstance } from '../../support/callInstance.ts'
import { distributedPolicy } from '../../support/distributedPolicy.ts'
import { type Approver, addApprover, approve, askToEnd } from './approvals.ts'
import type { BadInput } from './badInput.ts'
import type { Client } from './client.ts'
import { type Delivery, renewToken } from './delivery.ts'
import { enrolDevice } from './device.ts'
import { assignTo, fetchedFiles, versionFile } from './devices.ts'
import { forkOf } from './logs.ts'
import type { Lie } from './lyingMirror.ts'
import type { Setting } from './setting.ts'

const FEED = '/development/revocations/'
const everything = new RegExp(FEED)
const checkpoint = new RegExp(`${FEED}checkpoint$`)
const entries = new RegExp(`${FEED}tile/entries/`)

/** A mirror of the revocation feed, which must not keep an ending from a machine without that machine noticing. */
export async function feedRows(setting: Setting): Promise<BadInput[]> {
  const { delivery, clients, folder } = setting
  await renewToken(delivery)
  const deceived = await enrolDevice(setting, 'deceived')
  const installed = await deceived.visit()
  if (deceived.running() === undefined) throw new Error(`the device installs nothing: ${installed.code}`)
  const approver = await addApprover(delivery, 'approver', ['digest'])
  // Lets the client follow the logs, and the policy that names the approver.
  const file = versionFile(setting, 'pump 1.1.0')
  await delivery.client.run('verify', file)
  const machine = (name: string) => clients.make(`feed-${name}`, delivery.client)
  const [skipped, forked, replayed, withheld, stale] = [
    ...[machine('skipped'), machine('forked'), machine('replayed')],
    ...[machine('withheld'), machine('stale')],
  ] as const
  const old = await readCheckpoint(delivery)
  await endSomething(delivery, approver)
  const fork = await forkOfFeed(delivery)
  // These know the newest record; the others have still to learn of it.
  for (const one of [forked, replayed, stale]) await one.run('verify', file)
  await deceived.visit()
  // Of a newer release, which it may not install while it is lied to.
  await assignTo(delivery, 'device', deceived.name, { product: 'pump', channel: 'stable' })

  const strict = await writeStrictPolicy(delivery, folder)
  const row = (input: string, expectedCode: string, run: BadInput['run']): BadInput => {
    return { input, expectedCode, expectedExit: 2, recorded: 'nothing', run }
  }
  const lied = (about: RegExp, lie: Lie, one: Client, ...words: readonly string[]) => {
    return () => delivery.mirror.whileLying(about, lie, () => one.run('verify', file, ...words))
  }
  const forking = () => Buffer.from(fork)
  return [
    row('feed that skips a record', 'feed.tiles-wrong', lied(entries, withoutFirst, skipped)),
    row('feed that forks', 'feed.forked', lied(checkpoint, forking, forked)),
    row(
      'feed that is replayed',
      'feed.rolled-back',
      lied(checkpoint, () => Buffer.from(old), replayed),
    ),
    row(
      'feed that is withheld, longer than the policy bears',
      'decide.stale',
      lied(everything, () => undefined, withheld, ...strict),
    ),
    row('feed that says nothing new, longer than the policy bears', 'decide.stale', () =>
      stale.run('verify', file, ...strict),
    ),
    {
      ...row('feed that forks: device with a release to install', 'feed.forked enforce.cannot-tell', () =>
        delivery.mirror.whileLying(checkpoint, forking, () => deceived.visit()),
      ),
      expectedExit: 0,
      mayChange: fetchedFiles(deceived),
    },
  ]
}

/** Logs a record that ends trust in bytes that nobody has. */
async function endSomething(delivery: Delivery, approver: Approver): Promise<void> {
  const request = await askToEnd(delivery, hash('sha256', 'bytes that nobody has'))
  const { code, exitCode } = await approve(delivery, request, approver)
  if (exitCode !== 200) throw new Error(`the record is not logged: ${code}`)
}

async function readCheckpoint({ instance }: Delivery): Promise<string> {
  return (await callInstance(`${instance.publicHttpUrl}${FEED}checkpoint`)).bytes.toString('utf8')
}

async function forkOfFeed(delivery: Delivery): Promise<string> {
  const origin = `${new URL(delivery.publicUrl).host}${FEED.slice(0, -1)}`
  return forkOf(delivery, { keyName: 'log-revocations', origin }, await readCheckpoint(delivery))
}

function withoutFirst(bundle: Uint8Array): Uint8Array {
  return encodeEntryBundle(decodeEntryBundle(bundle, { maxEntries: TILE_WIDTH }).slice(1))
}

/** The distributed policy, but nothing may be older than a second. The heartbeat is paused, so everything is. */
async function writeStrictPolicy({ instance }: Delivery, folder: string): Promise<readonly string[]> {
  const file = path.join(folder, 'policy-strict.json')
  writeFileSync(file, JSON.stringify({ ...(await distributedPolicy(instance)), maxStaleness: '1s' }))
  return ['--policy', file]
}
