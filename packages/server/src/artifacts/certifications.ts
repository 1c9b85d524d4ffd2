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
  { database, store }: CertificationReading,
  sha256: string,
  now: Date,
): Promise<{ certifications: CertificationRecord[]; signatures: string[] }> {
  const tables = database.tables<ArtifactsTables>()
  const rows = await storedCertifications(tables, sha256)
  const read = async (digest: string) => (await store.readBundle(digest)) ?? ''
  const certifications = rows.map(async (row) => {
    const name = { authority: row.authority, number: BigInt(row.number) }
    return {
      validator: row.validator,
      authority: row.authority,
      number: String(row.number),
      sha256,
      product: row.product,
      version: row.version,
      notAfter: new Date(row.not_after_ms).toISOString(),
      state: (await certificationState(database, name, now)) ?? 'ended',
      certification: await read(row.certification_sha256),
      sbom: await read(row.sbom_sha256),
      findings: await read(row.findings_sha256),
    }
  })
  const signatures = await tables
    .selectFrom('artifacts_submissions')
    .select('signature_sha256')
    .distinct()
    .where('sha256', '=', sha256)
    .limit(MAX_LISTED)
    .execute()
  return {
    certifications: await Promise.all(certifications),
    signatures: await Promise.all(signatures.map((row) => read(row.signature_sha256))),
  }
}
