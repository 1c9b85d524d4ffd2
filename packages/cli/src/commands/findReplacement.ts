import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { tlsTrust } from '@countersign/local/anchors/trustedRequest.ts'
import { call } from '@countersign/local/calls/call.ts'
import { getCertificationsRoute } from '@countersign/protocol/api/artifacts.ts'
import { artifactDigest } from '@countersign/protocol/bundle/artifactDigest.ts'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { parseTrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { endingsOf } from '@countersign/protocol/decide/endingsOf.ts'
import type { Knowledge, VerifiedCertification } from '@countersign/protocol/decide/facts.ts'
import { verifyCertification } from '@countersign/protocol/decide/verifyCertification.ts'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { fromHex } from '@countersign/protocol/json/base64.ts'
import type { Terminal } from '../output/terminal.ts'

/** What to use in place of an artifact whose certification ended. */
export interface Replacement {
  readonly product: string
  readonly version: string
  /** Lower-case hex. */
  readonly sha256: string
}

const MAX_ANSWER_BYTES = 32 * 1024 * 1024
const TIMEOUT_MS = 3_000

/**
 * The newest active certification of the same product that the instance knows, proved here: by a validator of the policy,
 * about that product, ended by nothing that is known. Undefined where there is none or the instance does not answer; the
 * answer about the artifact itself does not depend on it.
 */
export async function findReplacement(
  anchors: Anchors,
  of: { readonly sha256: string; readonly product: string },
  { knowledge, now }: { readonly knowledge: Knowledge; readonly now: Date },
  terminal: Terminal,
): Promise<Replacement | undefined> {
  const target = { url: anchors.url, trust: tlsTrust(anchors) }
  const limits = { maxBytes: MAX_ANSWER_BYTES, timeoutMs: TIMEOUT_MS, signal: terminal.signal }
  try {
    const { newer } = await call(target, getCertificationsRoute, { params: { sha256: of.sha256 }, ...limits })
    if (newer === undefined) return undefined
    const artifact = artifactDigest(fromHex(newer.sha256, 'sha256'))
    const root = parseTrustedRoot(anchors.target('trusted_root.json'))
    const { certification } = verifyCertification(parseBundle(newer.certification), artifact, root)
    const counts =
      certification !== undefined &&
      certification.product === of.product &&
      isTrusted(anchors, certification) &&
      now < certification.notAfter &&
      endingsOf(knowledge.records, { sha256: newer.sha256, certifications: [certification] }).length === 0
    return counts ? { product: certification.product, version: certification.version, sha256: newer.sha256 } : undefined
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    terminal.note(`what replaces it was not found: ${error.message}`)
    return undefined
  }
}

function isTrusted({ policy }: Anchors, { validator }: VerifiedCertification): boolean {
  return policy.validators.of.some(
    ({ issuer, subject }) => issuer === validator.issuer && subject === validator.subject,
  )
}
