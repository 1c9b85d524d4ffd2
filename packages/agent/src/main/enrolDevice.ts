import { resolve } from 'node:path'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import { parseTicket } from '@countersign/protocol/api/ticket.ts'
import { enrol } from '../enrol/enrol.ts'
import { dataFolder } from '../state/dataFolder.ts'
import { mainError } from './errors.ts'

/** What `countersign-agent enrol` takes. */
export interface EnrolOptions {
  readonly data: string
  /** `-`, or the ticket itself, which others can read in the list of processes then. */
  readonly ticket?: string
  readonly ticketFile?: string
  readonly json?: boolean
}

const MAX_TICKET_BYTES = 16 * 1024

/** `countersign-agent enrol`: first trust and a certificate for this device. */
export async function enrolDevice(options: EnrolOptions): Promise<void> {
  const ticket = parseTicket(await readTicket(options))
  const folder = dataFolder(resolve(options.data))
  const { enrolment, environment, notAfter } = await enrol(ticket, folder, { clock: systemClock })
  const { name, url, rootSha256 } = enrolment
  if (options.json) {
    const facts = { name, url, environment, rootSha256, data: folder.path, notAfter: notAfter.toISOString() }
    process.stdout.write(`${JSON.stringify(facts)}\n`)
    return
  }
  process.stdout.write(
    `This device is ${name} of ${url} (${environment}).\nRun it with: countersign-agent run --data ${folder.path}\n`,
  )
}

async function readTicket({ ticket, ticketFile }: EnrolOptions): Promise<string> {
  if ((ticket === undefined) === (ticketFile === undefined)) {
    throw mainError('agent.usage', 'give the ticket either as - or with --ticket-file')
  }
  const file = ticketFile ?? (ticket === '-' ? '-' : undefined)
  if (file === undefined) return ticket ?? ''
  return file === '-' ? readInput() : Buffer.from(await readBounded(file, MAX_TICKET_BYTES)).toString()
}

/** Standard input, which may be a file, a pipe or a socket. */
async function readInput(): Promise<string> {
  let text = ''
  for await (const piece of process.stdin.setEncoding('utf8')) {
    text += piece
    if (text.length > MAX_TICKET_BYTES) throw mainError('agent.usage', 'standard input holds more than a ticket')
  }
  return text
}
