import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseTicket, type Ticket, writeTicket } from '@countersign/protocol/api/ticket.ts'
import { freePort } from '../../support/freePort.ts'
import { callInstance } from '../../support/callInstance.ts'
import type { BadInput } from './badInput.ts'
import type { Client } from './client.ts'
import { changeByte } from './lyingMirror.ts'
import type { Setting } from './setting.ts'

const TAMPERED = 'whatever part of the metadata was changed, nothing of it counts and the advice is the same'
const NOT_A_TICKET = 'the person does the same: copy the line again'

/** What first trust and its renewal must not take. */
export async function anchorRows(setting: Setting): Promise<BadInput[]> {
  return [...ticketRows(setting), ...(await firstTrustRows(setting)), ...(await renewalRows(setting)), ...storedRows(setting)]
}

function ticketRows({ production, clients }: Setting): BadInput[] {
  const ticket = parseTicket(production.ticket)
  const client = clients.make('stranger')
  const row = (input: string, expectedCode: string, text: string): BadInput => ({
    ...{ input, expectedCode, expectedExit: 1, recorded: 'nothing' },
    run: () => client.run('trust', 'add', text),
  })
  const other = (change: Partial<Ticket>) => writeTicket({ ...ticket, ...change })
  return [
    { ...row('ticket, last characters missing', 'ticket.malformed', production.ticket.slice(0, -4)), sharesCodeBecause: NOT_A_TICKET },
    { ...row('text that is no ticket', 'ticket.malformed', 'https://sign.example.org'), sharesCodeBecause: NOT_A_TICKET },
    row('ticket, expired', 'ticket.expired', other({ expires: new Date(Date.now() - 60_000) })),
    row('ticket for another root', 'anchors.root-mismatch', other({ rootSha256: '0'.repeat(64) })),
    row('ticket for the other environment', 'anchors.environment-mismatch', other({ environment: 'development' })),
  ]
}

/** A mirror that lies to a machine that has only a ticket. */
async function firstTrustRows({ production, clients }: Setting): Promise<BadInput[]> {
  const client = clients.make('newcomer')
  const files: [string, RegExp, string][] = [
    ['first TUF root', /\/tuf\/1\.root\.json$/, 'anchors.root-mismatch'],
    ['TUF timestamp', /\/tuf\/timestamp\.json$/, 'anchors.tampered'],
    ['TUF snapshot', /\/tuf\/\d+\.snapshot\.json$/, 'anchors.tampered'],
    ['TUF targets', /\/tuf\/\d+\.targets\.json$/, 'anchors.tampered'],
    ['TUF target (trusted root)', /\/tuf\/targets\/.*trusted_root\.json$/, 'anchors.tampered'],
  ]
  return files.map(([what, about, expectedCode]) => ({
    ...{ input: `served ${what}, one byte changed`, expectedCode, expectedExit: 1, recorded: 'nothing' },
    ...(expectedCode === 'anchors.tampered' && { sharesCodeBecause: TAMPERED }),
    run: () =>
      production.mirror.whileLying(about, changeByte, () => client.run('trust', 'add', production.ticket)),
  }))
}

/** A mirror that lies to a machine that trusts the instance already. */
async function renewalRows({ production, clients, folder }: Setting): Promise<BadInput[]> {
  const about = /\/tuf\/timestamp\.json$/
  const file = path.join(folder, 'release-1.0.0')
  const old = (await callInstance(`${production.instance.publicHttpUrl}/tuf/timestamp.json`)).bytes
  const policyFile = path.join(folder, 'next-policy.json')
  const policy = JSON.parse(readFileSync(path.join(folder, 'policy.json'), 'utf8'))
  writeFileSync(policyFile, JSON.stringify({ ...policy, maxOffline: '31d' }))
  await production.instance.admin('policy', 'set', policyFile)
  await production.client.run('verify', file)
  const changed = clients.make('renews-changed', production.client)
  const rolledBack = clients.make('renews-old', production.client)
  return [
    {
      ...{ input: 'renewed TUF timestamp, one byte changed', expectedCode: 'anchors.tampered', expectedExit: 2 },
      ...{ recorded: 'nothing', sharesCodeBecause: TAMPERED },
      run: () => production.mirror.whileLying(about, changeByte, () => changed.run('verify', file)),
    },
    {
      ...{ input: 'older TUF timestamp than before', expectedCode: 'anchors.rolled-back', expectedExit: 2 },
      recorded: 'nothing',
      run: () => production.mirror.whileLying(about, () => old, () => rolledBack.run('verify', file)),
    },
  ]
}

/** What lies on the machine itself. */
function storedRows({ production, development, clients, folder }: Setting): BadInput[] {
  const file = path.join(folder, 'release-1.0.0')
  const damaged = clients.make('damaged', production.client)
  changeStoredAnchor(damaged)
  const nobody = clients.make('nobody')
  const both = clients.make('both', production.client)
  return [
    {
      ...{ input: 'stored TUF metadata, one byte changed', expectedCode: 'anchors.tampered', expectedExit: 1 },
      ...{ recorded: 'nothing', sharesCodeBecause: TAMPERED },
      run: () => damaged.run('verify', file),
    },
    {
      ...{ input: 'machine without any trust', expectedCode: 'anchors.none', expectedExit: 1, recorded: 'nothing' },
      run: () => nobody.run('verify', file),
    },
  ]
}
