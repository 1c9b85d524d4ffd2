import { generateKeyPairSync, hash, type KeyObject, randomBytes, sign } from 'node:crypto'
import type { Verdict } from '@countersign/protocol/api/artifacts.ts'
import type { CertificationDecision } from '@countersign/protocol/decide/decideToCertify.ts'
import { encodeBase64, toHex } from '@countersign/protocol/json/base64.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import { pae } from '@countersign/protocol/log/pae.ts'
import type { Catalogue } from '@countersign/protocol/sbom/catalogue.ts'
import { certificationProof } from '@countersign/protocol/statement/certificationProof.ts'
import { writeCertificationStatement } from '@countersign/protocol/statement/certificationStatement.ts'
import { writeFindingsStatement } from '@countersign/protocol/statement/findingsStatement.ts'
import { writeSbomStatement } from '@countersign/protocol/statement/sbomStatement.ts'
import { STATEMENT_PAYLOAD_TYPE } from '@countersign/protocol/statement/statementJson.ts'
import type { Insertable, Transaction } from 'kysely'
import type { CertifyDeps } from './certifyDeps.ts'
import type { StoredSubmission } from './certifyStore.ts'
import type { CertificationRow, CertifyTables } from './certifyTables.ts'
import { certifyError } from './errors.ts'
import { openCatalogue, rejudge, type ScanTimes, scannedUntilNow } from './judge.ts'
import { certifies, type OperatorDecision, settle } from './operatorDecision.ts'

/** One statement of a certification: exact bytes, the fresh key's signature, and the nonce of its timestamp. All text. */
export interface SignedStatementText {
  /** Base64. */
  readonly payload: string
  /** Base64 of ECDSA in DER over the SHA-256 of the PAE. */
  readonly signature: string
  /** Decimal. */
  readonly nonce: string
}

/** How often matching is repeated because the advisories moved on, before the submission waits for its next turn. */
const MAX_REMATCHES = 20
/** A bundle is at most 2 MiB of text; base64 and the rest of it take a good third. */
const MAX_PAYLOAD_BYTES = 1_400_000

/**
 * The point from which a certification will exist (design 12). While the advisories stand still, one transaction fixes every
 * byte that is ours and puts the components into the watch index under the state that the verdict used; a change that
 * comes later finds them there. Where the state has moved on, matching and deciding run again first. A decision that no
 * longer certifies is recorded, and nothing is intended; one that asks waits for the operator. Throws `certify.statements-too-large`.
 */
export async function intend(deps: CertifyDeps, submission: StoredSubmission): Promise<StoredSubmission> {
  const catalogue = await openCatalogue(deps, submission.catalogue_id ?? 0)
  let row = submission
  for (let tried = 0; tried < MAX_REMATCHES; tried++) {
    const verdict = JSON.parse(row.verdict ?? '') as Verdict
    const decision = JSON.parse(row.decision ?? '') as CertificationDecision
    if (decision.answer === 'ask') return deps.store.changeSubmission(row.id, { stage: 'asked' })
    if (!certifies(decision)) return deps.store.changeSubmission(row.id, { stage: 'refused' })
    if (isCurrent(deps, verdict)) {
      const written = await writeIntent(deps, row, { catalogue, verdict, decision })
      if (written) return (await deps.store.submission(row.id)) ?? row
    }
    row = await judgeAgain(deps, row, catalogue)
  }
  deps.logger.warn({ submission: row.id }, 'the advisories do not stand still; tried again later')
  return row
}

function isCurrent({ advisories, index }: CertifyDeps, verdict: Verdict): boolean {
  const { state } = verdict.advisories
  return advisories.state().state === state && index.lookedUp <= state
}

async function judgeAgain(deps: CertifyDeps, row: StoredSubmission, catalogue: Catalogue): Promise<StoredSubmission> {
  const again = rejudge(deps, row, catalogue)
  const decision = row.operator === null ? again.decision : settle(again, JSON.parse(row.operator) as OperatorDecision)
  const verdict = JSON.stringify(again.verdict)
  const changes = { verdict, scan: scannedUntilNow(deps, row), decision: JSON.stringify(decision) }
  return deps.store.changeSubmission(row.id, changes)
}

interface Judged {
  readonly catalogue: Catalogue
  readonly verdict: Verdict
  readonly decision: CertificationDecision
}

