import { canonicalJson, type JsonValue } from '../json/canonicalJson.ts'
import { parseJson } from '../json/parseJson.ts'
import { apiError } from './errors.ts'

/** First trust in an instance, in one string that travels by a channel people trust. */
export interface Ticket {
  /** The instance's public URL. */
  readonly url: string
  /** Its plain listener, from which TUF is fetched. */
  readonly httpUrl: string
  readonly environment: 'development' | 'production'
  /** Lower-case hex SHA-256 of `1.root.json`: the only thing in a ticket that trust rests on. */
  readonly rootSha256: string
  readonly expires: Date
  /** Only in device tickets: the one device name that `secret` enrols. */
  readonly device?: string
  /** Only in device tickets: the one-time secret. Never logged; sent only to EST after TLS is verified. */
  readonly secret?: string
}

const PREFIX = 'countersign1.'
const MAX_TICKET_CHARACTERS = 4096
const required = ['url', 'httpUrl', 'environment', 'rootSha256', 'expires']
const known = [...required, 'device', 'secret']

/** Writes `countersign1.` and the base64url of the ticket's JCS (design 9). `expires` is written in whole seconds, UTC. */
export function writeTicket(ticket: Ticket): string {
  const { url, httpUrl, environment, rootSha256, device, secret } = ticket
  const expires = ticket.expires.toISOString().replace(/\.\d{3}Z$/, 'Z')
  const json: Record<string, JsonValue> = { url, httpUrl, environment, rootSha256, expires }
  if (device !== undefined) json.device = device
  if (secret !== undefined) json.secret = secret
  return PREFIX + canonicalJson(json).toBase64({ alphabet: 'base64url', omitPadding: true })
}

/**
 * Reads a ticket, white space around it allowed. Whether it has expired is `refuseExpired`'s business.
 * Any other text than `writeTicket` would write for the same ticket is refused, so one ticket has one string.
 * Throws `ticket.malformed`, whose message never holds the ticket.
 */
export function parseTicket(text: string): Ticket {
  const trimmed = text.trim()
  if (trimmed.length > MAX_TICKET_CHARACTERS) throw malformed('it is too long')
  if (!trimmed.startsWith(PREFIX)) throw malformed(`it does not begin with ${PREFIX}`)
  const bytes = decode(trimmed.slice(PREFIX.length))
  const ticket = readTicket(readFields(bytes))
  if (writeTicket(ticket) !== trimmed) throw malformed('it is not in canonical form')
  return ticket
}

/** Throws `ticket.expired` if `now` is past the end of the ticket. */
export function refuseExpired(ticket: Ticket, now: Date): void {
  if (now.getTime() <= ticket.expires.getTime()) return
  throw apiError('ticket.expired', `the ticket expired at ${ticket.expires.toISOString()}`)
}

function decode(text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text, { alphabet: 'base64url', lastChunkHandling: 'loose' })
  } catch {
    // Without the cause: it may quote the ticket.
    throw malformed('it is not base64url')
  }
}

function readFields(bytes: Uint8Array): Readonly<Record<string, string>> {
  let json: JsonValue
  try {
    json = parseJson(bytes, { maxBytes: MAX_TICKET_CHARACTERS, maxDepth: 1 })
  } catch {
    throw malformed('it does not hold a JSON object')
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw malformed('it does not hold a JSON object')
  for (const [name, value] of Object.entries(json)) {
    if (!known.includes(name)) throw malformed('it has a field that is not known')
    if (typeof value !== 'string') throw malformed(`its ${name} is not text`)
  }
  const missing = required.find((name) => !Object.hasOwn(json, name))
  if (missing !== undefined) throw malformed(`it has no ${missing}`)
  return json as Readonly<Record<string, string>>
}

function readTicket(fields: Readonly<Record<string, string>>): Ticket {
  const { url = '', httpUrl = '', environment, rootSha256 = '', expires = '', device, secret } = fields
  if (!isBaseUrl(url, ['https:'])) throw malformed('its url is not an https address')
  if (!isBaseUrl(httpUrl, ['http:', 'https:'])) throw malformed('its httpUrl is not an http address')
  if (environment !== 'development' && environment !== 'production') throw malformed('its environment is not known')
  if (!/^[0-9a-f]{64}$/.test(rootSha256)) throw malformed('its rootSha256 is not a SHA-256 digest')
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/.test(expires) || Number.isNaN(Date.parse(expires))) {
    throw malformed('its expires is not a time in UTC')
  }
  if ((device === undefined) !== (secret === undefined)) throw malformed('device and secret come only together')
  const ticket = { url, httpUrl, environment, rootSha256, expires: new Date(expires) } as const
  return device === undefined || secret === undefined ? ticket : { ...ticket, device, secret }
}

function isBaseUrl(text: string, protocols: readonly string[]): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, search, hash } = new URL(text)
  return protocols.includes(protocol) && `${username}${password}${search}${hash}` === '' && !text.endsWith('/')
}

function malformed(what: string) {
  return apiError('ticket.malformed', `the ticket is malformed: ${what}`)
}
