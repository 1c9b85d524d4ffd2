import { route } from './route.ts'

/**
 * Stamps a digest. A DER `TimeStampReq` (RFC 3161, 2.4.1) or the JSON form of sigstore's timestamp authority goes in,
 * a DER `TimeStampResp` comes out either way. Status 200, as that authority answers since 2.0.
 */
export const timestampRoute = route({
  id: 'createTimestamp',
  method: 'POST',
  path: '/api/v1/timestamp',
  summary: 'Stamp a digest with the time of this instance (RFC 3161)',
  tag: 'timestamps',
  listeners: ['https'],
  body: { mediaTypes: ['application/timestamp-query', 'application/json'] },
  reply: { mediaTypes: ['application/timestamp-reply'] },
  status: 200,
  maxBodyBytes: 4096,
})

/** The chain of the current timestamp signer as PEM: signer first, root last. */
export const timestampChainRoute = route({
  id: 'getTimestampChain',
  method: 'GET',
  path: '/api/v1/timestamp/certchain',
  summary: 'The certificates of the timestamp signer, leaf first (PEM)',
  tag: 'timestamps',
  listeners: ['https'],
  reply: { mediaTypes: ['application/pem-certificate-chain'] },
  status: 200,
  maxBodyBytes: 0,
})

/** Every route of the timestamp authority. */
export const timestampRoutes = [timestampRoute, timestampChainRoute] as const
