import type { HttpServer } from '@countersign/platform/http/server.ts'
import {
  getAffectedRoute,
  getArtifactRoute,
  getCertificationsRoute,
  getSubmissionRoute,
  listWorkRoute,
  putArtifactRoute,
  putValidatorStatusRoute,
  reportFindingsRoute,
  reportSubmissionRoute,
  submitRoute,
} from '@countersign/protocol/api/artifacts.ts'
import { bearerToken } from '../trust/authority/bearerToken.ts'
import type { ValidatorOf } from '../trust/routes.ts'
import type { ArtifactsDeps, Person } from './artifactsDeps.ts'
import type { ArtifactsTables } from './artifactsTables.ts'
import { readCertifications } from './certifications.ts'
import { artifactsError } from './errors.ts'
import { type AffectedDeps, readAffected, reportFindings } from './findings.ts'
import { putArtifact } from './putArtifact.ts'
import { reportSubmission } from './reportSubmission.ts'
import { describeSubmission, findSubmission, type StoredSubmission, submissionKey, workKey } from './submissionStore.ts'
import { submit } from './submit.ts'
import { putValidatorStatus } from './validatorStatus.ts'

/** What the routes of this folder stand on. */
export interface ArtifactsRoutesDeps extends ArtifactsDeps, Pick<AffectedDeps, 'devicesOf'> {
  readonly validatorOf: ValidatorOf
}

/** Open submissions of one answer to a validator. */
const MAX_WORK = 50
const BYTES = 'application/octet-stream'

/** Mounts artifacts, submissions and what validators tell; each server takes the routes that name its listener. */
export function mountArtifacts(servers: readonly HttpServer[], deps: ArtifactsRoutesDeps): void {
  for (const server of servers) {
    mountSubmitting(server, deps)
    mountValidating(server, deps)
    mountReading(server, deps)
  }
}

function mountSubmitting(server: HttpServer, deps: ArtifactsRoutesDeps): void {
  const { database, waiters } = deps
  server.mount(putArtifactRoute, async ({ params, headers, bodyStream }) => {
    const person = await personOf(deps, headers.authorization)
    const length = headers['content-length']
    const sizeBytes = length === undefined ? undefined : Number(length)
    return putArtifact(deps, person, { sha256: params.sha256, sizeBytes, pieces: bodyStream })
  })
  server.mount(submitRoute, async ({ body, headers }) => {
    return { submissions: await submit(deps, await personOf(deps, headers.authorization), body) }
  })
  server.mount(getSubmissionRoute, async ({ params, query, headers, signal }) => {
    const person = await personOf(deps, headers.authorization)
    const read = async () => {
      const row = await findSubmission(database.tables<ArtifactsTables>(), params.id)
      if (row?.issuer === person.issuer && row.subject === person.subject) return row
      throw artifactsError('artifacts.submission-unknown', 'this person has no such submission')
    }
    const isNews = ({ revision }: StoredSubmission) => revision > query.after
    const { waitMs } = query
    return describeSubmission(await waiters.until(submissionKey(params.id), read, isNews, { waitMs, signal }))
  })
}

function mountValidating(server: HttpServer, deps: ArtifactsRoutesDeps): void {
  const { database, store, waiters, validatorOf } = deps
  const tables = () => database.tables<ArtifactsTables>()
  server.mount(listWorkRoute, async (request) => {
    const { name } = await validatorOf(request)
    const { query, signal } = request
    const read = () => openSubmissions(deps, name)
    const found = await waiters.until(workKey(name), read, (rows) => rows.length > 0, { waitMs: query.waitMs, signal })
    const submissions = found.map(async (row) => {
      return { ...describeSubmission(row), signature: (await store.readBundle(row.signature_sha256)) ?? '' }
    })
    return { submissions: await Promise.all(submissions) }
  })
  server.mount(getArtifactRoute, async (request) => {
    const { name } = await validatorOf(request)
    const { sha256 } = request.params
    const sizeBytes = await store.statArtifact(sha256)
    const submitted = await tables()
      .selectFrom('artifacts_submissions')
      .select('seq')
      .where('sha256', '=', sha256)
      .where('validator', '=', name)
      .executeTakeFirst()
    if (sizeBytes === undefined || submitted === undefined) {
      throw artifactsError('artifacts.unknown-artifact', 'this artifact was not submitted to this validator')
    }
    return { stream: store.readArtifact(sha256), sizeBytes, mediaType: BYTES }
  })
  server.mount(reportSubmissionRoute, async (request) => {
    const { name } = await validatorOf(request)
    return reportSubmission(deps, name, request.params.id, request.body)
  })
  server.mount(putValidatorStatusRoute, async (request) => {
    const { name } = await validatorOf(request)
    return putValidatorStatus(deps, name, request.body)
  })
  server.mount(reportFindingsRoute, async (request) => {
    const { name } = await validatorOf(request)
    return reportFindings(deps, name, request.body)
  })
}

function mountReading(server: HttpServer, deps: ArtifactsRoutesDeps): void {
  server.mount(getCertificationsRoute, ({ params }) => readCertifications(deps, params.sha256, deps.clock.now()))
  server.mount(getAffectedRoute, async ({ params, headers, remoteAddress }) => {
    // The admin socket has no address, and its caller is the operator.
    if (remoteAddress !== '') await personOf(deps, headers.authorization)
    return readAffected(deps, params.advisory, deps.clock.now())
  })
}

function openSubmissions({ database }: ArtifactsDeps, validator: string): Promise<StoredSubmission[]> {
  return database
    .tables<ArtifactsTables>()
    .selectFrom('artifacts_submissions')
    .selectAll()
    .where('validator', '=', validator)
    .where('open', '=', 1)
    .orderBy('seq')
    .limit(MAX_WORK)
    .execute()
}

/** The caller by the name that certificates and policies know, so that nobody's exceptions count for their own submission. */
async function personOf({ verifyToken }: ArtifactsDeps, authorization: string | undefined): Promise<Person> {
  const token = bearerToken(authorization)
  if (token === undefined) throw artifactsError('artifacts.token-missing', 'the request carries no identity token')
  const { issuer, san } = await verifyToken(token)
  return { issuer, subject: san.value }
}
