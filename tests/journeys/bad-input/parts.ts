import { openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { PageVisitor } from '../../support/pageVisitor.ts'
import { deviceToken, redeemInvitation } from '../../support/people.ts'
import { countersign } from '../../support/programs.ts'
import { mustRun } from '../../support/runProgram.ts'
import { type Instance, type InstanceOptions, startInstance } from '../../support/startInstance.ts'
import type { Client, Clients } from './client.ts'
import type { FakeClock } from './fakeClock.ts'

/** What there is before any instance. */
export interface Parts {
  /** For files that are put in; not state. */
  readonly folder: string
  readonly clients: Clients
  readonly fakeClock: FakeClock
  /** Ends everything that was started, in reverse; also used by rows that start something. */
  readonly ending: AsyncDisposableStack
}

/** Starts a server that is killed at the end at the latest. */
export async function startEnding(ending: AsyncDisposableStack, options: InstanceOptions): Promise<Instance> {
  // Three of them start at once.
  const instance = await startInstance({ startTimeoutMs: 180_000, ...options })
  // Interrupted meanwhile: nobody would end it any more.
  if (ending.disposed) await instance.kill()
  ending.defer(() => instance.kill())
  return instance
}

/** From here on nothing of an instance moves by itself. */
export async function pauseScheduledWork(instance: Instance): Promise<void> {
  const { paused } = await instance.admin<{ paused: boolean }>('jobs', 'pause')
  if (!paused) throw new Error('scheduled work was not paused')
}

/** Lets a machine trust an instance by ticket, as a person does. */
export async function trustIn(instance: Instance, client: Client) {
  const { ticket } = await instance.admin<{ ticket: string }>('ticket')
  await mustRun([...countersign, 'trust', 'add', ticket], { env: client.env })
  const anchors = await openAnchors(undefined, client.config)
  const text = (name: 'device_root.pem' | 'verification_policy.json') =>
    Buffer.from(anchors.target(name)).toString('utf8')
  return { client, ticket, ca: text('device_root.pem'), policy: text('verification_policy.json') }
}

/** Redeems the first invitation in a new browser and gets an identity token by device code. */
export async function signIn({ publicUrl, invitation }: Instance, ca: string) {
  if (invitation === undefined) throw new Error('the first serve printed no invitation')
  const browser = new PageVisitor(ca)
  await redeemInvitation(browser, invitation)
  const { id_token: token } = await deviceToken(`${publicUrl}/oidc`, browser, ca)
  return { browser, token }
}
