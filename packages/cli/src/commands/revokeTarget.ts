import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import { MAX_BUNDLE_BYTES, parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import {
  isCertificationAuthority,
  parseTrustedRoot,
  type TrustedAuthority,
} from '@countersign/protocol/bundle/trustedRoot.ts'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import type { Certificate } from '@countersign/protocol/x509/certificate.ts'
import { readCertificationExtension } from '@countersign/protocol/x509/certification.ts'
import { verifyChain } from '@countersign/protocol/x509/verifyChain.ts'
import { outputError } from '../output/errors.ts'
import { parseDigest, readArtifact } from './artifact.ts'

/** What is to end, as the API takes it. */
export type NamedTarget =
  | { readonly scope: 'certifications'; readonly authority: string; readonly numbers: string[] }
  | { readonly scope: 'digest'; readonly digest: string; readonly blocked: boolean }

/** The ways to name it. */
export interface TargetOptions {
  /** Numbers and ranges: `12`, `3,5,8-20`. */
  readonly certification?: string
  /** Key id of the issuing authority of these numbers. Default: the instance's present one. */
  readonly authority?: string
  readonly digest?: string
  readonly blocked?: boolean
}

/** Most numbers of one command. */
const MAX_NUMBERS = 50_000n

/**
 * Reads what is to end: numbers, a digest, a certification's bundle, or an artifact by its bytes. Throws `cli.usage` unless
 * it is named in exactly one way, and what reading the file throws.
 */
export async function namedTarget(
  what: string | undefined,
  options: TargetOptions,
  anchors: Anchors,
  signal: AbortSignal,
): Promise<NamedTarget> {
  const { certification, digest, blocked = false } = options
  if ([what, certification, digest].filter((one) => one !== undefined).length !== 1) {
    throw outputError('cli.usage', 'name exactly one: a file, --certification <numbers> or --digest <digest>')
  }
  if (digest !== undefined) return { scope: 'digest', digest: toHex(parseDigest(digest)), blocked }
  const authorities = certificationAuthorities(anchors)
  if (certification !== undefined) {
    if (blocked) throw outputError('cli.usage', '--blocked is about bytes: give a file or --digest')
    const authority = options.authority ?? authorities.at(-1)?.chain[0]?.keyId
    if (authority === undefined) throw outputError('cli.usage', 'the instance names no certifications authority')
    return { scope: 'certifications', authority, numbers: parseNumbers(certification) }
  }
  const named = what as string
  const numbered = blocked ? undefined : await certificationIn(named, authorities)
  return numbered ?? { scope: 'digest', digest: toHex((await readArtifact(named, 'sha256', signal)).digest), blocked }
}

/** Reads `3,5,8-20`. Throws `cli.usage`. */
export function parseNumbers(text: string): string[] {
  const numbers: string[] = []
  for (const part of text.split(',')) {
    const [from, to] =
      /^([1-9]\d{0,18})(?:-([1-9]\d{0,18}))?$/
        .exec(part)
        ?.slice(1)
        .map((one) => one && BigInt(one)) ?? []
    if (!from) throw outputError('cli.usage', 'certification numbers read 12 or 3,5,8-20')
    const last = to || from
    if (last < from || last - from + BigInt(numbers.length) >= MAX_NUMBERS) {
      throw outputError('cli.usage', `a range goes up, and one command ends at most ${MAX_NUMBERS} certifications`)
    }
    for (let number = from; number <= last; number++) numbers.push(number.toString())
  }
  return numbers
}

/** The certification that a bundle file is; undefined for every other file. Its certificate must be this instance's. */
async function certificationIn(
  path: string,
  authorities: readonly TrustedAuthority[],
): Promise<NamedTarget | undefined> {
  const certificate = await certificateIn(path)
  const mark = certificate && readCertificationExtension(certificate)
  if (certificate === undefined || mark === undefined) return undefined
  const [, issuer] = verifyChain({
    leaf: certificate,
    intermediates: authorities.flatMap(({ chain }) => chain.slice(0, -1)),
    anchors: authorities.flatMap(({ chain }) => chain.slice(-1)),
    at: certificate.notBefore,
    purpose: 'codeSigning',
  })
  return { scope: 'certifications', authority: issuer?.keyId ?? '', numbers: [mark.number.toString()] }
}

async function certificateIn(path: string): Promise<Certificate | undefined> {
  if (!/\.(?:sigstore\.)?json$/.test(path)) return undefined
  const bytes = await readBounded(path, MAX_BUNDLE_BYTES)
  try {
    return parseBundle(bytes).certificate
  } catch (error) {
    // Other JSON is an artifact like any file.
    if (error instanceof CodedError) return undefined
    throw error
  }
}

function certificationAuthorities(anchors: Anchors): TrustedAuthority[] {
  return parseTrustedRoot(anchors.target('trusted_root.json')).certificateAuthorities.filter(isCertificationAuthority)
}
