import { hash } from 'node:crypto'
import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { refreshAnchors } from '@countersign/local/anchors/refreshAnchors.ts'
import { tlsTrust } from '@countersign/local/anchors/trustedRequest.ts'
import { call } from '@countersign/local/calls/call.ts'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { replaceFile } from '@countersign/local/files/durable.ts'
import {
  type CertificationRecord,
  getCertificationsRoute,
  type Submission,
} from '@countersign/protocol/api/artifacts.ts'
import { artifactDigest } from '@countersign/protocol/bundle/artifactDigest.ts'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { parseTrustedRoot, type TrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { type Check, verifyBundle } from '@countersign/protocol/bundle/verifyBundle.ts'
import { verifyCertification } from '@countersign/protocol/decide/verifyCertification.ts'
import { fromHex } from '@countersign/protocol/json/base64.ts'
import { outputError } from '../output/errors.ts'

/** A certification that verified and lies beside its artifact. */
export interface WrittenCertification {
  readonly authority: string
  readonly number: string
  readonly notAfter: string
  /** Paths of the certification, the SBOM and the findings. */
  readonly files: readonly string[]
}

const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/**
 * Fetches the certification that a submission led to, verifies it and the two statements it names, and writes
 * `<prefix>.certification.sigstore.json`, `.sbom.sigstore.json` and `.findings.sigstore.json`. Nothing is written that did
 * not verify. Throws `cli.certification-missing`, `cli.certification-wrong`, `calls.*`, `anchors.*`, `files.*`.
 */
export async function writeCertification(
  stored: Anchors,
  submission: Submission,
  prefix: string,
  signal: AbortSignal,
): Promise<WrittenCertification> {
  const { anchors } = await refreshAnchors(stored, { clock: systemClock, signal })
  const record = await findRecord(anchors, submission, signal)
  const root = parseTrustedRoot(anchors.target('trusted_root.json'))
  const { authority, number, notAfter } = verify(record, submission, root)
  const texts = { certification: record.certification, sbom: record.sbom, findings: record.findings }
  const files: string[] = []
  for (const [name, text] of Object.entries(texts)) {
    const path = `${prefix}.${name}.sigstore.json`
    await replaceFile(path, Buffer.from(text), { point: 'cli.certification' })
    files.push(path)
  }
  return { authority, number: String(number), notAfter: notAfter.toISOString(), files }
}

async function findRecord(
  anchors: Anchors,
  { sha256, validator, certificationNumber }: Submission,
  signal: AbortSignal,
): Promise<CertificationRecord> {
  const target = { url: anchors.url, trust: tlsTrust(anchors) }
  const input = { params: { sha256 }, maxBytes: MAX_ANSWER_BYTES, signal }
  const { certifications } = await call(target, getCertificationsRoute, input)
  const found = certifications.find(
    (one) =>
      one.number === certificationNumber && (one.validator === validator || one.validator.endsWith(`/${validator}`)),
  )
  if (found !== undefined) return found
  throw outputError('cli.certification-missing', `the instance does not hand out number ${certificationNumber}`)
}

function verify(record: CertificationRecord, { sha256 }: Submission, root: TrustedRoot) {
  const artifact = artifactDigest(fromHex(sha256, 'sha256'))
  const { checks, certification } = verifyCertification(parseBundle(record.certification), artifact, root)
  if (certification === undefined) throw wrong(checks)
  const { claims } = certification
  for (const [name, text] of [
    ['sbom', record.sbom],
    ['findings', record.findings],
  ] as const) {
    const bundle = parseBundle(text)
    const { checks: others, verified } = verifyBundle(bundle, artifact, root)
    if (verified === undefined) throw wrong(others)
    const payload = bundle.content.kind === 'statement' ? bundle.content.payload : new Uint8Array()
    if (hash('sha256', payload, 'hex') !== claims[name]) {
      throw outputError('cli.certification-wrong', `the certification names another ${name} than the one handed out`)
    }
  }
  return certification
}

function wrong(checks: readonly Check[]) {
  const failed = checks.find((check) => check.code !== undefined)
  return outputError('cli.certification-wrong', `${failed?.name}: ${failed?.detail} (${failed?.code})`)
}
