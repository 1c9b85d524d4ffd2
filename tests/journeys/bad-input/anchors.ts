import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseTicket, type Ticket, writeTicket } from '@countersign/protocol/api/ticket.ts'
import { callInstance } from '../../support/callInstance.ts'
import { freePort } from '../../support/freePort.ts'
import { type BadInput, rowMaker } from './badInput.ts'
import { changedBase64 } from './bundleJson.ts'
import type { Client } from './client.ts'
import { changeByte, type Lie } from './lyingMirror.ts'
import type { Production, Setting } from './setting.ts'

const timestamp = /\/tuf\/timestamp\.json$/

/** Tickets that must not bring trust. */
export async function ticketRows({ production, clients }: Setting): Promise<BadInput[]> {
  const ticket = parseTicket(production.ticket)
  const client = clients.make('stranger')
  const add = rowMaker('nothing', (text: string) => client.run('trust', 'add', text))
  const other = (change: Partial<Ticket>) => writeTicket({ ...ticket, ...change })
  const expired = other({ expires: new Date(Date.now() - 60_000) })
  const otherRoot = other({ rootSha256: '0'.repeat(64) })
  const otherEnvironment = other({ environment: 'development' })
  const nobodyThere = other({ httpUrl: `http://localhost:${await freePort()}` })
  return [
    add('ticket, last characters missing', 'ticket.malformed', 1, production.ticket.slice(0, -4)),
    add('text that is no ticket', 'ticket.malformed', 1, 'https://sign.example.org'),
    add('ticket, expired', 'ticket.expired', 1, expired),
    add('ticket for another root', 'anchors.root-mismatch', 1, otherRoot),
    add('ticket for the other environment', 'anchors.environment-mismatch', 1, otherEnvironment),
    add('ticket of a server that is not there', 'anchors.unreachable', 2, nobodyThere),
  ]
}

/** A mirror that lies to a machine that has only a ticket. */
export async function firstTrustRows({ production, clients }: Setting): Promise<BadInput[]> {
  const { mirror, ticket } = production
  const client = clients.make('newcomer')
  const served = rowMaker('nothing', (about: RegExp) =>
    mirror.whileLying(about, changeByte, () => client.run('trust', 'add', ticket)),
  )
  return [
    served('served first TUF root, one byte changed', 'anchors.root-mismatch', 1, /\/tuf\/1\.root\.json$/),
    served('served TUF timestamp, one byte changed', 'anchors.tampered', 1, timestamp),
    served('served TUF snapshot, one byte changed', 'anchors.tampered', 1, /\/tuf\/\d+\.snapshot\.json$/),
    served('served TUF targets, one byte changed', 'anchors.tampered', 1, /\/tuf\/\d+\.targets\.json$/),
    served('served TUF target, one byte changed', 'anchors.tampered', 1, /\/tuf\/targets\/.*trusted_root\.json$/),
  ]
}

/** A mirror that lies to a machine that trusts the instance already, and what was changed on the machine itself. */
export async function renewedTrustRows({ production, development, clients, folder }: Setting): Promise<BadInput[]> {
  const { client, instance, mirror } = production
  const file = path.join(folder, 'release-1.0.0')
  const old = (await callInstance(`${instance.publicHttpUrl}/tuf/timestamp.json`)).bytes
  await setNextPolicy(production, folder)
  await client.run('verify', file)
  const [damaged, both, nobody] = [
    clients.make('damaged', client),
    clients.make('both', client),
    clients.make('nobody'),
  ] as const
  changeStoredMetadata(damaged)
  await both.run('trust', 'add', development.ticket)

  const renewed = rowMaker('nothing', (lie: Lie) => mirror.whileLying(timestamp, lie, () => client.run('verify', file)))
  const stored = rowMaker('nothing', (machine: Client) => machine.run('verify', file, '--offline'))
  return [
    renewed('renewed TUF timestamp, one byte changed', 'anchors.tampered', 2, changeByte),
    renewed('older TUF timestamp than before', 'anchors.rolled-back', 2, () => old),
    stored('stored TUF metadata, one byte changed', 'anchors.tampered', 1, damaged),
    stored('machine that trusts nobody', 'anchors.none', 1, nobody),
    stored('machine that trusts two, none named', 'anchors.ambiguous', 64, both),
  ]
}

/** Makes a second version of the metadata, so that the first one is old. */
async function setNextPolicy({ policy, instance }: Production, folder: string): Promise<void> {
  const file = path.join(folder, 'next-policy.json')
  writeFileSync(file, JSON.stringify({ ...JSON.parse(policy), maxOffline: '31d' }))
  await instance.admin('policy', 'set', file)
}

function changeStoredMetadata({ config }: Client): void {
  const [root = ''] = readdirSync(path.join(config, 'anchors'))
  const file = path.join(config, 'anchors', root, 'anchor.json')
  const stored = JSON.parse(readFileSync(file, 'utf8'))
  stored.repository.targets = changedBase64(stored.repository.targets)
  writeFileSync(file, JSON.stringify(stored))
}
