import type { TrustFacts } from '../facts.ts'
import type { TrustTables } from '../trustTables.ts'
import { type CreateRootsDeps, makeIssuing, makeTimestampSigner } from './createRoots.ts'
import { type IssuerName, type IssuingName, issuingPurposes } from './issuerNames.ts'
import { currentIssuer, type IssuerCertificate, openIssuer, readIssuerCertificates } from './issuers.ts'

/**
 * Root operation: a new key and certificate for the issuing authority `name`, which issues from the next start on; for
 * `timestamps` a new signer with it. The earlier generation keeps its address and its revocation lists.
 * Durable when this resolves; the anchors have to be published again afterwards.
 * Throws `trust.not-created`, `trust.key-mismatch`.
 */
export async function renewIssuing(deps: CreateRootsDeps, facts: TrustFacts, name: IssuingName): Promise<void> {
  const all = await readIssuerCertificates(deps.database)
  const root = currentIssuer(all, issuingPurposes[name].root)
  const { key } = await openIssuer(root, deps.rootKeys)
  const generation = currentIssuer(all, name).generation + 1
  const issuer = await makeIssuing(deps, facts, { name, generation, root: { ...issuedBy(facts, root), key } })
  const rows = [issuer.row]
  if (name === 'timestamps') rows.push((await makeTimestampSigner(deps, facts, nextSigner(all, issuer))).row)
  await deps.database.transaction<TrustTables, void>('trust.renew-issuing', async (trx) => {
    await trx.insertInto('trust_issuers').values(rows).execute()
  })
}

/**
 * A new key and certificate for the signer of timestamps, by the online timestamp authority. Done by a job while the
 * present one has `RENEW_SIGNER_DAYS` left. True where there was something to do; then the anchors have to be published
 * again before the next start lets the new signer stamp.
 */
export async function renewTimestampSigner(
  deps: Omit<CreateRootsDeps, 'rootKeys'>,
  facts: TrustFacts,
): Promise<boolean> {
  const all = await readIssuerCertificates(deps.database)
  const present = currentIssuer(all, 'timestamp-signer').certificate
  if (present.notAfter.getTime() - deps.clock.now().getTime() > RENEW_SIGNER_DAYS * 86_400_000) return false
  const issuer = currentIssuer(all, 'timestamps')
  const { key } = await openIssuer(issuer, deps.onlineKeys)
  const signer = await makeTimestampSigner(deps, facts, nextSigner(all, { ...issuedBy(facts, issuer), key }))
  await deps.database.transaction<TrustTables, void>('trust.renew-signer', async (trx) => {
    await trx.insertInto('trust_issuers').values(signer.row).execute()
  })
  return true
}

/** The signer of timestamps is renewed when it has less than this left. */
export const RENEW_SIGNER_DAYS = 90

function nextSigner<Made>(all: readonly IssuerCertificate[], issuer: Made): { generation: number; issuer: Made } {
  const name: IssuerName = 'timestamp-signer'
  return { generation: currentIssuer(all, name).generation + 1, issuer }
}

function issuedBy(facts: TrustFacts, { certificate, keyId, crlShards }: IssuerCertificate) {
  return { facts, certificate, keyId, crlShards }
}
