import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import type { CallTarget } from '@countersign/local/calls/call.ts'
import { timestampRoute } from '@countersign/protocol/api/timestamps.ts'
import { parseSigningConfig, type SigningService } from '@countersign/protocol/bundle/signingConfig.ts'
import { isValidAt } from '@countersign/protocol/bundle/validity.ts'
import { certifyError } from './errors.ts'

/** Where timestamps and log entries come from at one time. */
export interface SigningServices {
  readonly stamper: CallTarget
  readonly log: CallTarget
}

/**
 * The timestamp authority and artifact log of the distributed signing configuration, each the first that is valid at `now`.
 * Neither asks who calls, but the trust of `target` goes along. Throws `certify.authority-answer-wrong` where there is none.
 */
export function signingServices(anchors: Anchors, target: CallTarget, now: Date): SigningServices {
  const config = parseSigningConfig(anchors.target('signing_config.v0.2.json'))
  const at = (services: readonly SigningService[], what: string): string => {
    const found = services.find((service) => isValidAt(service, now))
    if (found === undefined) throw certifyError('certify.authority-answer-wrong', `the instance offers no ${what} now`)
    return found.url.replace(/\/$/, '')
  }
  const trusting = (url: string): CallTarget => ('url' in target ? { ...target, url } : target)
  const stamper = at(config.timestampAuthorities, 'timestamp authority')
  // A signing configuration has the whole address of a timestamp authority, a route only its path.
  const isWhole = stamper.endsWith(timestampRoute.path)
  return {
    stamper: trusting(isWhole ? stamper.slice(0, -timestampRoute.path.length) : stamper),
    log: trusting(at(config.artifactLogs, 'artifact log')),
  }
}
