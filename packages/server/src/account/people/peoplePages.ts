import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { AttemptLimit } from '../attemptLimit.ts'
import type { AuditTrail } from '../audit/auditTrail.ts'
import { accountError, accountErrors } from '../errors.ts'
import { type Html, html, htmlPage, pageHeaders } from '../htmlPage.ts'
import { invitationNeededPage, publicNotice } from '../identities/devicePages.ts'
import type { EmbeddedIssuer, NodeHandler } from '../identities/embeddedIssuer.ts'
import type { SignedInPerson } from '../identities/personDirectory.ts'
import { endSession, findSession, SESSION_SECONDS, type SessionDeps } from '../sessions/browserSession.ts'
import { pageCookies, readCookie, writeCookie } from '../sessions/cookies.ts'
import { FORM_FIELD, formSecret, readForm } from '../sessions/pageForm.ts'
import { redeemInvitation } from './redeemInvitation.ts'

/** What the pages stand on. */
export interface PagesDeps extends SessionDeps {
  readonly publicUrl: string
  readonly clock: Clock
  readonly audit: AuditTrail
  readonly issuer: Pick<EmbeddedIssuer, 'pending' | 'approve' | 'refuse' | 'sessionCookies'>
  /** Told what went wrong inside, for the log. */
  failed(error: unknown): void
}

interface Page {
  readonly status: number
  readonly text: string
  readonly cookies?: readonly string[]
  /** Origins beyond our own that a form of this page may end up at. */
  readonly formTargets?: readonly string[]
}

/** Wrong invitation codes of one address within a minute. */
const MAX_WRONG_CODES = 10

/**
 * The pages under `/people`, plain HTML without scripts. Every form carries the hidden field `form_secret` besides:
 * - `GET|POST /people/invitations/<id>`: field `code`. Redeems the invitation and signs this browser in for 30 days.
 * - `GET|POST /people/sign-in/<id>`: field `decision`, `approve` or `refuse`. Answers a program that asked by redirect;
 *   for a device that was approved on `/oidc/device` the GET alone sends the browser on.
 * - `GET /people`: who this browser is signed in as. `POST /people/sign-out`: ends that.
 */
