import { cpSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { runWithDeviceFlow } from '../../support/logIn.ts'
import { type Machine, newMachine } from '../../support/machine.ts'
import { PageVisitor } from '../../support/pageVisitor.ts'
import { redeemInvitation } from '../../support/people.ts'
import { countersign, countersignValidator } from '../../support/programs.ts'
import { mustRun } from '../../support/runProgram.ts'
import { type Instance, startInstance } from '../../support/startInstance.ts'
import type { OwnProduct } from './options.ts'
import type { Story } from './story.ts'

/** The advisories of the story, folder by folder. */
export const advisories: string = path.join(import.meta.dirname, 'advisories')

/** What `countersign-validator advisories import --json` answers, as far as the story looks at it. */
interface Imported {
  readonly receivedAt: string
  readonly changed: number
  readonly ended: readonly string[]
}

/** Server, validator and developer, up and logged in. */
export interface Setting {
  readonly folder: string
  readonly instance: Instance
  readonly developer: Machine
  readonly validatorFolder: string
  importAdvisories(source: string): Promise<Imported>
}

/** Brings up server and validator in `folder`, and logs the developer in. */
export async function bringUp(
  folder: string,
  story: Story,
  started: { stop(): Promise<void> }[],
  own: OwnProduct | undefined,
): Promise<Setting> {
  story.chapter('Server, validator, developer')
  const dataFolder = path.join(folder, 'instance')
  const instance = await story.step(
    'serve',
    'countersign-server serve: roots, CAs, four logs, timestamps, issuer, TUF; a validator as its own program',
    () =>
      startInstance({
        dataFolder,
        validator: true,
        outputFile: path.join(folder, 'server.log'),
        arguments: ['--first-person', 'dev@example.org'],
      }),
    ({ publicUrl, validator }) => [
      `${publicUrl}; data in ${dataFolder}; the validator’s own in ${path.join(dataFolder, 'validator')}`,
      ...(validator?.protections ?? []).map(
        ({ name, active, detail }) => `${active ? 'active' : 'NOT ACTIVE'}  ${name}: ${detail}`,
      ),
    ],
  )
  started.push(instance)
  const validatorFolder = path.join(dataFolder, 'validator')
  const importAdvisories = async (source: string): Promise<Imported> => {
    const command = [...countersignValidator, 'advisories', 'import', source, '--data', validatorFolder, '--json']
    return JSON.parse((await mustRun(command)).stdout) as Imported
  }
  await story.step(
    'advisories',
    'countersign-validator advisories import: what is known before the story begins',
    () => importAdvisories(knownBefore(folder, own)),
    ({ changed }) => [`${changed} records, marked as sample: a production instance would refuse them`],
  )
  const developer = newMachine(path.join(folder, 'developer'))
  await story.step(
    'log in',
    'invitation, ticket, device code: the developer signs with an identity, there is no key to keep',
    () => logInDeveloper(instance, developer),
    () => [`${instance.invitation?.email}; only \`openid email\` is asked`],
  )
  return { folder, instance, developer, validatorFolder, importAdvisories }
}

/** What is known at the beginning. The caller's own advisory is news, so a record of the same flaw is left out. */
function knownBefore(folder: string, own: OwnProduct | undefined): string {
  const initial = path.join(advisories, 'initial')
  if (own === undefined) return initial
  const news = readNames(own.advisory)
  const known = path.join(folder, 'known-before')
  const isOther = (file: string) => !file.endsWith('.json') || !readNames(file).some((name) => news.includes(name))
  cpSync(initial, known, { recursive: true, filter: isOther })
  return known
}

/** Id and aliases of an OSV record. */
function readNames(file: string): string[] {
  const { id, aliases = [] } = JSON.parse(readFileSync(file, 'utf8')) as { id: string; aliases?: string[] }
  return [id, ...aliases]
}

async function logInDeveloper(instance: Instance, developer: Machine): Promise<void> {
  const { ticket } = await instance.admin<{ ticket: string }>('ticket')
  await mustRun([...countersign, 'trust', 'add', ticket], { env: developer.env })
  if (!instance.invitation) throw new Error('the first serve printed no invitation')
  const browser = new PageVisitor(await developer.deviceRoot())
  await redeemInvitation(browser, instance.invitation)
  await runWithDeviceFlow([...countersign, 'login'], browser, developer.env)
}
