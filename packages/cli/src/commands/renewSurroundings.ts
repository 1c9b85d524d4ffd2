import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { refreshAnchors } from '@countersign/local/anchors/refreshAnchors.ts'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { followFeed } from '@countersign/local/feed/followFeed.ts'
import type { FeedKnowledge } from '@countersign/local/feed/knowledge.ts'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import type { Terminal } from '../output/terminal.ts'

/** What the instance had to say. */
export interface RenewedSurroundings {
  readonly anchors: Anchors
  readonly knowledge: FeedKnowledge
  readonly clockOffsetMs?: number
}

/** Waiting longer for news would make people use --offline for everything. */
const TIMEOUT_MS = 3_000

/**
 * Renews trust and news as far as the instance answers; what is stored counts where it does not, and a note says so.
 * Trust metadata or a log that is wrong, not just unreachable, is a problem of the knowledge: a yes needs better.
 */
export async function renewSurroundings(
  stored: Anchors,
  terminal: Terminal,
  clock: Clock,
): Promise<RenewedSurroundings> {
  const deps = { clock, timeoutMs: TIMEOUT_MS, signal: terminal.signal }
  const renewed = await refreshOr(stored, deps, terminal)
  const { endings, failures, ...more } = await followFeed(renewed.anchors, deps)
  for (const { origin, message } of failures) terminal.note(`no news of ${origin}: ${message}`)
  const clockOffsetMs = more.clockOffsetMs ?? renewed.clockOffsetMs
  return {
    anchors: renewed.anchors,
    knowledge: {
      endings: renewed.problem && !endings.problem ? { ...endings, problem: renewed.problem } : endings,
      ...(more.timeFloor && { timeFloor: more.timeFloor }),
    },
    ...(clockOffsetMs !== undefined && { clockOffsetMs }),
  }
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
