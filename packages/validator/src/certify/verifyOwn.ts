import { hash } from 'node:crypto'
import { artifactDigest } from '@countersign/protocol/bundle/artifactDigest.ts'
import { parseBundle, type UnverifiedBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { parseStatement, type Statement } from '@countersign/protocol/bundle/parseStatement.ts'
import { type Check, verifyBundle } from '@countersign/protocol/bundle/verifyBundle.ts'
import { verifyCertification } from '@countersign/protocol/decide/verifyCertification.ts'
import { equalBytes, fromHex } from '@countersign/protocol/json/base64.ts'
import { readFindingsStatement } from '@countersign/protocol/statement/findingsStatement.ts'
import { readSbomStatement } from '@countersign/protocol/statement/sbomStatement.ts'
import { certifyError } from './errors.ts'
import type { InstanceTrust } from './instanceTrust.ts'

/** The finished bundles of one certification, as text. */
export interface FinishedBundles {
  readonly certification: string
  readonly sbom: string
  readonly findings: string
}

/** What a finished certification must prove. */
export interface Expected {
  /** Of the artifact. */
  readonly sha256: string
  readonly authority: string
  readonly number: string
  /** The three nonces, in order. */
  readonly nonces: readonly bigint[]
}

/**
 * Verifies what is about to be handed out as any stranger would, that one key signed all three, and that its timestamps are
 * fresh ones: the nonces are those of the intent. An authority that is newer than the anchors here makes them renew once.
 * Throws `certify.own-result-wrong`.
 */
export async function verifyOwn(trust: InstanceTrust, bundles: FinishedBundles, expected: Expected): Promise<void> {
  const { root } = await trust.renew()
  const artifact = artifactDigest(fromHex(expected.sha256, 'sha256'))
  const { checks, certification } = verifyCertification(readOwn(bundles.certification), artifact, root)
  if (certification === undefined) throw wrong(checks)
  const { authority, number, certificate, claims } = certification
  if (authority !== expected.authority || String(number) !== expected.number) {
    throw certifyError('certify.own-result-wrong', `the certificate has number ${number} of ${authority}`)
  }
  const all = [bundles.certification, bundles.sbom, bundles.findings]
  for (const [at, text] of all.entries()) {
    const { checks: others, verified } = verifyBundle(readOwn(text), artifact, root)
    if (verified === undefined) throw wrong(others)
    if (!equalBytes(verified.certificate.raw, certificate.raw)) {
      throw certifyError('certify.own-result-wrong', 'one of the statements is signed by another key')
    }
    if (verified.timestamps[0]?.nonce !== expected.nonces[at]) {
      throw certifyError('certify.own-result-wrong', 'a timestamp is an old one')
    }
  }
  checkNamed(bundles.sbom, claims.sbom, readSbomStatement)
  checkNamed(bundles.findings, claims.findings, readFindingsStatement)
}

/** The certification names SBOM and findings by digest; whoever follows that must find exactly these. */
function checkNamed(text: string, named: string, read: (statement: Statement) => unknown): void {
  const { content } = readOwn(text)
  if (content.kind !== 'statement' || hash('sha256', content.payload, 'hex') !== named) {
    throw certifyError('certify.own-result-wrong', 'the certification names another statement')
  }
  try {
    read(parseStatement(content.payloadType, content.payload))
  } catch (cause) {
    throw certifyError('certify.own-result-wrong', 'a statement does not say what it should', { cause })
  }
}

function readOwn(text: string): UnverifiedBundle {
  try {
    return parseBundle(text)
  } catch (cause) {
    throw certifyError('certify.own-result-wrong', 'a bundle cannot be read', { cause })
  }
}

function wrong(checks: readonly Check[]) {
  const failed = checks.find((check) => check.code !== undefined)
  return certifyError('certify.own-result-wrong', `${failed?.name}: ${failed?.detail} (${failed?.code})`)
}
