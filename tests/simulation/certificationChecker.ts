import { hash } from 'node:crypto'
import type { Instance } from 'countersign-server/compose/openInstance.ts'
import { readFleetStatus } from 'countersign-server/fleet/readFleetStatus.ts'
import type { TrustTables } from 'countersign-server/trust/trustTables.ts'
import type { CertifyTables } from 'countersign-validator/certify/certifyTables.ts'
import type { Validator } from 'countersign-validator/compose/openValidator.ts'
import type { Truth } from './truth.ts'

/** No number was given out without a verdict and a decision to certify that the validator has on record. */
export async function checkDecisions({ storage }: Instance, validator: Validator, truth: Truth): Promise<void> {
  const issued = await storage.database.tables<TrustTables>().selectFrom('trust_certifications').selectAll().execute()
  const rows = await validator.certifying.database
    .tables<CertifyTables>()
    .selectFrom('certify_certifications')
    .innerJoin('certify_submissions', 'certify_submissions.id', 'certify_certifications.submission_id')
    .select(['spki', 'verdict', 'decision', 'certify_certifications.sha256'])
    .execute()
  const byKey = new Map(rows.map((row) => [hash('sha256', row.spki, 'hex'), row]))
  for (const { number, key_id: keyId, sha256 } of issued) {
    const row = byKey.get(keyId)
    const answer = row?.decision === undefined ? undefined : JSON.parse(row.decision ?? '{}').answer
    const isDecided = row?.sha256 === sha256 && row.verdict !== null && String(answer).startsWith('certify')
    if (!isDecided) truth.violated('no certification without a recorded decision', `number ${number}: ${answer}`)
  }
}

/** Once everything has settled, exactly what an advisory reaches has ended. */
export async function checkEndings(
  { storage }: Instance,
  truth: Truth,
  isAffected: (sha256: string) => boolean,
): Promise<void> {
  const rows = await storage.database.tables<TrustTables>().selectFrom('trust_certifications').selectAll().execute()
  for (const { number, sha256, ended_by: endedBy } of rows) {
    if (isAffected(sha256) && endedBy === null)
      truth.violated('what an advisory reaches ends', `number ${number} is active`)
    if (!isAffected(sha256) && endedBy !== null) truth.violated('nothing else ends', `number ${number} was ended`)
  }
}

/** Validators speak at coarse ticks here, and nothing confines an inspector that is simulated. */
const OF_THE_SIMULATION = /status\.validator-silent|inspector-unprotected/

/** On an honest day the operator has nothing to look at. */
export async function checkAttention({ fleet }: Instance, truth: Truth): Promise<void> {
  const { attention } = await readFleetStatus(fleet)
  for (const { code, message } of attention) {
    if (!OF_THE_SIMULATION.test(code)) truth.violated('an honest day gives no alarm', `${code}: ${message}`)
  }
}
