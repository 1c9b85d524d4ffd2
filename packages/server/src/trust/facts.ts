/** What goes into certificates and anchors for good: the permanent facts of the instance that this folder needs. */
export interface TrustFacts {
  readonly environment: 'development' | 'production'
  /** `https://host[:port]`, no path and no final slash. */
  readonly publicUrl: string
  /** `http://host[:port]`: revocation lists, issuer certificates and TUF without TLS. */
  readonly publicHttpUrl: string
}

/** Where the revocation list of one issuer and shard is served; stands in each certificate of that shard. */
export function revocationListUrl(facts: TrustFacts, issuerKeyId: string, shard: number): string {
  return `${facts.publicHttpUrl}/crl/${issuerKeyId}/${shard}.crl`
}

/** Where the certificate of one issuer is served; stands in each certificate it issues. */
export function issuerCertificateUrl(facts: TrustFacts, keyId: string): string {
  return `${facts.publicHttpUrl}/issuer/${keyId}.cer`
}

/** The prefix of every identity that only the certification authority may certify (URI SANs of validators). */
export function validatorsUrl(facts: TrustFacts): string {
  return `${facts.publicUrl}/validators`
}

/** Host name of the public URL, without port: the operator as certificates and anchors name it. */
export function hostName(facts: TrustFacts): string {
  return new URL(facts.publicUrl).hostname
}
