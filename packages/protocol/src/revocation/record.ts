import { decodeBase64, encodeBase64, equalBytes } from '../json/base64.ts'
import { canonicalJson, type JsonValue } from '../json/canonicalJson.ts'
import { parseJson } from '../json/parseJson.ts'
import { MAX_ENTRY_BYTES } from '../log/entryBundle.ts'
import { revocationError } from './errors.ts'
import { decodeNumbers, encodeNumbers } from './numbers.ts'

/** What a record is about. */
export type RevocationScope = RevocationRecord['scope']
/** How bad it is, as the advisory says. */
export type Severity = (typeof SEVERITIES)[number]
/** What the revoker advises for code that runs; the verification policy decides. */
export type AdvisedAction = (typeof ACTIONS)[number]

interface Common {
  /** Ids of the advisories that led to it; a validator's own record has at least one. At most 32. */
  readonly advisories?: readonly string[]
  readonly severity?: Severity
  readonly action?: AdvisedAction
  /** What to use instead, for people: a product and version, or an address. At most 256 characters. */
  readonly replacement?: string
  /** For people. 1 to 512 characters. */
  readonly reason: string
  /** Whole seconds. */
  readonly issuedAt: Date
}

/** `narrowed` keeps, of what the record with the leaf hash `amends` (hex) covers, only what the fields beside it cover. */
type OrNarrowed<Effect extends string> =
  | { readonly effect: Effect; readonly amends?: undefined }
  | { readonly effect: 'narrowed'; readonly amends: string }

/** *Ended*: those claims are no longer true, for every use, whatever any timestamp says. */
export type CertificationsRecord = Common &
  OrNarrowed<'ended'> & {
    readonly scope: 'certifications'
    /** Key id of the issuing CA that numbered them. */
    readonly authority: string
    /** Ascending, each once, 1 to 50,000 of them. */
    readonly numbers: readonly bigint[]
  }

/**
 * *Ended*: trust in these bytes (hex SHA-256). Certifications of them by `authority` up to the number `upTo` end too; one
 * that stands, because its number is higher, makes the bytes good again. 0: there was none. One record for each
 * authority that certified them.
 */
export type DigestRecord = Common &
  OrNarrowed<'ended'> & {
    readonly scope: 'digest'
    readonly digest: string
    readonly authority: string
    readonly upTo: bigint
  }

/** *Ended* for good: malware. Later certifications of these bytes end too. */
export type BlockedRecord = Common & {
  readonly scope: 'digest'
  readonly effect: 'blocked'
  readonly amends?: undefined
  readonly digest: string
}

/**
 * When a key or account came into wrong hands. What was signed before stays valid; "before" needs the timestamp *and* a
 * position in an artifact log below its size at that date, so a stolen timestamp key cannot backdate.
 */
interface Since {
  /** Whole seconds, not after `issuedAt`. */
  readonly from: Date
  /** Origin and size of each artifact log at that date. An entry in another log is not before. 1 to 100. */
  readonly logs: readonly { readonly origin: string; readonly size: bigint }[]
}

/**
 * *Distrusted from* a date: one certificate, by the key id of its issuing CA and its serial number (hex). Not by a hash
 * of the certificate: who changes the issuer's signature from (r, s) to (r, n-s) has the same certificate with another hash.
 */
export type CertificateRecord = Common &
  OrNarrowed<'distrusted'> &
  Since & { readonly scope: 'certificate'; readonly authority: string; readonly certificate: string }

/** *Distrusted from* a date: everything that this identity signs. */
export type IdentityRecord = Common &
  OrNarrowed<'distrusted'> &
  Since & { readonly scope: 'identity'; readonly identity: { readonly issuer: string; readonly subject: string } }

/** Takes back the record whose leaf hash (hex) is `amends`, as if it had never been. */
export type LiftedRecord = Common & {
  readonly scope: 'certifications' | 'digest' | 'certificate' | 'identity'
  readonly effect: 'lifted'
  readonly amends: string
}

/** What one leaf of the revocation log says. Design, decisions 2 to 4. Its number is its leaf index. */
export type RevocationRecord =
  | CertificationsRecord
  | DigestRecord
  | BlockedRecord
  | CertificateRecord
  | IdentityRecord
  | LiftedRecord

const SEVERITIES = ['low', 'medium', 'high', 'critical', 'unknown'] as const
const ACTIONS = ['stop', 'goBack', 'mitigate', 'inform'] as const
const EFFECTS = ['ended', 'blocked', 'distrusted', 'narrowed', 'lifted'] as const
const FIELDS: ReadonlySet<string> = new Set(
  'v scope effect authority numbers digest upTo certificate identity from logs amends advisories severity action replacement reason issuedAt'.split(
    ' ',
  ),
)
/** Fields of every scope beside those of `Common`, for a record that is neither `lifted` nor `blocked`. */
const SCOPE_FIELDS = {
  certifications: ['authority', 'numbers'],
  digest: ['digest', 'authority', 'upTo'],
  certificate: ['authority', 'certificate', 'from', 'logs'],
  identity: ['identity', 'from', 'logs'],
} as const
const SCOPE_EFFECTS: Readonly<Record<RevocationScope, readonly Effect[]>> = {
  certifications: ['ended', 'narrowed', 'lifted'],
  digest: ['ended', 'blocked', 'narrowed', 'lifted'],
  certificate: ['distrusted', 'narrowed', 'lifted'],
  identity: ['distrusted', 'narrowed', 'lifted'],
}
const COMMON_FIELDS = ['v', 'scope', 'effect', 'advisories', 'severity', 'action', 'replacement', 'reason', 'issuedAt']
type Effect = (typeof EFFECTS)[number]
type Fields = { readonly [key: string]: JsonValue }

