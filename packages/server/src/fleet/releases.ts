import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { equalBytes } from '@countersign/protocol/json/base64.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import {
  parseReleaseTarget,
  releaseTargetName,
  writeReleaseTarget,
} from '@countersign/protocol/release/releaseTarget.ts'
import type { Kysely, Selectable } from 'kysely'
import type { AuditIntent } from '../account/audit/auditStore.ts'
import type { ArtifactStore } from '../artifacts/artifactStore.ts'
import type { ArtifactsTables, StoredCertificationRow } from '../artifacts/artifactsTables.ts'
import { storedCertifications } from '../artifacts/certifications.ts'
import type { Anchors } from '../trust/anchors/openAnchors.ts'
import { activeCertifications, certificationState } from '../trust/authority/certifications.ts'
import { validatorsUrl } from '../trust/facts.ts'
import { fleetError } from './errors.ts'
import type { FleetDeps } from './fleetDeps.ts'
import type { FleetTables, ReleaseRow } from './fleetTables.ts'

/** What releasing stands on. */
export interface ReleaseDeps extends FleetDeps {
  readonly anchors: Pick<Anchors, 'publish'>
  readonly store: Pick<ArtifactStore, 'statArtifact' | 'readArtifact' | 'readBundle'>
  /** The verification policy as it is distributed now. */
  policy(): Promise<VerificationPolicy>
}

/** One version of a product on one channel. */
export interface Release {
  readonly product: string
  readonly channel: string
  readonly version: string
  readonly counter: number
  /** Name of the TUF target. */
  readonly target: string
}

/**
 * Releases an artifact as the next one of its product's channel (design 20). Product and version are the certifications';
 * of every validator that the policy asks for there must be an active one. The intent with the exact bytes of the target
 * is durable first, then the target is published, then that it was; a crash between is repaired by `finishReleases`.
 * What the channel's newest release says already is not released again.
 * Throws `fleet.artifact-unknown`, `fleet.not-certified`, `fleet.certifications-disagree`, `fleet.version-released`.
 */
export async function publishRelease(
  deps: ReleaseDeps,
  caller: JsonValue,
  { sha256, channel }: { readonly sha256: string; readonly channel: string },
): Promise<Release> {
  const sizeBytes = await deps.store.statArtifact(sha256)
  if (sizeBytes === undefined) throw fleetError('fleet.artifact-unknown', 'no such artifact is stored here')
  const { product, version, signature, certifications } = await requireCertified(deps, sha256)
  const artifacts = [{ sha256, sizeBytes, signature, certifications }]
  const { row, intent } = await deps.database.transaction<FleetTables, Written>('fleet.release', async (trx) => {
    const earlier = await trx
      .selectFrom('fleet_releases')
      .selectAll()
      .where('product', '=', product)
      .where('channel', '=', channel)
      .orderBy('counter', 'desc')
      .execute()
    if (earlier.some((one) => one.version === version && one.sha256 !== sha256)) {
      throw fleetError('fleet.version-released', `${product} ${version} was released on ${channel} with other bytes`)
    }
    const [newest] = earlier
    const targetOf = (counter: number) => writeReleaseTarget({ product, channel, counter, version, artifacts })
    if (newest !== undefined && equalBytes(targetOf(newest.counter), newest.target)) return { row: newest }
    const counter = (newest?.counter ?? 0) + 1
    const row = await insert(trx, { product, channel, counter, version, sha256 }, targetOf(counter), deps.clock.now())
    const detail = { product, channel, version, counter, sha256 }
    return { row, intent: await deps.audit.intend(trx, { kind: 'release.published', actor: caller, detail }) }
  })
  if (intent !== undefined) await deps.audit.settle(intent)
  if (row.published_ms === null) {
    await finishReleases(deps)
    void deps.hintCheckIn()
  }
  return { product, channel, version, counter: row.counter, target: releaseTargetName(product, channel, row.counter) }
}

interface Written {
  readonly row: Selectable<ReleaseRow>
  readonly intent?: AuditIntent
}

/** Publishes what was written and not published yet, oldest first. For the start, and after every intent. */
export async function finishReleases({
  database,
  anchors,
  clock,
}: Pick<ReleaseDeps, 'database' | 'anchors' | 'clock'>): Promise<void> {
  const tables = database.tables<FleetTables>()
  const open = await tables
    .selectFrom('fleet_releases')
    .selectAll()
    .where('published_ms', 'is', null)
    .orderBy('id')
    .execute()
  if (open.length === 0) return
  const files = open.map((row) => [
    releaseTargetName(row.product, row.channel, row.counter),
    new Uint8Array(row.target),
  ])
  await anchors.publish(Object.fromEntries(files))
  await database.transaction<FleetTables, void>('fleet.release-published', async (trx) => {
    for (const { id } of open) {
      await trx
        .updateTable('fleet_releases')
        .set({ published_ms: clock.now().getTime() })
        .where('id', '=', id)
        .execute()
    }
  })
}

