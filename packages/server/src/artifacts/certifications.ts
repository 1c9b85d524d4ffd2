import type { Database } from '@countersign/platform/database/database.ts'
import type { CertificationRecord } from '@countersign/protocol/api/artifacts.ts'
import type { Kysely } from 'kysely'
import { certificationState } from '../trust/authority/certifications.ts'
import type { ArtifactStore } from './artifactStore.ts'
import type { ArtifactsTables, StoredCertificationRow } from './artifactsTables.ts'

/** What reading certifications stands on. */
export interface CertificationReading {
  readonly database: Database
  readonly store: Pick<ArtifactStore, 'readBundle'>
}

/** Newest certifications, and signatures, of one artifact that one answer holds. */
const MAX_LISTED = 100

/** The certifications of an artifact that are stored here, newest first. */
export function storedCertifications(
  tables: Kysely<ArtifactsTables>,
  sha256: string,
): Promise<StoredCertificationRow[]> {
  return tables
    .selectFrom('artifacts_certifications')
    .selectAll()
    .where('sha256', '=', sha256)
    .orderBy('stored_ms', 'desc')
    .orderBy('number', 'desc')
    .limit(MAX_LISTED)
    .execute()
}

/** What the world may know of an artifact: its certifications with all bundles, and the signatures submitted with it. */
export async function readCertifications(
  reading: CertificationReading,
  sha256: string,
  now: Date,
): Promise<{ certifications: CertificationRecord[]; signatures: string[]; newer?: CertificationRecord }> {
  const { database, store } = reading
  const tables = database.tables<ArtifactsTables>()
  const rows = await storedCertifications(tables, sha256)
  const certifications = await Promise.all(rows.map((row) => describe(reading, row, now)))
  const signatures = await tables
    .selectFrom('artifacts_submissions')
    .select('signature_sha256')
    .distinct()
    .where('sha256', '=', sha256)
    .limit(MAX_LISTED)
    .execute()
  const newer = await newerCertification(reading, certifications, now)
  return {
    certifications,
    signatures: await Promise.all(signatures.map((row) => readBundle(store, row.signature_sha256))),
    ...(newer && { newer }),
  }
}

/** The newest active certification of the same product, of other bytes. */
async function newerCertification(
  reading: CertificationReading,
  certifications: readonly CertificationRecord[],
  now: Date,
): Promise<CertificationRecord | undefined> {
  const [newest] = certifications
  if (newest === undefined) return undefined
  const row = await reading.database
    .tables<ArtifactsTables>()
    .selectFrom('artifacts_certifications as stored')
    .innerJoin('trust_certifications as issued', (join) =>
      join.onRef('issued.authority', '=', 'stored.authority').onRef('issued.number', '=', 'stored.number'),
    )
    .selectAll('stored')
    .where('stored.product', '=', newest.product)
    .where('stored.sha256', '!=', newest.sha256)
    .where('issued.ended_by', 'is', null)
    .where('issued.not_after_ms', '>=', now.getTime())
    .orderBy('stored.stored_ms', 'desc')
    .orderBy('stored.number', 'desc')
    .executeTakeFirst()
  return row && describe(reading, row, now)
}

async function describe(
  { database, store }: CertificationReading,
  row: StoredCertificationRow,
  now: Date,
): Promise<CertificationRecord> {
  const name = { authority: row.authority, number: BigInt(row.number) }
  return {
    validator: row.validator,
    authority: row.authority,
    number: String(row.number),
    sha256: row.sha256,
    product: row.product,
    version: row.version,
    notAfter: new Date(row.not_after_ms).toISOString(),
    state: (await certificationState(database, name, now)) ?? 'ended',
    certification: await readBundle(store, row.certification_sha256),
    sbom: await readBundle(store, row.sbom_sha256),
    findings: await readBundle(store, row.findings_sha256),
  }
}

async function readBundle(store: CertificationReading['store'], sha256: string): Promise<string> {
  return (await store.readBundle(sha256)) ?? ''
}
