import { callInstance } from './callInstance.ts'

/** A page as it arrived, after every redirect. */
export interface VisitedPage {
  readonly status: number
  readonly url: string
  readonly text: string
}

/** The first form of a page: where it goes and what it sends when nobody types anything. */
export interface PageForm {
  readonly action: string
  readonly fields: Readonly<Record<string, string>>
}

const maxRedirects = 10

/**
 * A browser without scripts: keeps cookies, follows redirects, posts forms. Trusts only the certificates in `ca`, and asks for
 * every host name at one address; by default loopback.
 */
export class PageVisitor {
  readonly #ca: string
  readonly #address: string
  readonly #cookies = new Map<string, string>()

  constructor(ca: string, address = '127.0.0.1') {
    this.#ca = ca
    this.#address = address
  }

  /** Opens an address. */
  open(url: string): Promise<VisitedPage> {
    return this.#follow('GET', url)
  }

  /** Posts the first form of a page, with some of its fields filled in. */
  submit(page: VisitedPage, typed: Readonly<Record<string, string>>): Promise<VisitedPage> {
    const form = readForm(page)
    return this.#follow('POST', form.action, new URLSearchParams({ ...form.fields, ...typed }).toString())
  }

  async #follow(method: 'GET' | 'POST', url: string, body?: string): Promise<VisitedPage> {
    let answer = await this.#send(method, url, body)
    for (let hops = 0; answer.location !== undefined; hops += 1) {
      if (hops === maxRedirects) throw new Error(`too many redirects from ${url}`)
      answer = await this.#send('GET', new URL(answer.location, answer.url).href)
    }
    return answer
  }

  async #send(
    method: 'GET' | 'POST',
    url: string,
    body?: string,
  ): Promise<VisitedPage & { location: string | undefined }> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = {
      ...(cookie !== '' && { cookie }),
      ...(method === 'POST' && { 'content-type': 'application/x-www-form-urlencoded', origin: new URL(url).origin }),
    }
    const asked = { method, headers, ca: this.#ca, address: this.#address, ...(body !== undefined && { body }) }
    const answer = await callInstance(url, asked)
    for (const header of answer.headers['set-cookie'] ?? []) this.#keep(header)
    const location = answer.status >= 300 && answer.status < 400 ? answer.headers.location : undefined
    return { status: answer.status, url, text: answer.bytes.toString('utf8'), location }
  }

  #keep(header: string): void {
    const [pair = '', ...attributes] = header.split(';')
    const [name = '', ...value] = pair.split('=')
    const isOver = attributes.some((attribute) => /^\s*(?:max-age=0|expires=thu, 01 jan 1970.*)$/i.test(attribute))
    if (isOver) this.#cookies.delete(name.trim())
    else this.#cookies.set(name.trim(), value.join('='))
  }
}

/** Reads the first form of a page, without the fields that only a pressed button sends. */
export function readForm(page: VisitedPage): PageForm {
  const form = /<form\b([^>]*)>([\s\S]*?)<\/form>/i.exec(page.text)
  if (form === null) throw new Error(`no form on ${page.url} (status ${page.status}):\n${page.text}`)
  const inputs = [...(form[2] ?? '').matchAll(/<input\b([^>]*)>/gi)].map((input) => attributesOf(input[1] ?? ''))
  const fields = Object.fromEntries(inputs.map(({ name = '', value = '' }) => [name, value]))
  return { action: new URL(attributesOf(form[1] ?? '').action ?? page.url, page.url).href, fields }
}

function attributesOf(tag: string): Record<string, string> {
  const pairs = [...tag.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, unescapeHtml(value)])
  return Object.fromEntries(pairs)
}

function unescapeHtml(text: string): string {
  const named: Record<string, string> = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' }
  return text.replace(/&(lt|gt|quot|#39|amp);/g, (_, name: string) => named[name] ?? '')
}
