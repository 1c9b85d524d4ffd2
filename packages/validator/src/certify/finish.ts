import { hash } from 'node:crypto'
import { writeStatementBundle } from '@countersign/protocol/bundle/writeBundle.ts'
import { decodeBase64, encodeBase64, equalBytes } from '@countersign/protocol/json/base64.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { pae } from '@countersign/protocol/log/pae.ts'
import { STATEMENT_PAYLOAD_TYPE } from '@countersign/protocol/statement/statementJson.ts'
import { parsePemCertificates } from '@countersign/protocol/x509/certificate.ts'
import type { Transaction, Updateable } from 'kysely'
import type { CertifyDeps } from './certifyDeps.ts'
import type { StoredCertification } from './certifyStore.ts'
import type { CertificationRow, CertifyTables } from './certifyTables.ts'
import { certifyError } from './errors.ts'
import type { SignedStatementText } from './intend.ts'
import type { FinishedBundles } from './verifyOwn.ts'

/**
 * From the intent to an active certification: certificate, timestamps, log entries, bundles, report. Every step may run
 * again with the same bytes, so a restart resumes at the first one without a result. Before each step an advisory may have
 * reached the certification: then nothing more of it leaves this machine, and a number that was issued is revoked.
 * Throws `certify.ended-before-use`, `certify.own-result-wrong`, and what the instance refuses with.
 */
export async function finish(deps: CertifyDeps, begun: StoredCertification): Promise<StoredCertification> {
  let one = await refuseReached(deps, begun.id)
  if (one.number === null) one = await issue(deps, one)
  if (one.timestamps === null) one = await stamp(deps, await refuseReached(deps, one.id))
  if (one.bundles === null) one = await logStatements(deps, await refuseReached(deps, one.id))
  const bundles = JSON.parse(one.bundles ?? '') as FinishedBundles
  await refuseReached(deps, one.id)
  await deps.authority.report(one.submission_id, { state: 'certified', ...bundles })
  return activate(deps, one)
}

/** A certificate for the fresh key. From here on there is a number that a revocation can name. */
async function issue(deps: CertifyDeps, one: StoredCertification): Promise<StoredCertification> {
  const { sha256, not_after: notAfter } = one
  const reply = await deps.authority.issue({
    publicKey: encodeBase64(one.spki),
    proofOfPossession: encodeBase64(one.proof),
    sha256,
    notAfter,
  })
  const [leaf] = parsePemCertificates(reply.certificates[0] ?? '')
  if (leaf === undefined || !equalBytes(leaf.spki, one.spki)) {
    throw certifyError('certify.authority-answer-wrong', 'the certificate is not for the key that was named')
  }
  // A crash before this commit asks again with the same key and gets the same certificate. The advisory that dooms the
  // certification meanwhile found no number to revoke; this transaction is where it gets one.
  await deps.database.transaction<CertifyTables, void>('certify.issued', async (trx) => {
    const issued = { authority: reply.authority, number: reply.number, certificate: leaf.raw }
    await change(trx, one.id, issued)
    if ((await stateOf(trx, one.id)) === 'doomed') await deps.revokeDoomed(trx, one.id)
  })
  return present(await deps.store.certification(one.id))
}

async function stamp(deps: CertifyDeps, one: StoredCertification): Promise<StoredCertification> {
  const statements = statementsOf(one)
  const stamps = await Promise.all(
    statements.map(({ signature, nonce }) => deps.authority.stamp(decodeBase64(signature, 'signature'), BigInt(nonce))),
  )
  await deps.database.commitTogether<CertifyTables, void>('certify.stamped', (trx) =>
    change(trx, one.id, { timestamps: JSON.stringify(stamps.map(encodeBase64)) }),
  )
  return present(await deps.store.certification(one.id))
}

/** The log answers a known entry with its first place, so that a repetition changes nothing. */
async function logStatements(deps: CertifyDeps, one: StoredCertification): Promise<StoredCertification> {
  const certificate = present(one.certificate ?? undefined)
  const stamps = JSON.parse(one.timestamps ?? '[]') as string[]
  const statements = statementsOf(one)
  const texts = await Promise.all(
    statements.map(async (statement, at) => {
      const payload = decodeBase64(statement.payload, 'payload')
      const signature = decodeBase64(statement.signature, 'signature')
      const digest = new Uint8Array(hash('sha256', pae(STATEMENT_PAYLOAD_TYPE, payload), 'buffer'))
      const entry = (await deps.authority.log(digest, signature, certificate)) as JsonValue
      const timestamps = [decodeBase64(stamps[at] ?? '', 'timestamp')]
      return writeStatementBundle({
        certificate,
        payloadType: STATEMENT_PAYLOAD_TYPE,
        payload,
        signature,
        entry,
        timestamps,
      })
    }),
  )
  const [certification = '', sbom = '', findings = ''] = texts
  const bundles: FinishedBundles = { certification, sbom, findings }
  await deps.verify(bundles, {
    sha256: one.sha256,
    authority: one.authority ?? '',
    number: one.number ?? '',
    nonces: statements.map(({ nonce }) => BigInt(nonce)),
  })
  await deps.database.commitTogether<CertifyTables, void>('certify.logged', (trx) =>
    change(trx, one.id, { bundles: JSON.stringify(bundles) }),
  )
  return present(await deps.store.certification(one.id))
}

/** The result. An advisory that came while the instance was told finds `pending` with a number, and revokes that. */
async function activate(deps: CertifyDeps, one: StoredCertification): Promise<StoredCertification> {
  await deps.database.transaction<CertifyTables, void>('certify.active', async (trx) => {
    const state = await stateOf(trx, one.id)
    if (state === 'pending') await change(trx, one.id, { state: 'active' })
    await deps.certified(trx, one.id)
    await deps.store.changeSubmissionWithin(trx, one.submission_id, { stage: 'certified', told: 1 })
  })
  return present(await deps.store.certification(one.id))
}

async function refuseReached(deps: CertifyDeps, id: number): Promise<StoredCertification> {
  const stored = present(await deps.store.certification(id))
  // One that is doomed and has no number yet may have been issued before a crash; asking again tells its number.
  const one = stored.state === 'doomed' && stored.number === null ? await issue(deps, stored) : stored
  if (one.state === 'pending' || one.state === 'active') return one
  const number = one.number === null ? '' : ` Number ${one.number} is revoked.`
  throw certifyError('certify.ended-before-use', `an advisory reached it before it was handed out.${number}`)
}

async function change(
  trx: Transaction<CertifyTables>,
  id: number,
  changes: Updateable<CertificationRow>,
): Promise<void> {
  await trx.updateTable('certify_certifications').set(changes).where('id', '=', id).execute()
}

async function stateOf(trx: Transaction<CertifyTables>, id: number): Promise<CertificationRow['state']> {
  const row = await trx
    .selectFrom('certify_certifications')
    .select('state')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  return row.state
}

function statementsOf(one: StoredCertification): SignedStatementText[] {
  return JSON.parse(one.statements) as SignedStatementText[]
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('a step of a certification is missing what the step before it kept')
  return value
}