export function peoplePages(deps: PagesDeps): NodeHandler {
  const cookies = pageCookies(deps.publicUrl)
  const wrongCodes = new AttemptLimit(deps.clock, MAX_WRONG_CODES)
  const signedIn = (request: IncomingMessage) => findSession(deps, readCookie(request.headers.cookie, cookies.session))

  async function invitation(request: IncomingMessage, id: string): Promise<Page> {
    const { secret, setCookie } = formSecret(request, cookies)
    if (request.method !== 'POST') {
      return { status: 200, text: invitationPage(secret), ...(setCookie ? { cookies: [setCookie] } : {}) }
    }
    const address = request.socket.remoteAddress ?? ''
    if (wrongCodes.isOver(address))
      throw accountError('account.too-many-attempts', 'too many wrong codes within a minute')
    const form = await readForm(request, cookies, deps.publicUrl)
    try {
      const { person, token } = await redeemInvitation(deps, id, form.get('code') ?? '')
      // The provider remembers whom this browser spoke for last; that may have been somebody else.
      const ended = deps.issuer.sessionCookies.map((name) => writeCookie(name, '', cookies.secure, 0))
      return {
        status: 200,
        text: welcomePage(person),
        cookies: [writeCookie(cookies.session, token, cookies.secure, SESSION_SECONDS), ...ended],
      }
    } catch (error) {
      wrongCodes.count(address)
      throw error
    }
  }

  async function signIn(request: IncomingMessage, response: ServerResponse): Promise<Page | undefined> {
    const person = await signedIn(request)
    if (!person) return { status: 403, text: invitationNeededPage() }
    const pending = await deps.issuer.pending(request, response)
    if (pending.sub !== undefined && pending.sub !== person.sub) {
      const ended = deps.issuer.sessionCookies.map((name) => writeCookie(name, '', cookies.secure, 0))
      return { status: 403, text: startAgainPage(), cookies: ended }
    }
    if (pending.deviceApproved) return approve(request, response, person, 'device')
    if (request.method !== 'POST') {
      const { secret, setCookie } = formSecret(request, cookies)
      const formTargets = pending.redirectOrigin === undefined ? [] : [pending.redirectOrigin]
      const text = approvalPage(person, secret)
      return { status: 200, text, formTargets, ...(setCookie ? { cookies: [setCookie] } : {}) }
    }
    const form = await readForm(request, cookies, deps.publicUrl)
    if (form.get('decision') === 'approve') return approve(request, response, person, 'browser')
    await deps.issuer.refuse(request, response)
    return undefined
  }

  async function approve(
    request: IncomingMessage,
    response: ServerResponse,
    person: SignedInPerson,
    flow: 'device' | 'browser',
  ): Promise<undefined> {
    const actor = { sub: person.sub, email: person.email }
    await deps.audit.record({ kind: 'login', actor, detail: { flow } })
    await deps.issuer.approve(request, response, person)
  }

  async function home(request: IncomingMessage): Promise<Page> {
    const person = await signedIn(request)
    if (!person) return { status: 403, text: invitationNeededPage() }
    const { secret, setCookie } = formSecret(request, cookies)
    return { status: 200, text: homePage(person, secret), ...(setCookie ? { cookies: [setCookie] } : {}) }
  }

  async function signOut(request: IncomingMessage): Promise<Page> {
    await readForm(request, cookies, deps.publicUrl)
    const token = readCookie(request.headers.cookie, cookies.session)
    if (token !== undefined) await endSession(deps, token)
    const ended = [cookies.session, ...deps.issuer.sessionCookies].map((name) =>
      writeCookie(name, '', cookies.secure, 0),
    )
    return { status: 200, text: htmlPage('Signed out', html`<p>This browser is signed out.</p>`), cookies: ended }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<Page | undefined> {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname.replace(/^\/people/, '')
    const id = /^\/invitations\/([0-9a-f]{32})$/.exec(path)?.[1]
    if (id !== undefined) return invitation(request, id)
    if (/^\/sign-in\/[A-Za-z0-9_-]{1,128}$/.test(path)) return signIn(request, response)
    if (path === '/sign-out' && request.method === 'POST') return signOut(request)
    if (path === '' || path === '/') return home(request)
    throw accountError('account.page-unknown', 'there is no page at this address')
  }

  return async (request, response) => {
    try {
      const page = await answer(request, response)
      if (page) send(response, page)
    } catch (error) {
      if (error instanceof CodedError) await deps.audit.refusal({ code: error.code })
      else deps.failed(error)
      if (!response.headersSent) send(response, problemOf(error))
    }
  }
}

function send(response: ServerResponse, page: Page): void {
  if (page.cookies?.length) response.setHeader('set-cookie', [...page.cookies])
  response.writeHead(page.status, pageHeaders(page.formTargets)).end(page.text)
}

function problemOf(error: unknown): Page {
  const code = error instanceof CodedError ? error.code : ''
  const row = Object.entries(accountErrors).find(([name]) => name === code)?.[1]
  const sentence = row?.sentence ?? 'The server could not answer. Start again; if it happens again, tell the operator.'
  return {
    status: row?.status ?? 500,
    text: htmlPage('This did not work', html`<p>${sentence}</p><p><code>${code}</code></p>`),
  }
}

function hidden(secret: string): Html {
  return html`<input type="hidden" name="${FORM_FIELD}" value="${secret}">`
}

function invitationPage(secret: string): string {
  return htmlPage(
    'You are invited to sign',
    html`<p>Enter the code that came with this link. It is valid once, for an hour. This browser then stays signed in for 30 days.</p>
<form method="post">
${hidden(secret)}
<label>Code <input name="code" autocomplete="off" autocapitalize="characters" spellcheck="false" required></label>
<button type="submit">Continue</button>
</form>`,
  )
}

function welcomePage(person: SignedInPerson): string {
  return htmlPage(
    'You are signed in',
    html`<p>This browser speaks for <strong>${person.email}</strong> for 30 days.</p>
${publicNotice(person.email)}
<p>Go on in your terminal: <code>countersign login</code></p>`,
  )
}

function approvalPage(person: SignedInPerson, secret: string): string {
  return htmlPage(
    'Sign in to a program on this computer?',
    html`<p>You are <strong>${person.email}</strong>. A program on this computer asks to sign as you. Approve only if you started it yourself.</p>
${publicNotice(person.email)}
<form method="post">
${hidden(secret)}
<button type="submit" name="decision" value="approve">Approve</button>
<button type="submit" name="decision" value="refuse">Refuse</button>
</form>`,
  )
}

function homePage(person: SignedInPerson, secret: string): string {
  return htmlPage(
    'Signed in',
    html`<p>This browser speaks for <strong>${person.email}</strong>.</p>
<form method="post" action="/people/sign-out">${hidden(secret)}<button type="submit">Sign out</button></form>`,
  )
}

function startAgainPage(): string {
  return htmlPage(
    'Start again',
    html`<p>This browser was signed in as somebody else before. Start again from your terminal.</p>`,
  )
}
