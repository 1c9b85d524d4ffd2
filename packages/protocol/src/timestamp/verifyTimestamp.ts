import { hash } from 'node:crypto'
import { CodedError } from '../errors/codedError.ts'
import { equalBytes } from '../json/base64.ts'
import type { Certificate } from '../x509/certificate.ts'
import { isSignedBy } from '../x509/signatureAlgorithm.ts'
import { verifyChain } from '../x509/verifyChain.ts'
import { timestampError } from './errors.ts'
import { TOKEN_OIDS } from './oids.ts'
import { readTimestampResponse, type UnverifiedToken } from './readToken.ts'

/** A timestamp authority that is trusted, as a trusted root names it. */
export interface TimestampAuthority {
  /** Leaf first, root last; at least these two. All of them trusted as given. */
  readonly chain: readonly Certificate[]
  /** First and last moment at which its timestamps count, both inclusive; unlimited where absent. */
  readonly validFrom?: Date
  readonly validUntil?: Date
}

/** What a timestamp proves. */
export interface VerifiedTimestamp {
  /** The bytes existed at this time, within the accuracy of the authority. */
  readonly time: Date
  /** The certificate that signed. */
  readonly authority: Certificate
  /** Object identifier. */
  readonly policy: string
  readonly serialHex: string
  /** Compare it where one was sent: without it the answer may be an old one. */
  readonly nonce?: bigint
}

/**
 * Proves that one of `authorities` stamped the bytes `over` (RFC 3161, 2.3 and 2.4.2; RFC 5652, 5.4 and 5.6).
 * `response` is a TimeStampResp. The signer is found by issuer and serial number among the leaves of `authorities`;
 * certificates in the response are not looked at. Revocation is the caller's business.
 * Throws `timestamp.malformed`, `timestamp.refused`, `timestamp.unknown-authority`, `timestamp.signature-wrong`,
 * `timestamp.wrong-imprint`, `timestamp.outside-validity`, `timestamp.chain-wrong`.
 */
export function verifyTimestamp(
  response: Uint8Array,
  over: Uint8Array,
  authorities: readonly TimestampAuthority[],
): VerifiedTimestamp {
  const token = readTimestampResponse(response)
  const candidates = authoritiesNamedBy(token, authorities)
  checkSignature(token, (candidates[0] as TimestampAuthority).chain[0] as Certificate)
  checkImprint(token, over)
  const authority = authorityTrustedAt(token.genTime, candidates)
  checkChain(authority.chain, token.genTime)
  const { genTime, policy, serialHex, nonce } = token
  return {
    time: genTime,
    authority: authority.chain[0] as Certificate,
    policy,
    serialHex,
    ...(nonce === undefined ? {} : { nonce }),
  }
}

/** The authorities with the leaf that the token names: several where one leaf is listed with several windows. */
function authoritiesNamedBy(token: UnverifiedToken, authorities: readonly TimestampAuthority[]): TimestampAuthority[] {
  const [first, ...others] = authorities.filter(({ chain: [leaf] }) => {
    return (
      leaf !== undefined && equalBytes(leaf.issuer, token.signerIssuer) && equalBytes(leaf.serial, token.signerSerial)
    )
  })
  if (first === undefined) {
    throw timestampError('timestamp.unknown-authority', 'no trusted authority has the certificate that is named')
  }
  // Two certificates with one issuer and serial number: only the first can be meant, never both.
  const leaf = first.chain[0] as Certificate
  return [first, ...others.filter(({ chain }) => equalBytes((chain[0] as Certificate).raw, leaf.raw))]
}

/** Signed attributes and signature: RFC 5652, 5.4 and 5.6; RFC 5035, 3 against a swapped certificate. */
function checkSignature(token: UnverifiedToken, signer: Certificate): void {
  if (token.contentType !== TOKEN_OIDS.timestampInfo) {
    throw timestampError('timestamp.signature-wrong', 'the signature is for another type of content')
  }
  if (!equalBytes(token.messageDigest, hash(token.digestAlgorithm, token.info, 'buffer'))) {
    throw timestampError('timestamp.signature-wrong', 'the signed digest is not that of the timestamp')
  }
  const { signingCertificate } = token
  if (!equalBytes(signingCertificate.digest, hash(signingCertificate.hash, signer.raw, 'buffer'))) {
    throw timestampError('timestamp.signature-wrong', 'the timestamp was signed under another certificate')
  }
  if (!isSignedBy(signer.publicKey, token.signatureAlgorithm, token.signedAttributes, token.signature)) {
    throw timestampError('timestamp.signature-wrong', 'the signature is not by the key of the authority')
  }
}

function checkImprint({ imprint }: UnverifiedToken, over: Uint8Array): void {
  if (!equalBytes(imprint.digest, hash(imprint.hash, over, 'buffer'))) {
    throw timestampError('timestamp.wrong-imprint', 'the timestamp was made for other bytes')
  }
}

function authorityTrustedAt(time: Date, candidates: readonly TimestampAuthority[]): TimestampAuthority {
  const trusted = candidates.find(({ validFrom, validUntil }) => {
    return (
      (validFrom === undefined || validFrom.getTime() <= time.getTime()) &&
      (validUntil === undefined || time.getTime() <= validUntil.getTime())
    )
  })
  if (trusted === undefined) {
    throw timestampError('timestamp.outside-validity', 'the authority was not trusted at the time of the timestamp')
  }
  return trusted
}

/** The certificates at the time of the timestamp, with the leaf's usage as RFC 3161, 2.3 demands. */
function checkChain(chain: readonly Certificate[], at: Date): void {
  const [leaf, ...above] = chain
  try {
    verifyChain({
      leaf: leaf as Certificate,
      intermediates: above.slice(0, -1),
      anchors: above.slice(-1),
      at,
      purpose: 'timeStamping',
    })
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause
    throw timestampError('timestamp.chain-wrong', `the chain of the authority is wrong: ${cause.message}`, { cause })
  }
}