/** Whether a release names these bytes, published or about to be. */
export async function isReleased(tables: Kysely<FleetTables>, sha256: string): Promise<boolean> {
  for (const table of ['fleet_releases', 'fleet_release_files'] as const) {
    if (await tables.selectFrom(table).select('sha256').where('sha256', '=', sha256).executeTakeFirst()) return true
  }
  return false
}

interface Certified {
  readonly product: string
  readonly version: string
  /** SHA-256 of bundle texts. */
  readonly signature: string
  readonly certifications: readonly string[]
}

/** The newest active certification of each validator that the policy names; as many as it asks for, one at the least. */
async function requireCertified({ database, clock, facts, policy }: ReleaseDeps, sha256: string): Promise<Certified> {
  const { validators } = await policy()
  const named = new Set(validators.of.filter(({ issuer }) => issuer === validatorsUrl(facts)).map(({ name }) => name))
  const active = await activeCertifications(database, clock.now(), sha256)
  const stored = await storedCertifications(database.tables<FleetTables & ArtifactsTables>(), sha256)
  const chosen = new Map<string, StoredCertificationRow>()
  for (const row of stored) {
    const isActive = active.some(
      ({ authority, number }) => authority === row.authority && number === BigInt(row.number),
    )
    if (isActive && named.has(row.validator) && !chosen.has(row.validator)) chosen.set(row.validator, row)
  }
  const rows = [...chosen.values()]
  const required = Math.max(1, validators.required)
  const [first] = rows
  if (first === undefined || rows.length < required) {
    throw fleetError('fleet.not-certified', `${rows.length} of ${required} active certifications are there`)
  }
  const { product, version, signature_sha256: signature } = first
  const isSame = (row: StoredCertificationRow) =>
    row.product === product && row.version === version && row.signature_sha256 === signature
  if (!rows.every(isSame)) throw fleetError('fleet.certifications-disagree', 'the certifications say different things')
  return { product, version, signature, certifications: rows.map((row) => row.certification_sha256) }
}

async function insert(
  trx: Kysely<FleetTables>,
  release: Pick<ReleaseRow, 'product' | 'channel' | 'counter' | 'version' | 'sha256'>,
  target: Uint8Array,
  now: Date,
): Promise<Selectable<ReleaseRow>> {
  const row = await trx
    .insertInto('fleet_releases')
    .values({ ...release, target, written_ms: now.getTime(), published_ms: null })
    .returningAll()
    .executeTakeFirstOrThrow()
  const files = parseReleaseTarget(target).artifacts.flatMap((one) => [
    { sha256: one.sha256, kind: 'artifact' },
    ...[one.signature, ...one.certifications].map((bundle) => ({ sha256: bundle, kind: 'bundle' })),
  ])
  for (const file of files)
    await trx
      .insertInto('fleet_release_files')
      .values({ release_id: row.id, ...file })
      .execute()
  return row
}

/** Every release, newest first, with what became of its certifications: active while enough of them are. */
export async function listReleases(deps: ReleaseDeps) {
  const rows = await deps.database
    .tables<FleetTables>()
    .selectFrom('fleet_releases')
    .selectAll()
    .orderBy('id', 'desc')
    .execute()
  const states = new Map<string, 'active' | 'ended' | 'expired'>()
  for (const { sha256 } of rows) if (!states.has(sha256)) states.set(sha256, await stateOf(deps, sha256))
  return rows.map((row) => ({
    product: row.product,
    channel: row.channel,
    version: row.version,
    counter: row.counter,
    sha256: row.sha256,
    publishedAt: new Date(row.published_ms ?? row.written_ms).toISOString(),
    state: states.get(row.sha256) ?? ('ended' as const),
  }))
}

async function stateOf(deps: ReleaseDeps, sha256: string): Promise<'active' | 'ended' | 'expired'> {
  try {
    await requireCertified(deps, sha256)
    return 'active'
  } catch (error) {
    if (!hasCode(error, 'fleet.not-certified') && !hasCode(error, 'fleet.certifications-disagree')) throw error
  }
  const rows = await storedCertifications(deps.database.tables<FleetTables & ArtifactsTables>(), sha256)
  const states = rows.map(({ authority, number }) =>
    certificationState(deps.database, { authority, number: BigInt(number) }, deps.clock.now()),
  )
  return rows.length > 0 && (await Promise.all(states)).every((state) => state === 'expired') ? 'expired' : 'ended'
}
