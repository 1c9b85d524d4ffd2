import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { refreshAnchors } from '@countersign/local/anchors/refreshAnchors.ts'
import { tlsTrust, trustedRequest } from '@countersign/local/anchors/trustedRequest.ts'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { followFeed } from '@countersign/local/feed/followFeed.ts'
import type { FeedKnowledge } from '@countersign/local/feed/knowledge.ts'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { outputError } from '../output/errors.ts'
import type { Terminal } from '../output/terminal.ts'

/** What the instance had to say. */
export interface RenewedSurroundings {
  readonly anchors: Anchors
  readonly feed: FeedKnowledge
  readonly clockOffsetMs?: number
}

/** Waiting longer for news would make people use --offline for everything. */
const TIMEOUT_MS = 3_000
/** Of all certifications of one artifact, their SBOMs included. */
const MAX_CERTIFICATIONS_BYTES = 64 * 1024 * 1024
const MAX_CERTIFICATIONS = 32

/**
 * Renews trust and news as far as the instance answers; what is stored counts where it does not, and a note says so.
 * Trust metadata or a log that is wrong, not just unreachable, is a problem of the knowledge: a yes needs better.
 * With a policy of one's own the news are judged by that: its logs, witnesses and revokers, whatever the instance distributes.
 */
export async function renewSurroundings(
  stored: Anchors,
  terminal: Terminal,
  clock: Clock,
  policy?: VerificationPolicy,
): Promise<RenewedSurroundings> {
  const deps = { clock, timeoutMs: TIMEOUT_MS, signal: terminal.signal }
  const renewed = await refreshOr(stored, deps, terminal)
  const {
    knowledge,
    failures,
    clockOffsetMs: feedOffsetMs,
    ...more
  } = await followFeed({ ...renewed.anchors, policy: policy ?? renewed.anchors.policy }, deps)
  for (const { origin, message } of failures) terminal.note(`no news of ${origin}: ${message}`)
  const clockOffsetMs = feedOffsetMs ?? renewed.clockOffsetMs
  const problem = knowledge.problem ?? renewed.problem
  return {
    anchors: renewed.anchors,
    feed: { ...more, knowledge: { ...knowledge, ...(problem && { problem }) } },
    ...(clockOffsetMs !== undefined && { clockOffsetMs }),
  }
}

/**
 * Asks the instance for the certifications of an artifact: texts of bundles, unverified. What the server says about them
 * counts for nothing; the decision looks at the bundles and the feed. None where it does not answer, and a note says so.
 */
export async function askCertifications(anchors: Anchors, sha256: string, terminal: Terminal): Promise<string[]> {
  try {
    const reply = await trustedRequest(
      {
        url: `${anchors.url}/api/v1/artifacts/${sha256}/certifications`,
        maxBytes: MAX_CERTIFICATIONS_BYTES,
        timeoutMs: TIMEOUT_MS,
        signal: terminal.signal,
        fail: (_failure, message, cause) => outputError('cli.no-certifications', message, { cause }),
      },
      tlsTrust(anchors),
    )
    if (reply.status === 404) return []
    if (reply.status !== 200) throw outputError('cli.no-certifications', `it answered ${reply.status}`)
    return certificationTexts(parseJson(reply.bytes, { maxBytes: MAX_CERTIFICATIONS_BYTES, maxDepth: 8 }))
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    terminal.note(`certifications were not asked for: ${error.message} (${error.code})`)
    return []
  }
}

/** Read by hand: the definition of the route would load zod, for which verifying has no time. */
function certificationTexts(json: JsonValue): string[] {
  const certifications = (json as { readonly certifications?: unknown } | null)?.certifications
  if (!Array.isArray(certifications)) throw outputError('cli.no-certifications', 'it did not answer with a list')
  return certifications.slice(0, MAX_CERTIFICATIONS).flatMap((one: { readonly certification?: unknown } | null) => {
    const text = one?.certification
    return typeof text === 'string' ? [text] : []
  })
}

async function refreshOr(anchors: Anchors, deps: Parameters<typeof refreshAnchors>[1], terminal: Terminal) {
  try {
    return { ...(await refreshAnchors(anchors, deps)), problem: undefined }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    terminal.note(`trust was not renewed: ${error.message}`)
    const isWrong = error.code !== 'anchors.unreachable'
    const problem = isWrong ? { code: error.code, detail: error.message, broken: true } : undefined
    return { anchors, problem, clockOffsetMs: undefined }
  }
}
