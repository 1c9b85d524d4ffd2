import { hash } from 'node:crypto'
import { TestLog } from '@countersign/local/feed/logFixture.ts'
import { type CtEntry, encodeDataTile, merkleTreeLeaf, tileLeaf } from '@countersign/protocol/log/staticCt.ts'
import { entryBundlePath, TILE_WIDTH } from '@countersign/protocol/log/tiles.ts'
import {
  identifierExtensions,
  makeTestKey,
  makeTestRoot,
  signTestCertificate,
  TEST_TIME,
  type TestAuthority,
} from '@countersign/protocol/x509/authorityFixture.ts'
import type { Certificate } from '@countersign/protocol/x509/certificate.ts'
import { certificationExtension } from '@countersign/protocol/x509/certification.ts'
import { subjectAltName } from '@countersign/protocol/x509/extensions.ts'
import { leafIndexExtension, tbsWithoutScts } from '@countersign/protocol/x509/sct.ts'

/** A certificate log in memory that holds whatever a test puts into it. */
export class CertificateTestLog extends TestLog {
  readonly certificates: CtEntry[] = []

  log(certificate: Certificate, issuer: TestAuthority): this {
    const entry: CtEntry = {
      timestampMs: BigInt(TEST_TIME.getTime()),
      certificate: tbsWithoutScts(certificate.tbs),
      precertificate: {
        issuerKeyHash: new Uint8Array(hash('sha256', issuer.certificate.spki, 'buffer')),
        submitted: certificate.raw,
      },
      extensions: leafIndexExtension(BigInt(this.certificates.length)),
      chainFingerprints: [],
    }
    this.certificates.push(entry)
    this.entries.push(merkleTreeLeaf(entry))
    return this
  }

  override files(): Map<string, Uint8Array> {
    const files = super.files()
    for (let from = 0; from < this.certificates.length; from += TILE_WIDTH) {
      const part = this.certificates.slice(from, from + TILE_WIDTH)
      const path = entryBundlePath(BigInt(from / TILE_WIDTH), part.length, 'data')
      files.set(path, encodeDataTile(part.map(tileLeaf)))
    }
    return files
  }
}

/** The certifications authority of the tests. */
export const certifications: TestAuthority = makeTestRoot('certifications')

/** A certificate of a certification in the name of `validator`, under a key of its own unless one is given. */
export function certificationCertificate(
  validator: string,
  { number, spki = makeTestKey().spki }: { readonly number?: bigint; readonly spki?: Uint8Array },
): Certificate {
  const extensions = [
    ...identifierExtensions(spki, certifications),
    subjectAltName([{ type: 'uri', value: validator }], true),
    ...(number === undefined ? [] : [certificationExtension({ number, digests: [new Uint8Array(32).fill(0x5a)] })]),
  ]
  const notAfter = new Date(Math.floor(Date.now() / 1000) * 1000 + 90 * 86_400_000)
  return signTestCertificate({ spki, notAfter, extensions }, certifications)
}
