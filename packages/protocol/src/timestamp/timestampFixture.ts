import { hash } from 'node:crypto'
import {
  makeTestIssuer,
  makeTestRoot,
  makeTestTimestampLeaf,
  TEST_TIME,
  type TestAuthority,
  testSerial,
} from '../x509/authorityFixture.ts'
import type { Certificate } from '../x509/certificate.ts'
import type { TimestampRequest } from './request.ts'
import { prepareTimestamp, type TimestampParts } from './response.ts'

/** A timestamp authority for tests, with its certificates leaf first. */
export interface TestTimestampAuthority extends TestAuthority {
  readonly chain: readonly Certificate[]
}

/** The policy that the fixtures stamp under. */
export const TEST_POLICY = '1.3.6.1.4.1.57264.2'

/** A timestamp authority under a root of its own; `leaf` changes the leaf's certificate. */
export function makeTestTimestampAuthority(
  leaf: Parameters<typeof makeTestTimestampLeaf>[1] = {},
  key?: Parameters<typeof makeTestTimestampLeaf>[2],
): TestTimestampAuthority {
  const root = makeTestRoot('timestamp root')
  const issuer = makeTestIssuer(root, 'timeStamping')
  const authority = makeTestTimestampLeaf(issuer, leaf, key)
  return { ...authority, chain: [authority.certificate, issuer.certificate, root.certificate] }
}

/** A request to stamp `over`. */
export function makeTestRequest(over: Uint8Array, parts: Partial<TimestampRequest> = {}): TimestampRequest {
  const algorithm = parts.hash ?? 'sha256'
  return { hash: algorithm, digest: new Uint8Array(hash(algorithm, over, 'buffer')), certReq: false, ...parts }
}

/** A TimeStampResp by `authority` over `over` at `TEST_TIME`. */
export function stampForTest(
  authority: TestTimestampAuthority,
  over: Uint8Array,
  parts: Partial<TimestampParts> = {},
): Uint8Array {
  const prepared = prepareTimestamp({
    request: makeTestRequest(over),
    serial: testSerial(),
    genTime: TEST_TIME,
    policy: TEST_POLICY,
    accuracySeconds: 1,
    signer: authority.certificate,
    chain: authority.chain,
    signatureAlgorithm: authority.key.signatureAlgorithm,
    ...parts,
  })
  return prepared.finish(authority.key.sign(prepared.toSign))
}
