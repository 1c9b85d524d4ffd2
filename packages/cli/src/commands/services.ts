import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import {
  parseSigningConfig,
  type SigningConfig,
  type SigningService,
} from '@countersign/protocol/bundle/signingConfig.ts'
import { isValidAt } from '@countersign/protocol/bundle/validity.ts'
import { outputError } from '../output/errors.ts'

/** Where to sign, from verified anchors. */
export function signingConfigOf(anchors: Anchors): SigningConfig {
  return parseSigningConfig(anchors.target('signing_config.v0.2.json'))
}

/** The first service of a list that is valid at `now`. Throws `cli.usage` where an instance offers none. */
export function currentService(services: readonly SigningService[], now: Date, what: string): string {
  const found = services.find((service) => isValidAt(service, now))
  if (found === undefined) throw outputError('cli.usage', `the instance offers no ${what} now`)
  return found.url.replace(/\/$/, '')
}
