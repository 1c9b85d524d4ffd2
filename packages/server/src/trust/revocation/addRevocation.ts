import { randomBytes } from 'node:crypto'
import type { Reach } from '@countersign/protocol/api/revocations.ts'
import { authoriseRevocation, neededApprovals } from '@countersign/protocol/decide/authoriseRevocation.ts'
import { refusedCaller } from '@countersign/protocol/errors/codedError.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import { sha256 } from '@countersign/protocol/log/merkle.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { parseRevocationLeaf, type UnverifiedRevocation } from '@countersign/protocol/revocation/envelope.ts'
import { type CertificationsRecord, writeRecord } from '@countersign/protocol/revocation/record.ts'
import type { Transaction } from 'kysely'
import type { AccountTables } from '../../account/accountTables.ts'
import type { AuditEvent } from '../../account/audit/auditEvent.ts'
import type { AuditIntent } from '../../account/audit/auditStore.ts'
import { trustError } from '../errors.ts'
import type { TrustTables } from '../trustTables.ts'
import { type NamedCertification, namedBy } from './endedBy.ts'
import { logRevocation } from './logRevocation.ts'
import { passesLimit, reachOf } from './reachOf.ts'
import { addRequest, findRequestByPayload } from './requestStore.ts'
import type { RevocationDeps } from './revocationDeps.ts'
import {
  addRevocation as addIntent,
  automaticReach,
  findRevocation,
  type NewRevocation,
  readRevocation,
  type StoredRevocation,
} from './revocationStore.ts'

/** A validator's signed record as it came over mutual TLS. */
export interface SignedRecord {
  /** The DSSE envelope, JSON in the one form of a leaf. */
  readonly envelope: string
  readonly knownExploited: boolean
  readonly malware: boolean
}

/** What became of it. */
export interface AddedRevocation {
  readonly state: 'logged' | 'waiting'
  /** Leaf index of the record; where it waits, of its announcement. */
  readonly record: bigint
  /** Where it waits: what approvers sign. */
  readonly request?: string
  readonly reach: Reach
}

/** How far a validator's clock may be ahead. */
const CLOCK_SKEW_MS = 300_000
/** What a validator ends by itself within this time is weighed together. */
const REACH_WINDOW_MS = 86_400_000

/** What automatic records stand on. */
export interface AutomaticDeps extends RevocationDeps {
  /** Carries out one after the other what it is given. */
  inTurn<T>(work: () => Promise<T>): Promise<T>
}

/**
 * Logs a record that ends certifications of the validator who signed it (design 5). Above the reach limit of the policy,
 * together with what it ended within a day before, it is announced as *inform* and waits for approvers; the policy may let
 * known exploited flaws and malware pass. The same
 * payload again: the same answer, also after a crash. Trusts `validator` to be proved.
 * Throws the codes of `parseRevocationLeaf` and `authoriseRevocation`, `trust.revocation-kind`,
 * `trust.certification-unknown`, `trust.date-in-future`, and what the log throws.
 */
export async function addRevocation(
  deps: AutomaticDeps,
  validator: string,
  { envelope, ...kind }: SignedRecord,
): Promise<AddedRevocation> {
  try {
    const revocation = parseRevocationLeaf(new TextEncoder().encode(envelope))
    const { revokers, environment } = await deps.policy()
    const authorised = authoriseRevocation(revocation, revokers, environment)
    const { record } = authorised
    if (authorised.validator !== validator || record.scope !== 'certifications' || record.effect !== 'ended') {
      throw trustError('trust.revocation-kind', 'the record is not one by this validator that ends certifications')
    }
    const known = await findKnown(deps, revocation.payloadHash)
    if (known !== undefined) return known
    const weighed = await deps.inTurn(() => weigh(deps, validator, { revocation, record, kind, revokers, environment }))
    return 'intent' in weighed ? await logIntent(deps, weighed) : weighed
  } catch (error) {
    throw refusedCaller(error, { validator })
  }
}

type Tables = TrustTables & AccountTables

interface Intent {
  readonly stored: StoredRevocation
  readonly entry: AuditIntent
}

interface Weighing {
  readonly revocation: UnverifiedRevocation
  readonly record: CertificationsRecord
  readonly kind: Omit<SignedRecord, 'envelope'>
  readonly revokers: VerificationPolicy['revokers']
  readonly environment: VerificationPolicy['environment']
}

/**
 * Weighs a record together with what this validator's records have reached within a day, and writes down what follows: the
 * intent to log it, or that it waits. One after the other, because of two at once each would be weighed alone.
 */