/** False where the advisories moved on before the transaction had its turn: nothing was written. */
async function writeIntent(deps: CertifyDeps, row: StoredSubmission, judged: Judged): Promise<boolean> {
  const made = await makeIntent(deps, row, judged)
  let added: number | undefined
  try {
    return await deps.database.transaction<CertifyTables, boolean>('certify.intent', async (trx) => {
      // From here to the end of the transaction nobody else writes; an advisory change that is not durable yet will come
      // after this certification, and one that is durable shows in the state.
      if (!isCurrent(deps, judged.verdict)) return false
      const { id } = await trx
        .insertInto('certify_certifications')
        .values(made)
        .returning('id')
        .executeTakeFirstOrThrow()
      added = id
      deps.index.add(id, judged.catalogue)
      await deps.store.changeSubmissionWithin(trx as Transaction<CertifyTables>, row.id, { stage: 'intended' })
      return true
    })
  } catch (error) {
    if (added !== undefined) deps.index.remove(added)
    throw error
  }
}

/** Everything random and timed is made here, with a key that is gone when this returns. */
async function makeIntent(
  deps: CertifyDeps,
  row: StoredSubmission,
  judged: Judged,
): Promise<Omit<Insertable<CertificationRow>, 'id'>> {
  const now = deps.clock.now()
  const payloads = await writeStatements(deps, row, judged, now)
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const notAfter = new Date(Math.floor(now.getTime() / 1000) * 1000 + deps.policy().policy.validityDays * 86_400_000)
  const proof = certificationProof({ sha256: row.sha256, notAfter, validator: deps.identity.subject })
  return {
    submission_id: row.id,
    sha256: row.sha256,
    product: row.product ?? '',
    version: row.version ?? '',
    catalogue_id: row.catalogue_id ?? 0,
    advisory_state: judged.verdict.advisories.state,
    spki: new Uint8Array(publicKey.export({ format: 'der', type: 'spki' })),
    proof: new Uint8Array(sign('sha256', proof, privateKey)),
    not_after: `${notAfter.toISOString().slice(0, 19)}Z`,
    statements: JSON.stringify(payloads.map((payload) => signStatement(payload, privateKey))),
    state: 'pending',
    authority: null,
    number: null,
    certificate: null,
    timestamps: null,
    bundles: null,
    created_ms: now.getTime(),
  }
}

function signStatement(payload: Uint8Array, privateKey: KeyObject): SignedStatementText {
  if (payload.length > MAX_PAYLOAD_BYTES) {
    throw certifyError('certify.statements-too-large', `a statement has ${payload.length} bytes`)
  }
  const signature = sign('sha256', pae(STATEMENT_PAYLOAD_TYPE, payload), privateKey)
  // Positive and below 2^63, as every timestamp authority takes it.
  const nonce = randomBytes(8).readBigUInt64BE() >> 1n
  return { payload: encodeBase64(payload), signature: encodeBase64(signature), nonce: String(nonce) }
}

async function writeStatements(
  deps: CertifyDeps,
  row: StoredSubmission,
  judged: Judged,
  now: Date,
): Promise<Uint8Array[]> {
  const { verdict, decision, catalogue } = judged
  const target = { sha256: row.sha256, name: row.name }
  const advisories = { ...verdict.advisories, asOf: verdict.advisories.asOf ?? now.toISOString() }
  const bom = parseJson(await deps.writeBom(catalogue), { maxBytes: 64 * 1024 * 1024 }) as Record<string, never>
  const scan = JSON.parse(row.scan ?? scannedUntilNow(deps, row)) as ScanTimes
  const sbom = writeSbomStatement({ ...target, bom })
  const findings = writeFindingsStatement({
    ...target,
    scanner: catalogue.scanner,
    advisories,
    startedAt: new Date(scan.startedAt),
    finishedAt: new Date(scan.finishedAt),
    findings: verdict.findings,
  })
  const certification = writeCertificationStatement({
    ...target,
    product: row.product ?? '',
    version: row.version ?? '',
    validator: deps.identity.subject,
    verifiedAt: now,
    policy: { uri: `${deps.identity.subject}/certification-policy.json`, sha256: deps.policy().sha256 },
    signature: row.signature_sha256,
    sbom: toHex(hash('sha256', sbom, 'buffer')),
    findings: toHex(hash('sha256', findings, 'buffer')),
    advisories,
    components: verdict.components,
    accepted: { findings: decision.acceptedFindings, gaps: decision.acceptedGaps },
    scanner: catalogue.scanner,
  })
  return [certification, sbom, findings]
}
