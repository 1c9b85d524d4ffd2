import { statfs } from 'node:fs/promises'
import type { Clock } from '@countersign/local/clock/clock.ts'
import type { JobStatus } from '@countersign/platform/jobs/jobs.ts'
import type { InstanceStatus } from '@countersign/protocol/api/admin.ts'
import { encodeBase64 } from '@countersign/protocol/json/base64.ts'
import type { TransparencyLog } from '../log/transparencyLog.ts'
import type { UnrecordedCertification } from '../trust/revocation/unrecordedCertifications.ts'
import { addressesOf, type InstanceFacts } from './facts.ts'
import { newestTime } from './newestTime.ts'

/** One thing that ends, and how long before its end a person has to look at it. */
export interface Expiry {
  readonly name: string
  readonly notAfter: Date
  /** Things that renew themselves get a short time: reaching it means that renewal failed. */
  readonly warnDays: number
}

/** One protection and whether it is in force. */
export interface Protection {
  readonly name: string
  readonly active: boolean
  readonly detail: string
}

/** What `readStatus` looks at. */
export interface StatusDeps {
  readonly facts: InstanceFacts
  readonly version: string
  readonly startedAt: Date
  readonly dataFolder: string
  readonly clock: Clock
  readonly logs: readonly TransparencyLog[]
  readonly jobs: { status(): readonly JobStatus[]; readonly paused: boolean }
  /** Everything that ends. */
  expiries(): Promise<readonly Expiry[]>
  /** Every protection, in force or not. */
  protections(): Promise<readonly Protection[]>
  /** The validators and devices, and what they need a person for. */
  fleet(): Promise<Pick<InstanceStatus, 'validators' | 'devices' | 'attention'>>
  /** Certifications that are logged, that were never issued here and that nothing has ended. */
  unrecorded(): Promise<readonly UnrecordedCertification[]>
}

type Attention = InstanceStatus['attention'][number]

/** Below this the log cannot be sure to finish a round and its snapshot of the database. */
const MIN_FREE_BYTES = 512 * 1024 * 1024
/** The heartbeat comes every few seconds; this long without one means that it does not come at all. */
const MAX_HEARTBEAT_AGE_MS = 10 * 60_000

/** How the instance is, and in `attention` what a person should do about it. */
export async function readStatus(deps: StatusDeps): Promise<InstanceStatus> {
  const now = deps.clock.now()
  const addresses = addressesOf(deps.facts)
  const disk = await diskSpace(deps.dataFolder)
  const expiries = await deps.expiries()
  const jobs = deps.jobs.status()
  const newest = newestTime(deps.logs)
  const { validators, devices, attention } = await deps.fleet()
  return {
    version: deps.version,
    environment: deps.facts.environment,
    publicUrl: deps.facts.publicUrl,
    publicHttpUrl: deps.facts.publicHttpUrl,
    issuer: addresses.issuer,
    startedAt: deps.startedAt.toISOString(),
    clock: { now: now.toISOString(), newestCheckpoint: newest.toISOString() },
    logs: deps.logs.map(describeLog),
    expiries: expiries.map(({ name, notAfter }) => ({ name, notAfter: notAfter.toISOString() })),
    disk,
    protections: (await deps.protections()).map((one) => ({ ...one })),
    jobs: jobs.map(describeJob),
    scheduledWorkPaused: deps.jobs.paused,
    validators,
    devices,
    attention: [
      ...expiryAttention(expiries, now),
      ...diskAttention(disk),
      ...clockAttention(newest, now),
      ...jobAttention(jobs, deps.jobs.paused),
      ...(await deps.unrecorded()).map(unrecordedAttention),
      ...attention,
    ],
  }
}

function describeLog(log: TransparencyLog): InstanceStatus['logs'][number] {
  const head = log.head()
  return { name: log.name, origin: log.origin, size: head.size.toString(), root: encodeBase64(head.root) }
}

function describeJob(job: JobStatus): InstanceStatus['jobs'][number] {
  return {
    name: job.name,
    ...(job.lastRunAt && { lastRunAt: job.lastRunAt.toISOString() }),
    ...(job.lastError && { lastError: job.lastError }),
    ...(job.nextRunAt && { nextRunAt: job.nextRunAt.toISOString() }),
  }
}

async function diskSpace(folder: string): Promise<InstanceStatus['disk']> {
  const { bavail, blocks, bsize } = await statfs(folder)
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}

function expiryAttention(expiries: readonly Expiry[], now: Date): Attention[] {
  return expiries.flatMap(({ name, notAfter, warnDays }) => {
    const daysLeft = (notAfter.getTime() - now.getTime()) / 86_400_000
    if (daysLeft > warnDays) return []
    const when = daysLeft < 0 ? 'expired at' : 'expires at'
    const message = `${name} ${when} ${notAfter.toISOString()}; docs/operations.md, "Renewal", says what to do`
    return [{ code: daysLeft < 0 ? 'status.expired' : 'status.expires-soon', message }]
  })
}

function diskAttention({ freeBytes }: InstanceStatus['disk']): Attention[] {
  if (freeBytes >= MIN_FREE_BYTES) return []
  const message = `only ${Math.floor(freeBytes / 2 ** 20)} MiB are free on the disk of the data folder; make space`
  return [{ code: 'status.disk-low', message }]
}

function clockAttention(newest: Date, now: Date): Attention[] {
  const behindMs = newest.getTime() - now.getTime()
  if (behindMs > 1000) {
    const message = `the clock is ${Math.round(behindMs / 1000)} s behind the newest checkpoint; set it right`
    return [{ code: 'status.clock-behind', message }]
  }
  if (-behindMs > MAX_HEARTBEAT_AGE_MS) {
    const message = `no log was cosigned since ${newest.toISOString()}; look at the jobs and at the log of the server`
    return [{ code: 'status.heartbeat-late', message }]
  }
  return []
}

function unrecordedAttention(one: UnrecordedCertification): Attention {
  const { authority, number, log_index: index, subject, isNumberIssued } = one
  const what = `entry ${index} of the certificate log certifies ${one.sha256} in the name of ${subject}, and was never issued here`
  const end = `countersign revoke --certification ${number} --authority ${authority} --reason "never issued"`
  const also = isNumberIssued ? ` (which also ends the one that was issued under ${number})` : ''
  return {
    code: 'status.certification-unrecorded',
    message: `${what}: somebody has the keys of the authority; approvers end it: ${end}${also}`,
  }
}

function jobAttention(jobs: readonly JobStatus[], paused: boolean): Attention[] {
  const failed = jobs
    .filter((job) => job.lastError !== undefined)
    .map((job) => ({ code: 'status.job-failed', message: `the job ${job.name} failed: ${job.lastError}` }))
  if (!paused) return failed
  return [
    ...failed,
    {
      code: 'status.work-paused',
      message: 'scheduled work is paused; `countersign-server jobs resume` starts it again',
    },
  ]
}
