import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { artifactDigest } from '@countersign/protocol/bundle/artifactDigest.ts'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { digestAlgorithm } from '@countersign/protocol/bundle/verifyBundle.ts'
import { decideArtifact } from '@countersign/protocol/decide/decideArtifact.ts'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { fromHex } from '@countersign/protocol/json/base64.ts'
import { certifyError } from './errors.ts'
import type { TrustNow } from './instanceTrust.ts'

/** What is checked. */
export interface SignedSubmission {
  /** Where the artifact lies. */
  readonly path: string
  readonly sha256: string
  /** The developer's bundle, its text. */
  readonly signature: string
}

/**
 * Proves that the developer's signature is genuine, by someone whom the distributed verification policy trusts, and that
 * neither signer nor artifact has ended. The policy's demand for certifications is left out: this one is about to be made.
 * `product` is what the artifact says it is; without one, a policy that trusts the signer for some products only is asked
 * again later. Throws `certify.signature-refused`.
 */
export async function checkSignature(
  submission: SignedSubmission,
  trust: TrustNow,
  at: { readonly now: Date; readonly product?: string },
): Promise<void> {
  const { sha256 } = submission
  const bundle = readBundle(submission.signature)
  const hashName = digestAlgorithm(bundle)
  const digest = hashName === 'sha256' ? fromHex(sha256, 'sha256') : await digestOf(submission.path, hashName)
  const policy = { ...trust.anchors.policy, validators: { ...trust.anchors.policy.validators, required: 0 } }
  const decision = decideArtifact(
    {
      artifact: artifactDigest(digest),
      sha256: fromHex(sha256, 'sha256'),
      signature: bundle,
      certifications: [],
      root: trust.root,
      knowledge: trust.knowledge,
      anchors: trust.anchors,
      now: at.now,
      ...(trust.clockOffsetMs !== undefined && { clockOffsetMs: trust.clockOffsetMs }),
      ...(at.product !== undefined && { product: at.product }),
    },
    policy,
  )
  const isOpen = decision.checks.some((check) => check.code === 'decide.product-unknown') && at.product === undefined
  if (decision.answer === 'yes' || (decision.answer === 'cannot tell' && isOpen)) return
  throw certifyError('certify.signature-refused', decision.reasons.join('; ').slice(0, 1000))
}

function readBundle(text: string) {
  try {
    return parseBundle(text)
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause
    throw certifyError('certify.signature-refused', cause.message, { cause })
  }
}

async function digestOf(path: string, hashName: string): Promise<Uint8Array> {
  const digest = createHash(hashName)
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) digest.update(chunk)
  return new Uint8Array(digest.digest())
}
