import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'

/** One request to an instance under test. */
export interface CallOptions {
  readonly method?: 'GET' | 'POST' | 'PUT'
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as a form, with its media type. */
  readonly form?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** PEM certificates to trust; needed for https. */
  readonly ca?: string
  /** PEM of who calls, for routes that ask for a client certificate. */
  readonly client?: { readonly certificatePem: string; readonly privateKeyPem: string }
  /** Where the instance is asked, in place of the loopback address. */
  readonly address?: string
}

/** What came back; any status is an answer. */
export interface CallAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
}

/** Calls an instance at one address, whatever its host name is; by default loopback. Follows no redirect. */
export function callInstance(url: string, options: CallOptions = {}): Promise<CallAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<CallAnswer>()
  const body = options.form === undefined ? options.body : new URLSearchParams(options.form).toString()
  const formType = options.form && { 'content-type': 'application/x-www-form-urlencoded' }
  const { address = '127.0.0.1', client } = options
  const send = url.startsWith('https:') ? httpsRequest : httpRequest
  const sent = send(
    url,
    {
      method: options.method ?? (body === undefined ? 'GET' : 'POST'),
      headers: { ...formType, ...options.headers },
      lookup: (_name, { all }, found) => (all ? found(null, [{ address, family: 4 }]) : found(null, address, 4)),
      agent: false,
      ...(options.ca !== undefined && { ca: options.ca }),
      ...(client !== undefined && { cert: client.certificatePem, key: client.privateKeyPem }),
    },
    (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part)).on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes: Buffer.concat(parts) }),
      )
    },
  )
  sent.on('error', reject).end(body)
  return promise
}

/** Calls and reads JSON; rejects with the body where the status is not the expected one. */
export async function callForJson<Answer>(url: string, options: CallOptions = {}, status = 200): Promise<Answer> {
  const answer = await callInstance(url, options)
  if (answer.status !== status) throw new Error(`${url} answered ${answer.status}: ${answer.bytes.toString('utf8')}`)
  return JSON.parse(answer.bytes.toString('utf8')) as Answer
}
