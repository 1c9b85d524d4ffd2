/** For tests: a browser without scripts. Keeps cookies, follows redirects, posts forms. */
export class TestBrowser {
  readonly cookies = new Map<string, string>()

  /** Opens a page; stops where a redirect leaves `origin`. */
  async get(url: string): Promise<TestPage> {
    return this.#request(url, { method: 'GET' })
  }

  /** Posts the form of a page as a browser does: its hidden fields, then `fields`. */
  async post(page: TestPage, fields: Record<string, string>): Promise<TestPage> {
    const action = /<form[^>]*action="([^"]*)"/.exec(page.text)?.[1]
    const hidden = [...page.text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)].map(
      ([, name = '', value = '']) => [name, value],
    )
    const body = new URLSearchParams([...hidden, ...Object.entries(fields)])
    const url = action === undefined ? page.url : new URL(action, page.url).href
    return this.#request(url, { method: 'POST', body, headers: { origin: new URL(page.url).origin } })
  }

  async #request(address: string, init: RequestInit): Promise<TestPage> {
    const url = new URL(address)
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: { ...init.headers, cookie, accept: 'text/html' },
    })
    this.#keepCookies(response.headers)
    const location = response.headers.get('location')
    if (location === null)
      return { url: url.href, status: response.status, text: await response.text(), headers: response.headers }
    const next = new URL(location, url)
    if (next.origin === url.origin) return this.#request(next.href, { method: 'GET' })
    return { url: next.href, status: response.status, text: '', headers: response.headers }
  }

  #keepCookies(headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';')
      const [name = '', value = ''] = pair.split(/=(.*)/)
      const ended = attributes.some((attribute) => /^ *(max-age=0|expires=Thu, 01 Jan 1970.*)$/i.test(attribute))
      if (ended) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
  }
}

/** For tests: where a browser ended up. */
export interface TestPage {
  readonly url: string
  readonly status: number
  readonly text: string
  readonly headers: Headers
}
