import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { refreshAnchors } from '@countersign/local/anchors/refreshAnchors.ts'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { followFeed } from '@countersign/local/feed/followFeed.ts'
import type { Logger } from '@countersign/platform/telemetry/logger.ts'
import { parseTrustedRoot, type TrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import type { Knowledge } from '@countersign/protocol/decide/facts.ts'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'

/** Trust of one moment: everything that a signature is judged by. */
export interface TrustNow {
  readonly anchors: Anchors
  readonly root: TrustedRoot
  readonly knowledge: Knowledge
  readonly clockOffsetMs?: number
}

/** What a validator trusts of its instance: what the ticket led to, and nothing else. */
export interface InstanceTrust {
  /** The anchors as they are stored here. */
  anchors(): Anchors
  /**
   * Asks the instance what is new, in its anchors and its logs; what is stored counts where it does not answer.
   * Throws `anchors.*` for metadata that is wrong, not just unreachable.
   */
  renew(signal?: AbortSignal): Promise<TrustNow>
}

const TIMEOUT_MS = 5_000

/** Holds the trust that was opened; `config` is the folder below the validator's own in which it is kept. */
export function holdTrust(
  first: Anchors,
  { clock, config, logger }: { readonly clock: Clock; readonly config: string; readonly logger: Logger },
): InstanceTrust {
  let current = first
  let root: { readonly of: Anchors; readonly root: TrustedRoot } | undefined
  // The object also carries the chains that verified, so it is kept for as long as the anchors are.
  const rootOf = (anchors: Anchors): TrustedRoot => {
    const isSame = root?.of.versions.targets === anchors.versions.targets
    root =
      root !== undefined && isSame ? root : { of: anchors, root: parseTrustedRoot(anchors.target('trusted_root.json')) }
    return root.root
  }
  return {
    anchors: () => current,
    async renew(signal) {
      const deps = { clock, config, timeoutMs: TIMEOUT_MS, ...(signal && { signal }) }
      const renewed = await refreshOr(current, deps, logger)
      current = renewed.anchors
      const { knowledge, clockOffsetMs = renewed.clockOffsetMs, failures } = await followFeed(current, deps)
      for (const failure of failures) logger.warn({ ...failure }, 'no news of a log')
      return {
        anchors: current,
        root: rootOf(current),
        knowledge,
        ...(clockOffsetMs !== undefined && { clockOffsetMs }),
      }
    },
  }
}

async function refreshOr(anchors: Anchors, deps: Parameters<typeof refreshAnchors>[1], logger: Logger) {
  try {
    return await refreshAnchors(anchors, deps)
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== 'anchors.unreachable') throw error
    logger.warn({ code: error.code }, 'trust was not renewed')
    return { anchors, clockOffsetMs: undefined }
  }
}
