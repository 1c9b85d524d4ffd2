import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { listReleaseTargets } from '@countersign/local/anchors/releaseTargets.ts'
import { equalBytes } from '@countersign/protocol/json/base64.ts'
import { leafHash } from '@countersign/protocol/log/merkle.ts'
import { parseRevocationLeaf } from '@countersign/protocol/revocation/envelope.ts'
import { runningOn } from './crashDevice.ts'
import { type Fault, select, twice } from './crashFault.ts'
import type { RebuiltLog } from './crashRebuild.ts'
import type { Site } from './crashSite.ts'

/** What is left along the journey: on the server by now, the log of what ended, and what devices are told. */
export interface JourneyRemains {
  readonly log: RebuiltLog
  readonly database: DatabaseSync
  readonly anchors: Anchors
}

/**
 * Judges what issuing, ending, releasing and running left: no submission has two numbers, no number ended twice, log, database
 * and revocation list say the same, no counter was used again, no device went back or runs anything that is not to run.
 */
export function judgeJourney(site: Site, { log, database, anchors }: JourneyRemains): Fault[] {
  return [
    ...judgeRevocations(log, database),
    ...judgeNumbers(site, database),
    ...judgeReleases(database, anchors),
    ...judgeDevice(site, database),
  ]
}

const subjects = {
  submission:
    "SELECT id AS name, CASE WHEN state IN ('certified', 'refused', 'failed') THEN state ELSE 'submitted' END AS value FROM artifacts_submissions",
  certification: "SELECT number AS name, iif(ended_by IS NULL, 'active', 'ended') AS value FROM trust_certifications",
  release: "SELECT product || '/' || channel || '/' || counter AS name, sha256 AS value FROM fleet_releases",
  request: "SELECT id AS name, iif(record IS NULL, 'waiting', 'logged') AS value FROM trust_revocation_requests",
  devices: "SELECT name, state AS value FROM fleet_members WHERE kind = 'devices'",
  validators: "SELECT name, state AS value FROM fleet_members WHERE kind = 'validators'",
} as const

/** Whether facts about `subject` are in `journeyValues`. */
export function isAlongJourney(subject: string | undefined): boolean {
  return subject !== undefined && subject in subjects
}

/** The value that each fact along the journey has now. */
export function journeyValues(database: DatabaseSync): ReadonlyMap<string, string> {
  const facts = Object.entries(subjects).flatMap(([subject, sql]) =>
    select<{ name: string; value: string }>(database, sql).map(
      ({ name, value }) => [`${subject} ${name}`, value] as const,
    ),
  )
  return new Map(facts)
}

interface RevocationRow {
  readonly leaf: Uint8Array
  readonly kind: string
  readonly log_index: number | null
}

/** Every leaf of the log has its row, every row its leaf, and no number ends by two records. */
function judgeRevocations({ leaves }: RebuiltLog, database: DatabaseSync): Fault[] {
  const rows = select<RevocationRow>(database, 'SELECT leaf, kind, log_index FROM trust_revocations')
  const faults: Fault[] = rows.flatMap(({ leaf, log_index: index }) => {
    const logged = index === null ? undefined : leaves[index]
    if (logged !== undefined && equalBytes(logged, leafHash(new Uint8Array(leaf)))) return []
    return [{ kind: 'broken', message: `the record at ${index} is not in the revocation log` }]
  })
  if (rows.length !== leaves.length) {
    faults.push({ kind: 'broken', message: `${rows.length} records are stored, ${leaves.length} are logged` })
  }
  const ended = rows.flatMap(({ leaf, kind }) => {
    const { record } = parseRevocationLeaf(new Uint8Array(leaf))
    return kind === 'record' && record.effect === 'ended' && record.scope === 'certifications' ? record.numbers : []
  })
  return [...faults, ...twice(ended.map((number) => `the end of certification ${number}`))]
}

interface IssuedRow {
  readonly number: number
  readonly sha256: string
  readonly validator: string
  readonly ended_by: number | null
  /** Null where no certificate carries the number. */
  readonly revoked: number | null
}

interface OwnRow {
  readonly number: string | null
  readonly state: string
}

