import { type Html, html, htmlPage, pageHeaders } from '../htmlPage.ts'
import type { SignedInPerson } from './personDirectory.ts'

/** What becomes public with every signature; said before the first one is possible. */
export function publicNotice(email: string): Html {
  return html`<div class="public">
<p><strong>What becomes public.</strong> Each time you sign, these go into public logs that are never edited:</p>
<ul>
<li>your address, <strong>${email}</strong>, in a certificate;</li>
<li>the time of the signature;</li>
<li>the digest (SHA-256) of what you sign, not the file itself.</li>
</ul>
<p>Nobody can take them back later, not even the operator.</p>
</div>`
}

/** Shown to whoever has no session here, wherever one is needed. */
export function invitationNeededPage(): string {
  return htmlPage(
    'You need an invitation',
    html`<p>This browser is not signed in. Ask the operator of this server for an invitation, open its link in this browser, and
enter its code. Then start again where you came from.</p>`,
  )
}

/** Shown to an address that sent too many wrong codes. */
export function tooManyCodesPage(): string {
  return htmlPage(
    'Too many wrong codes',
    html`<p>Wait a minute, then open the address that your terminal shows again.</p>`,
  )
}

/** The form that takes a user code: `xsrf` (hidden) and `user_code`. */
export function enterCodePage(action: string, xsrf: string, problem: string | undefined): string {
  return htmlPage(
    'Enter the code from your terminal',
    html`${problem === undefined ? undefined : html`<p role="alert"><strong>${problem}</strong></p>`}
<form method="post" action="${action}">
<input type="hidden" name="xsrf" value="${xsrf}">
<label>Code <input name="user_code" autocomplete="off" autocapitalize="characters" spellcheck="false" required></label>
<button type="submit">Continue</button>
</form>`,
  )
}

/** The form that approves a device: `xsrf`, `user_code` and `confirm=yes` (hidden); the second button adds `abort=yes`. */
export function confirmCodePage(action: string, xsrf: string, userCode: string, person: SignedInPerson): string {
  return htmlPage(
    'Sign in on your terminal?',
    html`<p>You are <strong>${person.email}</strong>. A program that shows this code asks to sign as you:</p>
<p><code>${userCode}</code></p>
<p>Approve only if you started it yourself and the code is the same.</p>
${publicNotice(person.email)}
<form method="post" action="${action}">
<input type="hidden" name="xsrf" value="${xsrf}">
<input type="hidden" name="user_code" value="${userCode}">
<input type="hidden" name="confirm" value="yes">
<button type="submit">Approve</button>
<button type="submit" name="abort" value="yes">Refuse</button>
</form>`,
  )
}

/** Shown when a device has been approved. */
export function deviceDonePage(): string {
  return htmlPage('Signed in', html`<p>Your terminal goes on by itself. You can close this page.</p>`)
}

/** Shown for an OAuth error that cannot be sent to the client. */
export function problemPage(error: string, description: string): string {
  return htmlPage(
    'This did not work',
    html`<p>${description}</p><p>Start again from your terminal. (<code>${error}</code>)</p>`,
  )
}

/** Says what became of a user code, from the provider's error. */
export function codeProblem(error: Error | undefined): string | undefined {
  switch (error?.name) {
    case undefined:
      return undefined
    case 'NoCodeError':
      return 'Enter the code that your terminal shows.'
    case 'ExpiredError':
      return 'This code has expired. Start again from your terminal.'
    case 'AlreadyUsedError':
      return 'This code has been used. Start again from your terminal.'
    case 'AbortedError':
      return 'Refused. The program that asked gets nothing.'
    case 'NotFoundError':
      return 'There is no such code. Compare it with your terminal.'
    default:
      return 'This did not work. Start again from your terminal.'
  }
}

/** The part of the provider's context that takes a page. */
export interface PageAnswer {
  body: unknown
  /** Sets headers of the answer. */
  set(headers: Record<string, string>): void
}

/** Answers with a page. */
export function showPage(ctx: PageAnswer, page: string): void {
  ctx.set(pageHeaders())
  ctx.body = page
}
