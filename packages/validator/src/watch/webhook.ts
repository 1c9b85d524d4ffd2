import { createHmac, timingSafeEqual } from 'node:crypto'
import type { HttpServer } from '@countersign/platform/http/server.ts'
import { route } from '@countersign/protocol/api/route.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import { z } from 'zod'
import type { Advisories } from '../advisories/openAdvisories.ts'
import { watchError } from './errors.ts'
import type { WatchDeps } from './watchDeps.ts'

/** Header of the signature: `sha256=<hex HMAC-SHA256 of the body>`. */
export const WEBHOOK_SIGNATURE_HEADER = 'x-countersign-signature'

const MAX_BODY_BYTES = 16 * 1024 * 1024
const MAX_RECORDS = 1000
const MAX_DEPTH = 32

/** Takes advisories at once: one OSV record or an array of them. Answers when they are durable; what they end follows. */
export const pushAdvisoriesRoute = route({
  id: 'pushAdvisories',
  method: 'POST',
  path: '/advisories',
  summary: 'Push OSV records, authenticated by HMAC-SHA256',
  tag: 'instance',
  listeners: ['http'],
  body: { mediaTypes: ['application/json'] },
  reply: z.strictObject({ state: z.number().int(), changed: z.number().int() }),
  status: 200,
  maxBodyBytes: MAX_BODY_BYTES,
})

/** What the webhook stands on. */
export interface WebhookDeps extends Pick<WatchDeps, 'followed' | 'clock'> {
  /** Shared with whoever pushes. */
  readonly secret: Uint8Array
  readonly advisories: Pick<Advisories, 'receive'>
}

/** Mounts the webhook. Whoever has the secret can push advisories, and thereby end certifications; nothing else. */
export function mountWebhook(server: HttpServer, { secret, advisories, followed, clock }: WebhookDeps): void {
  server.mount(pushAdvisoriesRoute, async ({ body, headers }) => {
    const arrivedMs = clock.monotonicMs()
    requireSignature(secret, body, headers[WEBHOOK_SIGNATURE_HEADER])
    const { state, changed } = await advisories.receive(splitRecords(body))
    followed.arrived(state, arrivedMs)
    return { state, changed }
  })
}

/** Throws `watch.signature-wrong`. The comparison takes the same time whatever was sent. */
export function requireSignature(secret: Uint8Array, body: Uint8Array, header: unknown): void {
  const expected = createHmac('sha256', secret).update(body).digest()
  const [, hex = ''] = /^sha256=([0-9a-f]{64})$/.exec(typeof header === 'string' ? header : '') ?? []
  const given = Buffer.from(hex.padEnd(64, '0'), 'hex')
  const isEqual = timingSafeEqual(given, expected)
  if (hex === '' || !isEqual) throw watchError('watch.signature-wrong', 'the HMAC of the body is missing or wrong')
}

/** The single records, still unread as such. Throws `watch.advisories-malformed`. */
export function splitRecords(body: Uint8Array): Uint8Array[] {
  let json: ReturnType<typeof parseJson>
  try {
    json = parseJson(body, { maxBytes: MAX_BODY_BYTES, maxDepth: MAX_DEPTH })
  } catch (cause) {
    throw watchError('watch.advisories-malformed', 'the body is not JSON', { cause })
  }
  const records = Array.isArray(json) ? json : [json]
  const isObjects = records.every((one) => typeof one === 'object' && one !== null && !Array.isArray(one))
  if (records.length === 0 || records.length > MAX_RECORDS || !isObjects) {
    throw watchError('watch.advisories-malformed', `the body holds no 1 to ${MAX_RECORDS} records`)
  }
  return records.map((one) => Buffer.from(JSON.stringify(one)))
}
