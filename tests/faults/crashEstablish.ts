import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { addValidatorRoute } from '@countersign/protocol/api/certifications.ts'
import { assignRoute, createDeviceTicketRoute } from '@countersign/protocol/api/devices.ts'
import { countersignAgent } from '../support/programs.ts'
import { runProgram } from '../support/runProgram.ts'
import { type Client, policyDigest } from './crashClient.ts'
import { Crew, type CrewOrders } from './crashCrew.ts'
import {
  changeCertificationPolicy,
  changeDistributed,
  Developer,
  importAdvisories,
  publish,
  signAll,
  submit,
} from './crashJourney.ts'
import { change } from './crashOperations.ts'
import { validatorName } from './crashOperator.ts'
import { type Packed, packProduct } from './crashProduct.ts'
import { runsOnly } from './crashRuns.ts'
import { lineOf, type Order, preload, type Site } from './crashSite.ts'
import { live } from './crashStrike.ts'

const initialAdvisories = path.join(import.meta.dirname, '..', 'journeys', 'demo', 'advisories', 'initial')
const deviceName = 'front'

/** What a device of the site runs when nothing else is right, as far as a later process has to know it. */
export type Base = Pick<Packed, 'version' | 'sha256'>

/**
 * Makes an instance, lets a validator and a device enrol, and brings the first release to the device. Validator and device die
 * of orders on the way; whoever is enrolling repeats the same command with the same ticket.
 */
export async function establish(site: Site, orders: CrewOrders = {}): Promise<readonly { order: Order }[]> {
  let agent: readonly Order[] = []
  await live(site, async (client) => {
    await invite(site, client)
    agent = await enrolDevice(site, orders.agent ?? [])
  })
  const crew = await Crew.assemble(site, { ...orders, agent })
  try {
    await bringFirstRelease(crew)
    const unreached = crew.waiting()
    const { anchors } = await crew.renewClient()
    crew.journal.write({ what: 'done', fact: 'policy', value: policyDigest(anchors) })
    await crew.end()
    return unreached
  } catch (error) {
    await crew.kill()
    throw error
  }
}

async function invite(site: Site, client: Client): Promise<void> {
  const validator = await change(client, `validators ${validatorName}`, 'invited', () =>
    client.admin(addValidatorRoute, { body: { name: validatorName } }),
  )
  const device = await change(client, `devices ${deviceName}`, 'invited', () =>
    client.admin(createDeviceTicketRoute, { body: { device: deviceName } }),
  )
  writeFileSync(`${site.validatorFolder}.ticket`, validator.ticket, { mode: 0o600 })
  writeFileSync(`${site.deviceFolder}.ticket`, device.ticket, { mode: 0o600 })
  await client.admin(assignRoute, {
    body: { to: { kind: 'group', name: 'default' }, assignment: { product: 'files', channel: 'stable' } },
  })
}

/** `countersign-agent enrol`, again after each death. Resolves with the orders that enrolling does not get to. */
async function enrolDevice(site: Site, orders: readonly Order[]): Promise<readonly Order[]> {
  const waiting = [...orders]
  const [program = '', ...script] = countersignAgent
  const enrol = ['enrol', '--ticket-file', `${site.deviceFolder}.ticket`, '--data', site.deviceFolder]
  for (;;) {
    if (waiting.length > 0) site.orderAny(waiting, 'agent')
    const run = await runProgram([program, ...preload, ...script, ...enrol], { env: site.env('agent') })
    const line = site.takeObeyed('agent')
    if (line === undefined && run.status !== 0) throw new Error(`enrolling ended with ${run.status}\n${run.stderr}`)
    if (line === undefined) break
    waiting.splice(
      waiting.findIndex((one) => lineOf(one) === line),
      1,
    )
  }
  site.clearOrders()
  return waiting
}

async function bringFirstRelease(crew: Crew): Promise<void> {
  const { site } = crew
  for (const [kind, name] of [
    ['validators', validatorName],
    ['devices', deviceName],
  ]) {
    crew.journal.write({ what: 'done', fact: `${kind} ${name}`, value: 'admitted' })
  }
  await changeDistributed(crew, ({ validators, ...policy }) => ({
    ...policy,
    validators: { ...validators, required: 1 },
  }))
  await changeCertificationPolicy(crew, {
    findings: { low: 'certify', medium: 'refuse', high: 'refuse', critical: 'refuse', unknown: 'refuse' },
  })
  await importAdvisories(crew, initialAdvisories)
  const developer = await Developer.invite(crew)
  const base = await packProduct(developer.folder, '1.0.0', '1.16.0')
  await signAll(crew, developer, [base.archive])
  await submit(crew, developer, base, { outcome: 'certified' })
  await publish(crew, base)
  await crew.agent.bounce()
  await runsOnly(crew, base)
  writeFileSync(baseFile(site), JSON.stringify({ version: base.version, sha256: base.sha256 } satisfies Base))
}

/** The first release of an established site. */
export function baseOf(site: Site): Base {
  return JSON.parse(readFileSync(baseFile(site), 'utf8')) as Base
}

function baseFile(site: Site): string {
  return path.join(site.folder, 'base.json')
}

/** Makes the site that a journey starts from: validator and device have worked, and some time has gone by. */
export async function makeTravelling(site: Site): Promise<void> {
  await establish(site)
  age(site)
}

/** What time does to a validator: published packages are a cache that somebody cleared, and its inspector has improved since. */
function age(site: Site): void {
  rmSync(path.join(site.validatorFolder, 'published'), { recursive: true, force: true })
  const database = new DatabaseSync(path.join(site.validatorFolder, 'database', 'validator.sqlite'))
  const row = database.prepare('SELECT id, catalogue FROM certify_catalogues ORDER BY id LIMIT 1').get()
  const { id = 0, catalogue = '' } = row as { id?: number; catalogue?: string }
  const read = JSON.parse(catalogue)
  const older = JSON.stringify({ ...read, scanner: { ...read.scanner, version: '0.0.1' } })
  database.prepare('UPDATE certify_catalogues SET catalogue = ? WHERE id = ?').run(older, id)
  database.close()
}