/** Who has a number on the server has it at the validator, in the same state, once for each artifact that was submitted once. */
function judgeNumbers(site: Site, database: DatabaseSync): Fault[] {
  const issued = select<IssuedRow>(
    database,
    `SELECT number, sha256, validator, ended_by, serial IN (SELECT serial FROM trust_revoked) AS revoked
     FROM trust_certifications LEFT JOIN trust_certificate_intents USING (id)`,
  )
  const faults = twice(issued.map(({ sha256, validator }) => `a certification of ${sha256} by ${validator}`))
  // What got no certificate and never will has no number, and nothing is owed for it.
  const rows = ownCertifications(site).filter(({ number, state }) => number !== null || state !== 'void')
  const own = new Map(rows.map((row) => [row.number, row.state]))
  for (const { number, ended_by, revoked } of issued) {
    const state = own.get(String(number))
    const expected = ended_by === null ? ['active'] : ['ended', 'ending']
    if (state === undefined || !expected.includes(state)) {
      const here = ended_by === null ? 'active' : 'ended'
      faults.push({ kind: 'broken', message: `certification ${number} is ${here}, its validator has it as ${state}` })
    }
    if (revoked !== (ended_by === null ? 0 : 1)) {
      faults.push({ kind: 'broken', message: `certification ${number} and the revocation list disagree` })
    }
  }
  for (const { state } of rows.filter(({ number }) => number === null)) {
    faults.push({ kind: 'broken', message: `a certification that is ${state} has no number` })
  }
  if (rows.length > issued.length) faults.push({ kind: 'lost', message: 'the server forgot a number that it gave' })
  return faults
}

function ownCertifications(site: Site): OwnRow[] {
  const file = path.join(site.validatorFolder, 'database', 'validator.sqlite')
  if (!existsSync(file)) return []
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    return select<OwnRow>(database, 'SELECT number, state FROM certify_certifications')
  } finally {
    database.close()
  }
}

interface ReleaseRow {
  readonly product: string
  readonly channel: string
  readonly counter: number
  readonly version: string
  readonly published_ms: number | null
}

/** Counters are 1, 2, 3 …, each version has one, and whoever asks for them is told of all. */
function judgeReleases(database: DatabaseSync, anchors: Anchors): Fault[] {
  const rows = select<ReleaseRow>(
    database,
    'SELECT product, channel, counter, version, published_ms FROM fleet_releases ORDER BY product, channel, counter',
  )
  const listed = new Set(listReleaseTargets(anchors).map(releaseName))
  const faults = [
    ...twice(rows.map((row) => `the release ${releaseName(row)}`)),
    ...twice(rows.map(({ product, channel, version }) => `the release of ${product} ${version} on ${channel}`)),
  ]
  for (const row of rows) {
    if (row.published_ms !== null && listed.has(releaseName(row))) continue
    faults.push({ kind: 'lost', message: `the release ${releaseName(row)} is not distributed` })
  }
  if (listed.size !== rows.length) {
    faults.push({ kind: 'broken', message: `${listed.size} releases are distributed, ${rows.length} were made` })
  }
  return faults
}

function releaseName({ product, channel, counter }: { product: string; channel: string; counter: number }): string {
  return `${product}/${channel}/${counter}`
}

interface DeviceFile {
  readonly reportCounter: number
  readonly highest: readonly { readonly counter: number }[]
  readonly releases: readonly { readonly counter: number; readonly sha256: string }[]
  readonly running?: unknown
}

/** The agent has ended, so nothing of it may run; and nothing that it ever told may have been more than it knows now. */
function judgeDevice(site: Site, database: DatabaseSync): Fault[] {
  const faults: Fault[] = runningOn(site).map(({ pid, sha256 }) => ({
    kind: 'broken',
    message: `process ${pid} of ${sha256} runs without an agent`,
  }))
  const reports = select<{ device: string; counter: number; went_back: string | null }>(
    database,
    'SELECT device, counter, went_back FROM fleet_reports',
  )
  for (const { device, went_back } of reports) {
    if (went_back !== null) faults.push({ kind: 'lost', message: `the device ${device} went back: ${went_back}` })
  }
  const file = path.join(site.deviceFolder, 'state.json')
  if (!existsSync(file)) return faults
  const state = JSON.parse(readFileSync(file, 'utf8')) as DeviceFile
  const told = Math.max(0, ...reports.map(({ counter }) => counter))
  if (state.reportCounter < told) {
    faults.push({ kind: 'lost', message: `the device made report ${told} and remembers ${state.reportCounter}` })
  }
  const installed = Math.max(0, ...state.releases.map(({ counter }) => counter))
  if (installed > Math.max(0, ...state.highest.map(({ counter }) => counter))) {
    faults.push({ kind: 'lost', message: `the device installed release ${installed} and would take a lower one` })
  }
  return faults
}
