import { oidValue, partsOf } from '../der/derValues.ts'
import type { DerNode } from '../der/readDer.ts'
import { oid, sequence } from '../der/writeDer.ts'

/** The digests that timestamps are made over and with. SHA-1 is not among them. */
export type DigestAlgorithm = 'sha256' | 'sha384' | 'sha512'

/** Length of each digest in bytes. */
export const DIGEST_BYTES: Readonly<Record<DigestAlgorithm, number>> = { sha256: 32, sha384: 48, sha512: 64 }

const oids: Readonly<Record<DigestAlgorithm, string>> = {
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
}

const byOid = new Map(Object.entries(oids).map(([name, value]) => [value, name as DigestAlgorithm]))

// RFC 5754, 2: parameters are left out when writing, and NULL is accepted when reading.
const identifiers: Readonly<Record<DigestAlgorithm, Uint8Array>> = {
  sha256: sequence(oid(oids.sha256)),
  sha384: sequence(oid(oids.sha384)),
  sha512: sequence(oid(oids.sha512)),
}

/** The AlgorithmIdentifier of a digest. Always the same array: do not write into it. */
export function digestIdentifier(algorithm: DigestAlgorithm): Uint8Array {
  return identifiers[algorithm]
}

/** Reads the AlgorithmIdentifier of a digest; undefined for one that is not supported. Throws `der.unexpected`. */
export function parseDigestIdentifier(node: DerNode | undefined): DigestAlgorithm | undefined {
  const parts = partsOf(node, 'a digest algorithm')
  const algorithm = byOid.get(oidValue(parts.takeAny('a digest algorithm'), 'a digest algorithm'))
  if (algorithm === undefined) return undefined
  parts.takeIf(0x05)
  parts.end('a digest algorithm')
  return algorithm
}
