import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { accountError } from '../errors.ts'
import { type PageCookies, readCookie, writeCookie } from './cookies.ts'

const MAX_FORM_BYTES = 8 * 1024

/** The hidden field in every form of the pages; it repeats the form cookie, which other sites can neither read nor set. */
export const FORM_FIELD = 'form_secret'

/** The form secret of a browser, and the cookie to set where it had none. */
export function formSecret(
  request: IncomingMessage,
  cookies: PageCookies,
): { secret: string; setCookie: string | undefined } {
  const known = readCookie(request.headers.cookie, cookies.form)
  if (known !== undefined && /^[A-Za-z0-9_-]{43}$/.test(known)) return { secret: known, setCookie: undefined }
  const secret = randomBytes(32).toString('base64url')
  return { secret, setCookie: writeCookie(cookies.form, secret, cookies.secure) }
}

/**
 * Reads a posted form and proves that it came from a page of this server: the hidden field equals the cookie, and where the
 * browser names an `Origin` it is ours. Throws `account.form-invalid`.
 */
export async function readForm(
  request: IncomingMessage,
  cookies: PageCookies,
  publicUrl: string,
): Promise<URLSearchParams> {
  const { origin } = request.headers
  if (origin !== undefined && origin !== new URL(publicUrl).origin) {
    throw accountError('account.form-invalid', 'the form was sent from another site')
  }
  const form = new URLSearchParams(await readBody(request))
  const secret = readCookie(request.headers.cookie, cookies.form)
  if (secret === undefined || !sameText(form.get(FORM_FIELD) ?? '', secret)) {
    throw accountError('account.form-invalid', 'the form does not carry the secret of this browser')
  }
  return form
}

function sameText(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)]
  return left.length === right.length && timingSafeEqual(left, right)
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length
    if (size > MAX_FORM_BYTES) throw accountError('account.form-invalid', 'the form is larger than 8 KB')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
