import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { KeyStore, SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { type Certificate, parseCertificate } from '@countersign/protocol/x509/certificate.ts'
import {
  lintIssuingCertificate,
  lintRootCertificate,
  lintTimestampCertificate,
} from '@countersign/protocol/x509/lint.ts'
import type { TrustFacts } from '../facts.ts'
import { openOrCreateKey } from '../openOrCreateKey.ts'
import type { IssuerRow, TrustTables } from '../trustTables.ts'
import {
  authorityName,
  backdated,
  type IssuedBy,
  issuingProfile,
  rootProfile,
  signCertificate,
  timestampSignerProfile,
  type Validity,
} from './certificateProfiles.ts'
import {
  type IssuerName,
  type IssuingName,
  issuingNames,
  issuingPurposes,
  type RootName,
  rootNames,
} from './issuerNames.ts'
import type { IssuerCertificate } from './issuers.ts'

/** Lifetimes in days. The signer's key is used for 15 months at most (code signing baseline requirements, 6.3.2). */
export const AUTHORITY_LIFETIME_DAYS = { root: 20 * 365, issuing: 5 * 365, timestampSigner: 455 } as const

/** What the ceremony needs. `rootKeys` is under the passphrase; nothing but root operations opens it again. */
export interface CreateRootsDeps {
  readonly database: Database
  readonly clock: Clock
  readonly rootKeys: KeyStore
  readonly onlineKeys: KeyStore
}

/** An authority with its key and certificate, on the way into the database. */
interface MadeIssuer extends IssuedBy {
  readonly key: SigningKey
  readonly row: IssuerRow
}

/**
 * The creation ceremony: both roots (P-384), the issuing authorities under them and the signer of timestamps (P-256),
 * each certificate checked against its profile before it is stored. All certificates are stored in one transaction; when
 * this resolves, keys and certificates are durable. A crash before leaves keys, which the next call goes on with; once
 * the certificates exist the call changes nothing.
 */
export async function createRoots(deps: CreateRootsDeps, facts: TrustFacts): Promise<void> {
  const tables = deps.database.tables<TrustTables>()
  if ((await tables.selectFrom('trust_issuers').select('key_id').executeTakeFirst()) !== undefined) return
  const roots = {} as Record<RootName, MadeIssuer>
  for (const name of rootNames) roots[name] = await makeRoot(deps, facts, name)
  const made: MadeIssuer[] = Object.values(roots)
  for (const name of issuingNames) {
    const issuer = await makeIssuing(deps, facts, { name, generation: 1, root: roots[issuingPurposes[name].root] })
    made.push(issuer)
    if (name === 'timestamps') made.push(await makeTimestampSigner(deps, facts, { generation: 1, issuer }))
  }
  await deps.database.transaction<TrustTables, void>('trust.create', async (trx) => {
    await trx
      .insertInto('trust_issuers')
      .values(made.map((one) => one.row))
      .execute()
  })
}

async function makeRoot(deps: CreateRootsDeps, facts: TrustFacts, name: RootName): Promise<MadeIssuer> {
  const key = await openOrCreateKey(deps.rootKeys, `${name}-1`, 'ecdsa-p384')
  const subject = { name: authorityName(facts, name.replaceAll('-', ' '), 1), key }
  const validity = backdated(deps.clock.now(), AUTHORITY_LIFETIME_DAYS.root)
  const der = await signCertificate(rootProfile(facts, subject, validity), key)
  const certificate = parseCertificate(der)
  lintRootCertificate(certificate)
  return madeIssuer(deps, facts, { name, generation: 1, key, certificate, issuerKeyId: key.keyId, crlShards: 1 })
}

/** Makes the key and the certificate of an issuing authority. Uses the root's key once. Stores only the key. */
export async function makeIssuing(
  deps: Pick<CreateRootsDeps, 'clock' | 'onlineKeys'>,
  facts: TrustFacts,
  request: { name: IssuingName; generation: number; root: Pick<MadeIssuer, keyof IssuedBy | 'key'> },
): Promise<MadeIssuer> {
  const { name, generation, root } = request
  const { purpose, crlShards } = issuingPurposes[name]
  const key = await openOrCreateKey(deps.onlineKeys, `${name}-${generation}`, 'ecdsa-p256')
  const subject = { name: authorityName(facts, name, generation), key, purpose }
  const validity = backdated(deps.clock.now(), AUTHORITY_LIFETIME_DAYS.issuing)
  const certificate = parseCertificate(await signCertificate(issuingProfile(root, subject, validity), root.key))
  lintIssuingCertificate(certificate, root.certificate, purpose)
  return madeIssuer(deps, facts, { name, generation, key, certificate, issuerKeyId: root.keyId, crlShards })
}

/** Makes the key and the certificate of the signer of timestamps. Stores only the key. */
export async function makeTimestampSigner(
  deps: Pick<CreateRootsDeps, 'clock' | 'onlineKeys'>,
  facts: TrustFacts,
  request: { generation: number; issuer: Pick<MadeIssuer, keyof IssuedBy | 'key'> },
): Promise<MadeIssuer> {
  const { generation, issuer } = request
  const name = 'timestamp-signer'
  const key = await openOrCreateKey(deps.onlineKeys, `${name}-${generation}`, 'ecdsa-p256')
  const subject = { name: authorityName(facts, 'timestamp signer', generation), key }
  const days = AUTHORITY_LIFETIME_DAYS.timestampSigner
  const validity = earlierEnd(backdated(deps.clock.now(), days), issuer.certificate)
  const tbs = timestampSignerProfile(issuer, subject, validity)
  const certificate = parseCertificate(await signCertificate(tbs, issuer.key))
  lintTimestampCertificate(certificate, issuer.certificate)
  return madeIssuer(deps, facts, { name, generation, key, certificate, issuerKeyId: issuer.keyId, crlShards: 0 })
}

/** Never beyond its issuer, whose own end is all that some verifiers look at. */
function earlierEnd({ notBefore, notAfter }: Validity, issuer: Validity): Validity {
  return { notBefore, notAfter: new Date(Math.min(notAfter.getTime(), issuer.notAfter.getTime())) }
}

function madeIssuer(
  deps: Pick<CreateRootsDeps, 'clock'>,
  facts: TrustFacts,
  made: {
    name: IssuerName
    generation: number
    key: SigningKey
    certificate: Certificate
    issuerKeyId: IssuerCertificate['issuerKeyId']
    crlShards: number
  },
): MadeIssuer {
  const { key, certificate, crlShards } = made
  const row: IssuerRow = {
    key_id: key.keyId,
    name: made.name,
    generation: made.generation,
    key_name: key.name,
    issuer_key_id: made.issuerKeyId,
    certificate: certificate.raw,
    crl_shards: crlShards,
    created_ms: deps.clock.now().getTime(),
  }
  return { facts, certificate, keyId: key.keyId, crlShards, key, row }
}
