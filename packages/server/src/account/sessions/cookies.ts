/** Cookies of the pages. The prefix makes browsers refuse what another host or plain HTTP sets (RFC 6265bis, 4.1.3.2). */
export interface PageCookies {
  /** The browser session. */
  readonly session: string
  /** The secret that this server's own forms repeat. */
  readonly form: string
  readonly secure: boolean
}

/** The cookie names of a server. Plain HTTP exists only in tests. */
export function pageCookies(publicUrl: string): PageCookies {
  const secure = publicUrl.startsWith('https:')
  const prefix = secure ? '__Host-' : ''
  return { session: `${prefix}countersign-session`, form: `${prefix}countersign-form`, secure }
}

/** The value of cookie `name` in a `Cookie` header; the first where there are several. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? '').slice(0, 16_384).split(';')) {
    const [key = '', value = ''] = pair.trim().split('=', 2)
    if (key === name) return value
  }
  return undefined
}

/** A `Set-Cookie` value for the whole server. Scripts cannot read it; other sites cannot post with it. `maxAgeSeconds` 0 removes it. */
export function writeCookie(name: string, value: string, secure: boolean, maxAgeSeconds?: number): string {
  const age = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}${age}`
}
