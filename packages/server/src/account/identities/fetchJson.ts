import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import { accountError } from '../errors.ts'

/** The part of `fetch` that is used; tests pass their own. */
export type Fetch = (
  url: string,
  options: { redirect: 'manual'; signal: AbortSignal; headers: Record<string, string> },
) => Promise<Response>

/** A key set of an issuer is a few KB. */
const MAX_BODY_BYTES = 256 * 1024

const TIMEOUT_MS = 5000
const MAX_REDIRECTS = 3

/**
 * Fetches a JSON document of an outside issuer over https. Redirects are followed only on the same host and port: what answers
 * for an issuer's name must not hand that over (and so reach hosts inside, GHSA-59jp-pj84-45mr). Body and time are limited.
 * Throws `account.issuer-unavailable` for whatever does not end in a JSON document.
 */
export async function fetchJson(fetchUrl: Fetch, address: string): Promise<JsonValue> {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  try {
    let url = httpsUrl(address)
    for (let redirects = 0; ; redirects += 1) {
      const response = await fetchUrl(url.href, { redirect: 'manual', signal, headers: { accept: 'application/json' } })
      const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null
      if (location === null) return await readJson(response)
      await response.body?.cancel()
      const next = httpsUrl(new URL(location, url).href)
      if (next.host !== url.host || redirects === MAX_REDIRECTS) throw new Error('the redirect is not followed')
      url = next
    }
  } catch (cause) {
    throw accountError('account.issuer-unavailable', `no usable answer from ${hostOf(address)}`, { cause })
  }
}

function httpsUrl(address: string): URL {
  const url = new URL(address)
  if (url.protocol !== 'https:' || url.username !== '' || url.password !== '') throw new Error('not an https URL')
  return url
}

async function readJson(response: Response): Promise<JsonValue> {
  if (response.status !== 200 || response.body === null) throw new Error(`status ${response.status}`)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) throw new Error('the document is too large')
    chunks.push(chunk)
  }
  return parseJson(Buffer.concat(chunks), { maxBytes: MAX_BODY_BYTES, maxDepth: 16 })
}

function hostOf(address: string): string {
  return URL.canParse(address) ? new URL(address).host : 'an address that is not a URL'
}
