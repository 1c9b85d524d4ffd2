import type { Database } from '@countersign/platform/database/database.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { trustError } from '../errors.ts'
import { readState, writeState } from '../trustState.ts'
import type { CertificateIntentRow, TrustTables } from '../trustTables.ts'
import { type CompleteDeps, completeCertificate, logPrecertificate } from './completeCertificate.ts'
import type { LeafTemplate } from './leafTemplate.ts'
import { recordedIntent } from './recordIntent.ts'

/** What finishing intents stands on. */
export interface FinishIntentsDeps extends CompleteDeps {
  readonly database: Database
  /** One for each generation of every authority whose certificates are logged. */
  readonly templates: readonly LeafTemplate[]
}

/** Intents that are read and completed together. */
const PAGE = 200

/** A certificate that is logged but breaks its profile, so that it was handed to nobody; it has to be revoked. */
export interface RefusedIntent {
  readonly issuerKeyId: string
  readonly serial: string
  readonly notBefore: Date
}

/**
 * Gives every intent that a crash left without a result its result: the same precertificate is logged (again), the
 * certificate completed and recorded. For the start, before new requests come in. Afterwards the database knows every
 * certificate that this program ever logged. Where the completed certificate breaks its profile the precertificate is
 * recorded in its place and the caller is told. Throws `trust.not-created` for an intent of an issuer that is not there.
 */
export async function finishIntents(
  deps: FinishIntentsDeps,
): Promise<{ finished: number; refused: readonly RefusedIntent[] }> {
  const refused: RefusedIntent[] = []
  let after = await readState(deps.database, 'certificates.settled')
  let finished = 0
  for (;;) {
    const rows = await deps.store.readOpenIntents(after, PAGE)
    const outcomes = await Promise.all(rows.map((row) => finishIntent(deps, row)))
    refused.push(...outcomes.filter((outcome) => outcome !== undefined))
    finished += rows.length
    after = rows.at(-1)?.id ?? after
    if (rows.length < PAGE) break
  }
  await noteSettled(deps, after)
  return { finished, refused }
}

async function finishIntent(deps: FinishIntentsDeps, row: CertificateIntentRow): Promise<RefusedIntent | undefined> {
  const template = deps.templates.find(({ issuer }) => issuer.keyId === row.issuer_key_id)
  if (template === undefined) throw trustError('trust.not-created', 'an intent names an issuer that is not there')
  const intent = recordedIntent(row)
  try {
    await completeCertificate(deps, template, intent)
    return undefined
  } catch (error) {
    if (!hasCode(error, 'x509.profile')) throw error
    const { index } = await logPrecertificate(deps, template, intent)
    await deps.store.addResult({ id: row.id, log_index: Number(index), certificate: row.precertificate })
    return { issuerKeyId: row.issuer_key_id, serial: row.serial, notBefore: intent.profile.notBefore }
  }
}

/** Notes how far every intent has its result, so that the next start looks only at later ones. */
async function noteSettled({ database, store }: FinishIntentsDeps, after: number): Promise<void> {
  const { settled } = await store.readUnderWay(after)
  await database.transaction<TrustTables, void>('trust.intents-settled', (trx) =>
    writeState(trx, 'certificates.settled', settled),
  )
}
