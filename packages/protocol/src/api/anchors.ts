import { z } from 'zod'
import { route } from './route.ts'

/**
 * The TUF repository (specification 1.0, consistent snapshots): `<n>.root.json`, `<n>.targets.json`,
 * `<n>.snapshot.json`, `timestamp.json` and `targets/<sha256>.<name>`. Clients verify everything they read here,
 * so it is served on the plain listener too.
 */
export const tufFileRoute = route({
  id: 'getTufFile',
  method: 'GET',
  path: '/tuf/*',
  summary: 'Metadata and targets of the TUF repository that distributes the anchors of this instance',
  tag: 'anchors',
  listeners: ['https', 'http'],
  params: z.strictObject({ '*': z.string().max(256) }),
  reply: { mediaTypes: ['application/json', 'application/octet-stream'] },
  status: 200,
  maxBodyBytes: 0,
})

/** Every route of the anchors. */
export const anchorRoutes = [tufFileRoute] as const

/** The targets every instance publishes. */
export type AnchorTargetName =
  | 'trusted_root.json'
  | 'signing_config.v0.2.json'
  | 'verification_policy.json'
  | 'device_root.pem'