async function weigh(
  deps: RevocationDeps,
  validator: string,
  { revocation, record, kind, revokers, environment }: Weighing,
): Promise<{ readonly intent: Intent; readonly reach: Reach } | AddedRevocation> {
  const known = await findKnown(deps, revocation.payloadHash)
  if (known !== undefined) return known
  const ending = await ownCertifications(deps, validator, record)
  const since = new Date(deps.clock.now().getTime() - REACH_WINDOW_MS)
  const earlier = await automaticReach(deps.database.tables<TrustTables>(), validator, since)
  const reach = await reachOf(deps, revokers, ending, earlier)
  if (reach.above.length === 0) {
    return { intent: await intend(deps, validator, { ...revocation, reach, automaticBy: validator }), reach }
  }
  if (passesLimit(revokers, kind, record.advisories ?? [])) {
    return { intent: await intend(deps, validator, { ...revocation, reach }), reach }
  }
  const required = neededApprovals(record.scope, revokers, environment)
  return announce(deps, validator, { ...revocation, record, reach, required })
}

function intend(deps: RevocationDeps, validator: string, revocation: NewRevocation): Promise<Intent> {
  return deps.database.commitTogether<Tables, Intent>('trust.revocation-intent', async (trx) => ({
    stored: await addIntent(narrowed(trx), revocation, deps.clock.now()),
    entry: await deps.audit.intend(trx, auditEvent('revocation.recorded', validator, revocation.payloadHash)),
  }))
}

async function logIntent(
  deps: RevocationDeps,
  { intent: { stored, entry }, reach }: { readonly intent: Intent; readonly reach: Reach },
): Promise<AddedRevocation> {
  // The trail has it already; its log, on the same disk, comes after the one that devices wait for.
  const record = await logRevocation(deps, stored)
  await deps.audit.settle(entry)
  return { state: 'logged', record, reach }
}

/**
 * Says in the log what is asked for: the same record, only to inform and signed by nobody, so that it ends nothing. What
 * approvers sign is the validator's own payload.
 */
async function announce(
  deps: RevocationDeps,
  validator: string,
  waiting: UnverifiedRevocation & { readonly reach: Reach; readonly required: number },
): Promise<AddedRevocation> {
  const { payload, payloadHash, record, reach, required } = waiting
  const informing = { ...record, action: 'inform' } as const
  const announced = writeRecord(informing)
  const announcement = {
    payload: announced,
    payloadHash: toHex(sha256(announced)),
    record: informing,
    signatures: [],
    reach,
  }
  const id = randomBytes(16).toString('hex')
  await deps.audit.record(auditEvent('revocation.held', validator, payloadHash))
  const now = deps.clock.now()
  await deps.database.transaction<TrustTables, void>('trust.revocation-held', async (trx) => {
    const stored = await addIntent(trx, announcement, now)
    const request = { id, payload, payloadHash, requestedBy: validator, required, reach, announcement: stored.id }
    await addRequest(trx, request, now)
  })
  return (await findKnown(deps, payloadHash)) as AddedRevocation
}

/** The answer that this payload got before; what a crash cut off is finished first. */
async function findKnown(deps: RevocationDeps, payloadHash: string): Promise<AddedRevocation | undefined> {
  const tables = deps.database.tables<TrustTables>()
  const record = await findRevocation(tables, { payloadHash, kind: 'record' })
  if (record !== undefined) {
    return { state: 'logged', record: await logRevocation(deps, record), reach: JSON.parse(record.reach) }
  }
  const request = await findRequestByPayload(tables, payloadHash)
  if (request?.announcement == null) return undefined
  const announcement = await logRevocation(deps, await readRevocation(tables, request.announcement))
  return { state: 'waiting', record: announcement, request: request.id, reach: JSON.parse(request.reach) }
}

/** The certifications that the record names, all of them of this validator. */
async function ownCertifications(
  { database, clock }: RevocationDeps,
  validator: string,
  record: CertificationsRecord,
): Promise<NamedCertification[]> {
  if (record.issuedAt.getTime() > clock.now().getTime() + CLOCK_SKEW_MS) {
    throw trustError('trust.date-in-future', 'the record is dated in the future: one of the clocks is wrong')
  }
  const named = await namedBy(database.tables<TrustTables>(), record)
  const own = named.filter((one) => one.validator === validator)
  if (own.length !== record.numbers.length) {
    const missing = record.numbers.length - own.length
    throw trustError('trust.certification-unknown', `${missing} of the numbers are not of this validator`)
  }
  return own
}

function auditEvent(kind: string, validator: string, payload: string): AuditEvent {
  return { kind, actor: { validator }, detail: { payload } }
}

/** The same transaction; Kysely's type takes no table more than it names. */
function narrowed(trx: Transaction<Tables>): Transaction<TrustTables> {
  return trx as unknown as Transaction<TrustTables>
}
