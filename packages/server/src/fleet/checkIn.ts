import { verify } from 'node:crypto'
import { type Assignment, type DeviceState, deviceState } from '@countersign/protocol/api/devices.ts'
import { decodeBase64 } from '@countersign/protocol/json/base64.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import { deviceReportBytes } from '@countersign/protocol/release/deviceReport.ts'
import { parseCertificate } from '@countersign/protocol/x509/certificate.ts'
import type { Kysely, Selectable } from 'kysely'
import type { AuditIntent } from '../account/audit/auditStore.ts'
import { assignmentOf } from './assignments.ts'
import type { CallerRequest } from './callers.ts'
import { fleetError } from './errors.ts'
import type { FleetDeps } from './fleetDeps.ts'
import type { FleetTables, ReportRow } from './fleetTables.ts'

/** A report as it comes. */
export interface SignedReport {
  /** JSON text of a `DeviceState`. */
  readonly report: string
  /** Base64 of the client key's signature over `deviceReportBytes`. */
  readonly signature: string
}

/** What a device learns. */
export interface CheckInAnswer {
  readonly device: string
  readonly group: string
  readonly state: 'pending' | 'admitted'
  readonly assignment?: Assignment
  readonly nextMs: number
}

const MAX_REPORT_BYTES = 256 * 1024
/** A fleet of any size makes about 100 check-ins a second at most. */
const MIN_NEXT_MS = 10_000
const NEXT_MS_PER_DEVICE = 10

/**
 * Takes a device's signed report and says what it is assigned; a device that waits for admission is assigned nothing. A
 * report that shows less than an earlier one did (counter, acknowledged revocations, TUF versions: a restored snapshot or a
 * copy of the device) is taken, noted and put on record once. Durable when this resolves.
 * Throws what `Callers.deviceOf` throws, `fleet.report-malformed`, `fleet.report-signature-wrong`.
 */
export async function checkIn(deps: FleetDeps, request: CallerRequest, signed: SignedReport): Promise<CheckInAnswer> {
  const { database, clock, audit, callers } = deps
  const { name, isPending } = callers.deviceOf(request)
  requireSignature(request.clientCertificate as Uint8Array, signed)
  const state = readReport(signed.report)
  const now = clock.now()
  const outcome = await database.commitTogether<FleetTables, Outcome>('fleet.check-in', async (trx) => {
    const before = await trx.selectFrom('fleet_reports').selectAll().where('device', '=', name).executeTakeFirst()
    const wentBack = before && whatWentBack(before, state, signed.report)
    await store(trx, name, { signed, state, before, wentBack, now })
    const { group_name: group } = await seen(trx, name, now)
    if (wentBack === undefined || before?.went_back !== null) return { group }
    const detail = { device: name, what: wentBack }
    return {
      group,
      intent: await audit.intend(trx, { kind: 'device.state-went-back', actor: { device: name }, detail }),
    }
  })
  if (outcome.intent !== undefined) await audit.settle(outcome.intent)
  const { group } = outcome
  const found = isPending ? undefined : await assignmentOf(database.tables<FleetTables>(), { name, group })
  return {
    device: name,
    group,
    state: isPending ? 'pending' : 'admitted',
    ...(found && { assignment: found.assignment }),
    nextMs: await nextMs(deps),
  }
}

interface Outcome {
  readonly group: string
  readonly intent?: AuditIntent
}

function requireSignature(certificate: Uint8Array, { report, signature }: SignedReport): void {
  const { publicKey } = parseCertificate(certificate)
  const hash = publicKey.asymmetricKeyType === 'ed25519' ? null : 'sha256'
  if (verify(hash, deviceReportBytes(report), publicKey, decodeBase64(signature, 'the signature'))) return
  throw fleetError('fleet.report-signature-wrong', 'the report is not signed by the key of the client certificate')
}

function readReport(text: string): DeviceState {
  let json: unknown
  try {
    json = parseJson(text, { maxBytes: MAX_REPORT_BYTES, maxDepth: 8 })
  } catch (cause) {
    throw fleetError('fleet.report-malformed', 'the report is not JSON', { cause })
  }
  const read = deviceState.safeParse(json)
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw fleetError('fleet.report-malformed', `the report is wrong at "${issue?.path.join('.')}": ${issue?.message}`)
}

