import { randomBytes } from 'node:crypto'
import { controlJobsRoute, createTicketRoute, getStatusRoute, setPolicyRoute } from '@countersign/protocol/api/admin.ts'
import {
  addIssuerRoute,
  invitePersonRoute,
  removeIssuerRoute,
  removePersonRoute,
} from '@countersign/protocol/api/people.ts'
import { sha256 } from '@countersign/protocol/log/merkle.ts'
import { PageVisitor } from '../support/pageVisitor.ts'
import { deviceToken, redeemInvitation } from '../support/people.ts'
import type { Client } from './crashClient.ts'

/** A person who can sign in, in a browser of their own. */
export interface Person {
  readonly email: string
  readonly browser: PageVisitor
}

/** Does something that changes a fact, and notes before and after what the fact was to become. */
export async function change<Answer>(
  client: Pick<Client, 'journal'>,
  fact: string,
  value: string,
  act: () => Promise<Answer>,
): Promise<Answer> {
  client.journal.write({ what: 'tried', fact, value })
  const answer = await act()
  client.journal.write({ what: 'done', fact, value })
  return answer
}

/** Invites somebody new, who redeems the invitation. */
export async function welcomePerson(client: Client): Promise<Person> {
  const email = `person-${randomBytes(6).toString('hex')}@example.org`
  const browser = new PageVisitor(client.ca)
  const invitation = await change(client, `person ${email}`, 'invited', () =>
    client.admin(invitePersonRoute, { body: { email } }),
  )
  await change(client, `person ${email}`, 'member', () => redeemInvitation(browser, invitation))
  return { email, browser }
}

/** Signs a person in at a program and returns the identity token, good for a few minutes. */
export async function signIn({ issuer, ca }: Client, { browser }: Person): Promise<string> {
  return (await deviceToken(issuer, browser, ca)).id_token
}

/** Ends the browser session of a person, then removes the person. */
export async function removePerson(client: Client, { email, browser }: Person): Promise<void> {
  const page = await browser.submit(await browser.open(`${client.url}/people`), {})
  if (page.status !== 200) throw new Error(`signing out answered ${page.status}:\n${page.text}`)
  await change(client, `person ${email}`, 'gone', () => client.admin(removePersonRoute, { body: { email } }))
}

/** Everything that an operator does, one after the other. */
export async function administer(client: Client): Promise<void> {
  await client.admin(createTicketRoute, { body: {} })
  await setAnotherPolicy(client)
  await addAndRemoveIssuer(client)
  const { jobs } = await client.admin(getStatusRoute)
  for (const { name } of jobs) await client.admin(controlJobsRoute, { body: { do: 'run', job: name } })
}

/** The policy that is distributed, with other white space: another text, another digest, the same meaning. */
async function setAnotherPolicy(client: Client): Promise<void> {
  const text = Buffer.from(client.anchors.target('verification_policy.json')).toString('utf8').trimEnd()
  const policy = text + ' '.repeat(1 + (randomBytes(2).readUInt16BE() % 2000))
  await change(client, 'policy', sha256(Buffer.from(policy)).toHex(), () =>
    client.admin(setPolicyRoute, { body: { policy } }),
  )
}

async function addAndRemoveIssuer(client: Client): Promise<void> {
  const url = `https://issuer-${randomBytes(6).toString('hex')}.example.org/`
  await change(client, `issuer ${url}`, 'listed', () =>
    client.admin(addIssuerRoute, { body: { url, kind: 'email', audience: 'sigstore' } }),
  )
  await change(client, `issuer ${url}`, 'gone', () => client.admin(removeIssuerRoute, { body: { url } }))
}
