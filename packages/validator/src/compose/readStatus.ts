import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Jobs } from '@countersign/platform/jobs/jobs.ts'
import type { ValidatorStatus } from '@countersign/protocol/api/artifacts.ts'
import { cataloguedAgain, recordsIn } from '../watch/watchStore.ts'
import type { LocalStatus } from './adminRoutes.ts'
import { advisoryAttention } from './advisoryAttention.ts'
import { logAttention } from './logAttention.ts'
import type { Validator } from './openValidator.ts'

/** What a status is read from. */
export interface StatusDeps {
  readonly validator: Validator
  readonly version: string
  readonly startedAt: Date
  readonly clock: Clock
  /** Scheduled work, once there is some. */
  jobs(): Jobs | undefined
}

const CLIENT_ENDS_SOON_MS = 7 * 86_400_000
const MAX_ATTENTION = 64

type Attention = ValidatorStatus['attention'][number]

/** How this validator is, as it tells its instance. */
export async function readTold({ validator, version, clock, jobs }: StatusDeps): Promise<ValidatorStatus> {
  const { asOf, records, sample, state, ecosystems } = validator.advisories.state()
  const attention = [
    ...(await logAttention(validator.certificates)),
    ...advisoryAttention(validator.advisories, {
      now: clock.now(),
      environment: validator.file.environment,
      policy: validator.policy().policy,
    }),
    ...protectionAttention(validator),
    ...(await revocationAttention(validator)),
    ...(await doubtAttention(validator)),
    ...(await askedAttention(validator)),
    ...clientAttention(validator, clock.now()),
    ...(jobs()?.status() ?? []).flatMap(({ name, lastError }) =>
      lastError === undefined ? [] : [{ code: 'job-failed', message: `the job ${name} failed: ${lastError}` }],
    ),
  ]
  return {
    version,
    advisories: { ...(asOf !== undefined && { asOf }), records, sample, state },
    ecosystems: ecosystems.slice(0, 200).map((one) => ({ ...one })),
    protections: validator.protections.map(({ name, active, detail }) => ({
      name,
      active,
      detail: detail.slice(0, 512),
    })),
    attention: attention
      .slice(0, MAX_ATTENTION)
      .map(({ code, message }) => ({ code, message: message.slice(0, 1024) })),
  }
}

/** How this validator is, for its operator. */
export async function readLocalStatus(deps: StatusDeps): Promise<LocalStatus> {
  const { validator, startedAt, jobs } = deps
  const { file, subject } = validator
  return {
    name: file.name,
    subject,
    url: file.url,
    environment: file.environment,
    startedAt: startedAt.toISOString(),
    clientCertificate: { notAfter: validator.clientNotAfter().toISOString() },
    told: await readTold(deps),
    ...(await validator.store.counts()),
    jobs: (jobs()?.status() ?? []).map(({ name, lastRunAt, lastError }) => ({
      name,
      ...(lastRunAt !== undefined && { lastRunAt: lastRunAt.toISOString() }),
      ...(lastError !== undefined && { lastError }),
    })),
  }
}

function protectionAttention({ protections }: Validator): Attention[] {
  if (protections.some((one) => one.active)) return []
  return [{ code: 'inspector-unprotected', message: 'nothing confines the inspector on this machine' }]
}

async function revocationAttention({ watch, advisories }: Validator): Promise<Attention[]> {
  const [unsent, waiting, logged] = await Promise.all(
    (['signed', 'waiting', 'logged'] as const).map((state) => recordsIn(watch.database, state)),
  )
  const found: Attention[] = []
  if (unsent && unsent.length > 0) {
    found.push({ code: 'revocations-unsent', message: `${unsent.length} revocations are not logged yet; tried again` })
  }
  for (const { request, record } of waiting ?? []) {
    const where = `announced as record ${record}, request ${request ?? 'unknown'}`
    found.push({ code: 'revocation-waits', message: `a revocation is above the reach limit and waits: ${where}` })
  }
  // What a withdrawn advisory ended stays ended until a person looks at it; a log is never taken back by itself.
  const ended = new Set((logged ?? []).flatMap(({ advisories: ids }) => JSON.parse(ids) as string[]))
  for (const id of ended) {
    if (advisories.get(id)?.withdrawn === undefined) continue
    found.push({ code: 'advisory-withdrawn', message: `${id} was withdrawn; what it ended can be certified anew` })
  }
  return found
}

async function askedAttention({ store }: Validator): Promise<Attention[]> {
  const count = await store.countAsked()
  if (count === 0) return []
  return [{ code: 'submissions-asked', message: `${count} submissions wait for your decision: submissions list` }]
}

/** Certifications with the same doubt are named together. */
async function doubtAttention({ watch }: Validator): Promise<Attention[]> {
  const doubted = (await cataloguedAgain(watch.database)).filter(({ doubts }) => doubts !== null)
  const groups = Map.groupBy(doubted, ({ doubts }) => doubts ?? '')
  return [...groups].map(([doubts, rows]) => {
    const numbers = rows.map(({ number }) => number).join(', ')
    const reasons = (JSON.parse(doubts) as string[]).join('; ')
    return { code: 'certification-doubtful', message: `not certified again as it is: number ${numbers}: ${reasons}` }
  })
}

function clientAttention({ clientNotAfter }: Validator, now: Date): Attention[] {
  const notAfter = clientNotAfter()
  if (notAfter.getTime() - now.getTime() > CLIENT_ENDS_SOON_MS) return []
  return [{ code: 'client-certificate-ends', message: `the client certificate ends at ${notAfter.toISOString()}` }]
}
