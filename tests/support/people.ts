import { callForJson } from './callInstance.ts'
import type { PageVisitor, VisitedPage } from './pageVisitor.ts'

/** An invitation as `serve` and `people invite --json` print it. */
export interface InvitationLink {
  readonly link: string
  readonly code: string
  readonly email?: string
}

/** What the device authorization endpoint answers (RFC 8628, 3.2). */
interface DeviceAuthorization {
  readonly device_code: string
  readonly user_code: string
  readonly verification_uri: string
  readonly verification_uri_complete: string
  readonly interval?: number
}

function mustSay(page: VisitedPage, title: string): void {
  if (page.status === 200 && page.text.includes(`<h1>${title}</h1>`)) return
  throw new Error(`expected the page "${title}", got ${page.status} from ${page.url}:\n${page.text}`)
}

/** Redeems an invitation as a person does: opens the link, types the code, and is signed in in this browser. */
export async function redeemInvitation(browser: PageVisitor, invitation: InvitationLink): Promise<void> {
  const page = await browser.open(invitation.link)
  mustSay(await browser.submit(page, { code: invitation.code }), 'You are signed in')
}

/** Approves a device in a browser that is signed in: opens the address of the terminal, types the code, presses Approve. */
export async function confirmDeviceCode(browser: PageVisitor, url: string, userCode: string): Promise<void> {
  let page = await browser.open(url)
  if (page.text.includes('Enter the code')) page = await browser.submit(page, { user_code: userCode })
  mustSay(page, 'Sign in on your terminal?')
  if (!page.text.includes(userCode)) throw new Error(`the page does not show the code ${userCode}:\n${page.text}`)
  mustSay(await browser.submit(page, {}), 'Signed in')
}

/** What a program gets that signs in at the issuer. */
export interface IssuedTokens {
  readonly id_token: string
  readonly refresh_token?: string
}

/**
 * Gets an identity token by the standard device-code grant (RFC 8628) as public client `sigstore`, the way any program would,
 * and confirms the code in `browser`. `ca` is what the program trusts.
 */
export async function deviceToken(issuer: string, browser: PageVisitor, ca: string): Promise<IssuedTokens> {
  const found = await callForJson<Record<string, string>>(`${issuer}/.well-known/openid-configuration`, { ca })
  const form = { client_id: 'sigstore', scope: 'openid email' }
  const device = await callForJson<DeviceAuthorization>(found.device_authorization_endpoint ?? '', { ca, form })
  await confirmDeviceCode(browser, device.verification_uri_complete, device.user_code)
  const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: 'sigstore' }
  return callForJson(found.token_endpoint ?? '', { ca, form: { ...grant, device_code: device.device_code } })
}