/** Which numbers are lower than before, in words; undefined where none is. The very same report again is a repetition. */
function whatWentBack(before: Selectable<ReportRow>, state: DeviceState, report: string): string | undefined {
  if (before.report === report) return undefined
  const pairs: readonly (readonly [string, number, number])[] = [
    // Two reports of one number are two devices with one state.
    ['report counter', before.counter, state.counter - 1],
    ['acknowledged revocations', before.acknowledged, Number(state.acknowledged)],
    ['TUF root', before.tuf_root, state.tuf.root],
    ['TUF targets', before.tuf_targets, state.tuf.targets],
    ['TUF timestamp', before.tuf_timestamp, state.tuf.timestamp],
  ]
  const lower = pairs.filter(([, had, has]) => has < had)
  if (lower.length === 0) return undefined
  return lower.map(([what, had, has]) => `${what} ${what === 'report counter' ? has + 1 : has} after ${had}`).join(', ')
}

interface NewReport {
  readonly signed: SignedReport
  readonly state: DeviceState
  readonly before: Selectable<ReportRow> | undefined
  readonly wentBack: string | undefined
  readonly now: Date
}

/** The newest text, and the highest numbers ever reported. */
async function store(trx: Kysely<FleetTables>, device: string, report: NewReport): Promise<void> {
  const { signed, state, before, wentBack, now } = report
  const values = {
    ...signed,
    received_ms: now.getTime(),
    counter: Math.max(before?.counter ?? 0, state.counter),
    acknowledged: Math.max(before?.acknowledged ?? 0, Number(state.acknowledged)),
    tuf_root: Math.max(before?.tuf_root ?? 0, state.tuf.root),
    tuf_targets: Math.max(before?.tuf_targets ?? 0, state.tuf.targets),
    tuf_timestamp: Math.max(before?.tuf_timestamp ?? 0, state.tuf.timestamp),
    went_back: before?.went_back ?? wentBack ?? null,
    went_back_ms: before?.went_back_ms ?? (wentBack === undefined ? null : now.getTime()),
  }
  await trx
    .insertInto('fleet_reports')
    .values({ device, ...values })
    .onConflict((conflict) => conflict.column('device').doUpdateSet(values))
    .execute()
  const running = runningOf(state)
  const known = await trx.selectFrom('fleet_running').selectAll().where('device', '=', device).execute()
  if (sameNames(known, running)) return
  await trx.deleteFrom('fleet_running').where('device', '=', device).execute()
  for (const one of running) {
    await trx
      .insertInto('fleet_running')
      .values({ device, ...one })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
}

interface CertificationName {
  readonly authority: string
  readonly number: number
}

/** `<authority key id>:<number>`; what reads otherwise names no certification of anybody. */
function runningOf({ running }: DeviceState): CertificationName[] {
  return (running?.certifications ?? []).flatMap((text) => {
    const [, authority, number] = /^([0-9a-f]{64}):(\d{1,15})$/.exec(text) ?? []
    return authority === undefined ? [] : [{ authority, number: Number(number) }]
  })
}

function sameNames(a: readonly CertificationName[], b: readonly CertificationName[]): boolean {
  const names = (all: readonly CertificationName[]) =>
    all
      .map((one) => `${one.authority}:${one.number}`)
      .sort()
      .join()
  return names(a) === names(b)
}

function seen(trx: Kysely<FleetTables>, name: string, now: Date): Promise<{ group_name: string }> {
  return trx
    .updateTable('fleet_members')
    .set({ last_seen_ms: now.getTime() })
    .where('kind', '=', 'devices')
    .where('name', '=', name)
    .returning('group_name')
    .executeTakeFirstOrThrow()
}

/** Jitter keeps a fleet that started together from calling together for ever. */
async function nextMs({ database }: FleetDeps): Promise<number> {
  const { devices } = await database
    .tables<FleetTables>()
    .selectFrom('fleet_reports')
    .select((select) => select.fn.countAll<number>().as('devices'))
    .executeTakeFirstOrThrow()
  return Math.round(Math.max(MIN_NEXT_MS, devices * NEXT_MS_PER_DEVICE) * (0.8 + Math.random() * 0.4))
}
