import { addTrust } from '@countersign/local/anchors/addTrust.ts'
import { type Anchors, openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Wrap } from '@countersign/platform/keystore/wrappingKeys.ts'
import { parseTicket, type Ticket } from '@countersign/protocol/api/ticket.ts'
import { type ClientCredentials, enrolClient, readClientIdentity } from './clientIdentity.ts'
import { composeError } from './errors.ts'
import { readValidatorFile, type ValidatorFile, writeValidatorFile } from './validatorFile.ts'

/** A validator that its instance knows. */
export interface EnrolledValidator {
  readonly file: ValidatorFile
  readonly anchors: Anchors
  readonly client: ClientCredentials
}

/** What enrolling needs. */
export interface EnrolOptions {
  readonly folder: string
  /** Where trust is kept: below the validator's own folder, never a person's. */
  readonly config: string
  readonly wrap: Wrap
  readonly clock: Clock
  /** The ticket's text, where one was given. */
  readonly ticket?: string
}

/**
 * The validator that the folder holds, or a new one by its ticket: first trust by the hash in it, then the client
 * certificate for its one-time secret, then the file that says so. A crash in between is repaired by the same ticket.
 * Throws `validator.not-enrolled`, `validator.ticket-unfit`, `validator.other-instance`, `ticket.*`, `anchors.*`, `calls.*`
 * and what the instance refuses with.
 */
export async function enrolValidator(options: EnrolOptions): Promise<EnrolledValidator> {
  const { folder, config } = options
  const ticket = options.ticket === undefined ? undefined : readTicket(options.ticket)
  const known = await readValidatorFile(folder)
  if (known === undefined) return enrolNew(options, ticket)
  if (ticket !== undefined && (ticket.rootSha256 !== known.rootSha256 || ticket.device !== known.name)) {
    throw composeError('validator.other-instance', `the folder holds validator ${known.name} of ${known.url}`)
  }
  const client = await readClientIdentity(options)
  if (client === undefined) throw composeError('validator.identity-damaged', 'the client certificate is missing')
  return { file: known, anchors: await openAnchors(known.rootSha256, config), client }
}

async function enrolNew(
  options: EnrolOptions,
  ticket: (Ticket & { device: string; secret: string }) | undefined,
): Promise<EnrolledValidator> {
  const { folder, config, clock } = options
  if (ticket === undefined) throw composeError('validator.not-enrolled', `nothing is enrolled in ${folder}`)
  const { anchors } = await addTrust(ticket, { clock, config })
  const { url, environment, rootSha256 } = anchors
  const deviceRootPem = new TextDecoder().decode(anchors.target('device_root.pem'))
  const client = await enrolClient(options, { url, deviceRootPem, name: ticket.device, secret: ticket.secret })
  const enrolledAt = clock.now().toISOString()
  const file: ValidatorFile = { v: 1, name: ticket.device, url, environment, rootSha256, enrolledAt }
  await writeValidatorFile(folder, file)
  return { file, anchors, client }
}

function readTicket(text: string): Ticket & { device: string; secret: string } {
  const ticket = parseTicket(text)
  const { device, secret } = ticket
  if (device === undefined || secret === undefined) {
    throw composeError('validator.ticket-unfit', 'the ticket carries first trust, and no secret to enrol with')
  }
  return { ...ticket, device, secret }
}
