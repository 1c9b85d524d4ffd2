import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseTicket, type Ticket, writeTicket } from '@countersign/protocol/api/ticket.ts'
import { callInstance } from '../../support/callInstance.ts'
import { freePort } from '../../support/freePort.ts'
import type { BadInput } from './badInput.ts'
import { changedBase64 } from './bundleJson.ts'
import type { Client } from './client.ts'
import { changeByte } from './lyingMirror.ts'
import type { Setting } from './setting.ts'

const TAMPERED = 'whatever part of the metadata was changed, nothing of it counts and the advice is the same'
const NOT_A_TICKET = 'the person does the same: copy the line again'
const OTHER_ROOT = 'nobody can tell whether ticket or server is the wrong one; the operator can'

const timestamp = /\/tuf\/timestamp\.json$/

/** Tickets that must not bring trust. */
export async function ticketRows({ production, clients }: Setting): Promise<BadInput[]> {
  const ticket = parseTicket(production.ticket)
  const client = clients.make('stranger')
  const row = (input: string, expectedCode: string, text: string, sharesCodeBecause?: string): BadInput => ({
    ...{ input, expectedCode, expectedExit: 1, recorded: 'nothing' },
    ...(sharesCodeBecause !== undefined && { sharesCodeBecause }),
    run: () => client.run('trust', 'add', text),
  })
  const other = (change: Partial<Ticket>) => writeTicket({ ...ticket, ...change })
  const nobodyThere = other({ httpUrl: `http://localhost:${await freePort()}` })
  return [
    row('ticket, last characters missing', 'ticket.malformed', production.ticket.slice(0, -4), NOT_A_TICKET),
    row('text that is no ticket', 'ticket.malformed', 'https://sign.example.org', NOT_A_TICKET),
    row('ticket, expired', 'ticket.expired', other({ expires: new Date(Date.now() - 60_000) })),
    row('ticket for another root', 'anchors.root-mismatch', other({ rootSha256: '0'.repeat(64) }), OTHER_ROOT),
    row('ticket for the other environment', 'anchors.environment-mismatch', other({ environment: 'development' })),
    { ...row('ticket of a server that is not there', 'anchors.unreachable', nobodyThere), expectedExit: 2 },
  ]
}

/** A mirror that lies to a machine that has only a ticket. */
export async function firstTrustRows({ production, clients }: Setting): Promise<BadInput[]> {
  const client = clients.make('newcomer')
  const row = (what: string, about: RegExp, expectedCode: string, sharesCodeBecause: string): BadInput => ({
    ...{ input: `served ${what}, one byte changed`, expectedCode, expectedExit: 1, recorded: 'nothing' },
    sharesCodeBecause,
    run: () => production.mirror.whileLying(about, changeByte, () => client.run('trust', 'add', production.ticket)),
  })
  return [
    row('first TUF root', /\/tuf\/1\.root\.json$/, 'anchors.root-mismatch', OTHER_ROOT),
    row('TUF timestamp', timestamp, 'anchors.tampered', TAMPERED),
    row('TUF snapshot', /\/tuf\/\d+\.snapshot\.json$/, 'anchors.tampered', TAMPERED),
    row('TUF targets', /\/tuf\/\d+\.targets\.json$/, 'anchors.tampered', TAMPERED),
    row('TUF target (trusted root)', /\/tuf\/targets\/.*trusted_root\.json$/, 'anchors.tampered', TAMPERED),
  ]
}

/** A mirror that lies to a machine that trusts the instance already, and what was changed on the machine itself. */
export async function renewedTrustRows({ production, development, clients, folder }: Setting): Promise<BadInput[]> {
  const { client, instance, mirror } = production
  const file = path.join(folder, 'release-1.0.0')
  const old = (await callInstance(`${instance.publicHttpUrl}/tuf/timestamp.json`)).bytes
  await setNextPolicy(production, folder)
  await client.run('verify', file)
  const row = (input: string, expectedCode: string, which: Client, lie: () => Uint8Array | undefined): BadInput => ({
    ...{ input, expectedCode, expectedExit: 2, recorded: 'nothing' },
    run: () =>
      mirror.whileLying(
        timestamp,
        (bytes) => lie() ?? changeByte(bytes),
        () => which.run('verify', file),
      ),
  })
  const [changed, rolledBack, damaged, both] = ['renews-changed', 'renews-old', 'damaged', 'both'].map((name) =>
    clients.make(name, client),
  ) as [Client, Client, Client, Client]
  changeStoredMetadata(damaged)
  await both.run('trust', 'add', development.ticket)
  const offline = (input: string, expectedCode: string, expectedExit: number, which: Client): BadInput => ({
    ...{ input, expectedCode, expectedExit, recorded: 'nothing' },
    run: () => which.run('verify', file, '--offline'),
  })
  return [
    {
      ...row('renewed TUF timestamp, one byte changed', 'anchors.tampered', changed, () => undefined),
      sharesCodeBecause: TAMPERED,
    },
    row('older TUF timestamp than before', 'anchors.rolled-back', rolledBack, () => old),
    {
      ...offline('stored TUF metadata, one byte changed', 'anchors.tampered', 1, damaged),
      sharesCodeBecause: TAMPERED,
    },
    offline('machine that trusts nobody', 'anchors.none', 1, clients.make('nobody')),
    offline('machine that trusts two, none named', 'anchors.ambiguous', 64, both),
  ]
}

/** Makes a second version of the metadata, so that the first one is old. */
async function setNextPolicy({ policy, instance }: Setting['production'], folder: string): Promise<void> {
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
