import type { IncomingMessage } from 'node:http'

// Imported, node:http would load a WebSocket client, only because it exports one: 50 ms of every start.
const http = process.getBuiltinModule('node:http')

/** The one client of the embedded issuer, public, and the audience of its tokens. Sigstore clients know it by this name. */
export const CLIENT_ID = 'sigstore'

/** Requests to the token endpoint are a few hundred bytes. */
const MAX_FORM_BYTES = 16 * 1024

const FORM_TYPE = 'application/x-www-form-urlencoded'

/**
 * Rewrites a form post of a Sigstore client into what OAuth 2.0 asks of a public client. cosign's device flow leaves out `client_id`
 * when it polls and sends `scope` twice; its browser flow and sigstore-python send an `Authorization: Basic` with an empty secret.
 * None of that weakens anything: there is one client, it has no secret, and codes are bound by PKCE or typed by a person.
 * Returns undefined where the body is too large. Other requests come back as they are.
 */
export async function tolerantRequest(request: IncomingMessage): Promise<IncomingMessage | undefined> {
  const isForm = request.method === 'POST' && request.headers['content-type']?.toLowerCase().startsWith(FORM_TYPE)
  if (!isForm) return request
  const body = await readForm(request)
  if (body === undefined) return undefined
  const form = new URLSearchParams(body)
  const { authorization, ...headers } = request.headers
  const named = authorization === undefined ? undefined : clientWithoutSecret(authorization)
  if (named !== undefined && !form.has('client_id')) form.set('client_id', named)
  if (authorization === undefined && !form.has('client_id')) form.set('client_id', CLIENT_ID)
  if (form.has('scope')) form.set('scope', form.getAll('scope').join(' '))
  const kept = named === undefined && authorization !== undefined ? { ...headers, authorization } : headers
  return withForm(request, kept, form.toString())
}

/** The client that HTTP Basic names, where it proves nothing: an empty password (RFC 6749, 2.3.1). */
function clientWithoutSecret(authorization: string): string | undefined {
  const encoded = /^Basic ([A-Za-z0-9+/]+=*)$/i.exec(authorization)?.[1]
  const [user = '', ...secret] = Buffer.from(encoded ?? '', 'base64')
    .toString('utf8')
    .split(':')
  return secret.length === 1 && secret[0] === '' && user === CLIENT_ID ? user : undefined
}

async function readForm(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  // Left whole when it is too large, so that the answer can still be sent.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length
    if (size > MAX_FORM_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function withForm(request: IncomingMessage, headers: IncomingMessage['headers'], form: string): IncomingMessage {
  const copy = new http.IncomingMessage(request.socket)
  const { 'transfer-encoding': _chunked, ...rest } = headers
  copy.method = request.method
  copy.url = request.url
  copy.headers = { ...rest, 'content-type': FORM_TYPE, 'content-length': String(Buffer.byteLength(form)) }
  // Otherwise Node takes the copy for a request that broke off, and closes the connection.
  copy.complete = true
  copy.push(form)
  copy.push(null)
  return copy
}
