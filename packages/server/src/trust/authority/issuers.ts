import type { Database } from '@countersign/platform/database/database.ts'
import type { KeyStore, SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { type Certificate, parseCertificate } from '@countersign/protocol/x509/certificate.ts'
import { trustError } from '../errors.ts'
import type { IssuerRow, TrustTables } from '../trustTables.ts'
import { type IssuerName, type IssuingName, issuerName, issuingNames } from './issuerNames.ts'

/** The public half of a root, an issuing authority or the timestamp signer. */
export interface IssuerCertificate {
  readonly name: IssuerName
  /** 1 for the first of its name; the highest generation issues, earlier ones keep their revocation lists. */
  readonly generation: number
  readonly keyId: string
  readonly keyName: string
  readonly issuerKeyId: string
  readonly certificate: Certificate
  /** This certificate first, its root last. */
  readonly chain: readonly Certificate[]
  readonly crlShards: number
}

/** An issuer whose key is at hand. */
export interface Issuer extends IssuerCertificate {
  readonly key: SigningKey
}

/** Every issuer certificate ever made here, oldest first within a name. Public values only. */
export async function readIssuerCertificates(database: Database): Promise<IssuerCertificate[]> {
  const rows = await database
    .tables<TrustTables>()
    .selectFrom('trust_issuers')
    .selectAll()
    .orderBy('generation')
    .execute()
  return withChains(rows)
}

/** The certificate of `name` that issues now. Throws `trust.not-created`. */
export function currentIssuer(all: readonly IssuerCertificate[], name: IssuerName): IssuerCertificate {
  const newest = all.findLast((one) => one.name === name)
  if (newest === undefined) throw trustError('trust.not-created', `there is no certificate for ${name}`)
  return newest
}

/**
 * Opens the key that belongs to `certificate`. `keys` decides what the audit trail says about its uses.
 * Throws `trust.key-mismatch` where the stored key is another one.
 */
export async function openIssuer(certificate: IssuerCertificate, keys: Pick<KeyStore, 'open'>): Promise<Issuer> {
  const key = await keys.open(certificate.keyName)
  if (key.keyId !== certificate.keyId) {
    throw trustError('trust.key-mismatch', `the key ${certificate.keyName} is not the one its certificate names`)
  }
  return { ...certificate, key }
}

/** Opens every online issuer, retired generations too: their revocation lists still have to be signed. */
export async function openOnlineIssuers(
  all: readonly IssuerCertificate[],
  keys: Pick<KeyStore, 'open'>,
): Promise<Issuer[]> {
  const online = all.filter((one) => (issuingNames as readonly IssuerName[]).includes(one.name))
  return Promise.all(online.map((one) => openIssuer(one, keys)))
}

/** The opened issuing authority of `name` that issues now. Throws `trust.not-created`. */
export function currentIssuing(issuers: readonly Issuer[], name: IssuingName): Issuer {
  return currentIssuer(issuers, name) as Issuer
}

function withChains(rows: readonly IssuerRow[]): IssuerCertificate[] {
  const certificates = new Map(rows.map((row) => [row.key_id, parseCertificate(row.certificate)]))
  const parents = new Map(rows.map((row) => [row.key_id, row.issuer_key_id]))
  return rows.map((row) => {
    const chain = chainOf(row.key_id, certificates, parents)
    return {
      name: issuerName(row.name),
      generation: row.generation,
      keyId: row.key_id,
      keyName: row.key_name,
      issuerKeyId: row.issuer_key_id,
      certificate: chain[0] as Certificate,
      chain,
      crlShards: row.crl_shards,
    }
  })
}

function chainOf(
  keyId: string,
  certificates: ReadonlyMap<string, Certificate>,
  parents: ReadonlyMap<string, string>,
): Certificate[] {
  const certificate = certificates.get(keyId)
  const parent = parents.get(keyId)
  if (certificate === undefined || parent === undefined || certificate.keyId !== keyId) {
    throw trustError('trust.not-created', 'a stored issuer certificate is missing or under another key id')
  }
  return parent === keyId ? [certificate] : [certificate, ...chainOf(parent, certificates, parents)]
}
