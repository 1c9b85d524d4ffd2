import {
  parseTimestampRequest,
  parseTimestampRequestJson,
  type TimestampRequest,
} from '@countersign/protocol/timestamp/request.ts'
import { prepareTimestamp } from '@countersign/protocol/timestamp/response.ts'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
import type { Issuer } from '../authority/issuers.ts'
import { newSerial } from '../authority/serial.ts'
import { trustError } from '../errors.ts'
import type { TimeFloor } from './timeFloor.ts'

/** The policy that timestamps are made under, and the only one that may be asked for: sigstore's own. */
export const TIMESTAMP_POLICY = '1.3.6.1.4.1.57264.2'

/** How far a stamped time may be from the true one; whole seconds are written, so less cannot be promised. */
export const ACCURACY_SECONDS = 1

/** What stamping stands on. */
export interface TimestampAuthority {
  /** The signer of timestamps: its certificate first in the chain. */
  readonly signer: Issuer
  readonly floor: TimeFloor
}

/** Media type of a DER request. */
export const TIMESTAMP_QUERY = 'application/timestamp-query'

/** Reads a request in either form, decided by its media type. Throws `timestamp.*`. */
export function readTimestampRequest(bytes: Uint8Array, mediaType: string): TimestampRequest {
  return mediaType === TIMESTAMP_QUERY ? parseTimestampRequest(bytes) : parseTimestampRequestJson(bytes)
}

/**
 * Stamps a digest with the time of this server: a DER `TimeStampResp` (RFC 3161, 2.4.2) with a serial number of 160
 * random bits. Nothing is stored; what was stamped proves itself. Throws `trust.clock-unsound` where the clock went
 * back, `trust.issuer-expiring` outside the signer's validity, `timestamp.unaccepted-policy`.
 */
export async function stamp(authority: TimestampAuthority, request: TimestampRequest): Promise<Uint8Array> {
  const { certificate, chain, key } = authority.signer
  const genTime = authority.floor.next()
  if (genTime < certificate.notBefore || genTime > certificate.notAfter) {
    throw trustError('trust.issuer-expiring', 'the certificate of the timestamp signer does not cover the present')
  }
  const prepared = prepareTimestamp({
    request,
    serial: newSerial(),
    genTime,
    policy: TIMESTAMP_POLICY,
    accuracySeconds: ACCURACY_SECONDS,
    signer: certificate,
    chain,
    signatureAlgorithm: key.signatureAlgorithm,
  })
  return prepared.finish(await key.sign(prepared.toSign))
}

/** The chain of the signer as PEM: the signer first, the root last. */
export function timestampChainPem(authority: TimestampAuthority): string {
  return authority.signer.chain.map(({ raw }) => toPem(raw)).join('')
}