/**
 * The payload that revokers sign: RFC 8785 JSON, numbers delta-coded, times with whole seconds. Throws
 * `revocation.record-malformed` for a record that `readRecord` would not take.
 */
export function writeRecord(record: RevocationRecord): Uint8Array {
  const payload = canonicalJson(jsonOf(record))
  readRecord(payload)
  return payload
}

/**
 * Reads a payload, only in the exact bytes of `writeRecord`. Trusts nothing: who signed it is `authoriseRevocation`'s
 * business. Throws `revocation.record-unknown` for another version, scope, effect or an unknown field, before anything
 * else of it is looked at, because such a record may mean anything; `revocation.record-malformed` for all other faults.
 */
export function readRecord(payload: Uint8Array): RevocationRecord {
  const fields = readFields(payload)
  const { scope, effect } = readKind(fields)
  checkFields(fields, scope, effect)
  const record = { ...readBody(fields, scope, effect), ...readCommon(fields), scope, effect } as RevocationRecord
  if (!equalBytes(canonicalJson(jsonOf(record)), payload)) throw malformed('the payload is not in its canonical form')
  if ('from' in record && record.from.getTime() > record.issuedAt.getTime()) throw malformed('from is after issuedAt')
  return record
}

function jsonOf(record: RevocationRecord): JsonValue {
  const { issuedAt, ...rest } = record
  const json: Record<string, JsonValue> = { v: 1, issuedAt: timeText(issuedAt) }
  for (const [name, value] of Object.entries(rest) as [string, unknown][]) {
    if (value === undefined) continue
    if (name === 'numbers') json[name] = encodeBase64(encodeNumbers(value as readonly bigint[]))
    else if (name === 'logs')
      json[name] = (value as Since['logs']).map(({ origin, size }) => ({ origin, size: String(size) }))
    else if (value instanceof Date) json[name] = timeText(value)
    else json[name] = typeof value === 'bigint' ? String(value) : (value as JsonValue)
  }
  return json
}

function readFields(payload: Uint8Array): Fields {
  let json: JsonValue
  try {
    json = parseJson(payload, { maxBytes: MAX_ENTRY_BYTES, maxDepth: 4 })
  } catch (cause) {
    throw revocationError('revocation.record-malformed', 'the payload is not JSON', { cause })
  }
  return asObject(json, 'the payload')
}

function readKind(fields: Fields): { scope: RevocationScope; effect: Effect } {
  const { v, scope, effect } = fields
  if (v !== 1) throw unknown(`version ${shown(v)}`)
  if (typeof scope !== 'string' || !Object.hasOwn(SCOPE_FIELDS, scope)) throw unknown(`scope ${shown(scope)}`)
  const known = EFFECTS.find((one) => one === effect)
  if (known === undefined) throw unknown(`effect ${shown(effect)}`)
  const stranger = Object.keys(fields).find((name) => !FIELDS.has(name))
  if (stranger !== undefined) throw unknown(`the field ${shown(stranger)}`)
  return { scope: scope as RevocationScope, effect: known }
}

/** Kinds of ending are never mixed: each scope has its effects, and each effect exactly its fields. */
function checkFields(fields: Fields, scope: RevocationScope, effect: Effect): void {
  if (!SCOPE_EFFECTS[scope].includes(effect)) throw malformed(`a record of the scope ${scope} is not ${effect}`)
  const own: readonly string[] = effect === 'lifted' ? [] : effect === 'blocked' ? ['digest'] : SCOPE_FIELDS[scope]
  const needed = effect === 'lifted' || effect === 'narrowed' ? [...own, 'amends'] : own
  const missing = needed.find((name) => fields[name] === undefined)
  if (missing !== undefined) throw malformed(`${missing} is missing`)
  const stray = Object.keys(fields).find((name) => !needed.includes(name) && !COMMON_FIELDS.includes(name))
  if (stray !== undefined) throw malformed(`a record that is ${effect} at ${scope} has no ${stray}`)
}

function readBody(fields: Fields, scope: RevocationScope, effect: Effect): object {
  const amends = fields.amends === undefined ? {} : { amends: readHash(fields, 'amends') }
  if (effect === 'lifted') return amends
  if (effect === 'blocked') return { digest: readHash(fields, 'digest') }
  if (scope === 'certifications')
    return { ...amends, authority: readHash(fields, 'authority'), numbers: readNumbers(fields) }
  if (scope === 'digest') {
    const upTo = readCount(fields.upTo, 'upTo')
    return { ...amends, digest: readHash(fields, 'digest'), authority: readHash(fields, 'authority'), upTo }
  }
  const since = { from: readTime(fields, 'from'), logs: readLogs(fields.logs) }
  if (scope === 'identity') return { ...amends, ...since, identity: readIdentity(fields.identity) }
  const certificate = readText(fields, 'certificate', 40, /^(?:[0-9a-f]{2})+$/)
  return { ...amends, ...since, authority: readHash(fields, 'authority'), certificate }
}

function readCommon(fields: Fields): Common {
  const { advisories, severity, action, replacement } = fields
  return {
    ...(advisories !== undefined && { advisories: readAdvisories(advisories) }),
    ...(severity !== undefined && { severity: readWord(severity, 'severity', SEVERITIES) }),
    ...(action !== undefined && { action: readWord(action, 'action', ACTIONS) }),
    ...(replacement !== undefined && { replacement: readText(fields, 'replacement', 256) }),
    reason: readText(fields, 'reason', 512),
    issuedAt: readTime(fields, 'issuedAt'),
  }
}

function readAdvisories(json: JsonValue): string[] {
  const list = asList(json, 'advisories', 32)
  const ids = list.map((id) => readText({ advisories: id }, 'advisories', 128, /^[\x21-\x7e]+$/))
  if (new Set(ids).size !== ids.length) throw malformed('advisories names the same id twice')
  return ids
}

function readLogs(json: JsonValue | undefined): Since['logs'] {
  const logs = asList(json, 'logs', 100).map((one) => {
    const log = exactObject(one, 'logs', ['origin', 'size'])
    return { origin: readText(log, 'origin', 256, /^\S+$/), size: readCount(log.size, 'logs.size') }
  })
  if (new Set(logs.map(({ origin }) => origin)).size !== logs.length)
    throw malformed('logs names the same origin twice')
  return logs
}

function readIdentity(json: JsonValue | undefined): IdentityRecord['identity'] {
  const identity = exactObject(json, 'identity', ['issuer', 'subject'])
  return { issuer: readText(identity, 'issuer', 512), subject: readText(identity, 'subject', 512) }
}

function readNumbers({ numbers }: Fields): bigint[] {
  if (typeof numbers !== 'string') throw malformed('numbers is not base64')
  try {
    return decodeNumbers(decodeBase64(numbers, 'numbers'))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unreadable'
    throw revocationError('revocation.record-malformed', why, { cause })
  }
}

function readTime(fields: Fields, name: string): Date {
  const text = readText(fields, name, 20, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  const time = new Date(text)
  if (Number.isNaN(time.getTime())) throw malformed(`${name} is no time`)
  return time
}

function readHash(fields: Fields, name: string): string {
  return readText(fields, name, 64, /^[0-9a-f]{64}$/)
}

/** A number between 0 and 2^63 in decimal digits. */
function readCount(json: JsonValue | undefined, name: string): bigint {
  if (typeof json !== 'string' || !/^(?:0|[1-9]\d{0,18})$/.test(json) || BigInt(json) >= 2n ** 63n) {
    throw malformed(`${name} is not a number between 0 and 2^63`)
  }
  return BigInt(json)
}

function readWord<W extends string>(json: JsonValue, name: string, words: readonly W[]): W {
  const found = words.find((word) => word === json)
  if (found === undefined) throw malformed(`${name} is not one of: ${words.join(', ')}`)
  return found
}

function readText(fields: Fields, name: string, maxLength: number, pattern = /^[^\p{Cc}]+$/u): string {
  const value = fields[name]
  if (typeof value !== 'string' || value.length > maxLength || !pattern.test(value)) {
    throw malformed(`${name} is missing or does not have its form`)
  }
  return value
}

function asList(json: JsonValue | undefined, name: string, max: number): readonly JsonValue[] {
  if (!Array.isArray(json) || json.length === 0 || json.length > max) throw malformed(`${name} has 1 to ${max} members`)
  return json
}

function exactObject(json: JsonValue | undefined, name: string, names: readonly string[]): Fields {
  const fields = asObject(json, name)
  if (Object.keys(fields).some((one) => !names.includes(one))) throw malformed(`${name} has only ${names.join(', ')}`)
  return fields
}

function asObject(json: JsonValue | undefined, name: string): Fields {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw malformed(`${name} is not an object`)
  return json as Fields
}

function timeText(time: Date): string {
  if (Number.isNaN(time.getTime())) throw malformed('a time is none')
  return `${time.toISOString().slice(0, 19)}Z`
}

function shown(value: JsonValue | undefined): string {
  return value === undefined ? 'none' : String(JSON.stringify(value)).slice(0, 40)
}

function unknown(what: string) {
  return revocationError('revocation.record-unknown', `${what}, which this program does not know`)
}

function malformed(message: string) {
  return revocationError('revocation.record-malformed', message)
}
