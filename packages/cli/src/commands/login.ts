import { openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { refreshAnchors } from '@countersign/local/anchors/refreshAnchors.ts'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { MAX_CLOCK_OFFSET_MS } from '@countersign/protocol/decide/decideToRun.ts'
import { outputError } from '../output/errors.ts'
import type { Terminal } from '../output/terminal.ts'
import { findIssuer, revoke, signInByDevice } from './identityIssuer.ts'
import { publicFacts } from './publicFacts.ts'
import { currentService, signingConfigOf } from './services.ts'
import { loadSession, removeSession, saveSession, withSessionLock } from './sessionFile.ts'

/** Which instance a command means. */
export interface InstanceOption {
  readonly instance?: string
}

/**
 * `countersign login`: the device flow in any browser, then a rotating refresh token in a file only this person reads.
 * Throws `cli.clock-wrong` before anything is asked, because every token would seem expired or not yet valid.
 */
export async function login(options: InstanceOption, terminal: Terminal): Promise<number> {
  const { signal } = terminal
  const stored = await openAnchors(options.instance)
  const { anchors, clockOffsetMs = 0 } = await terminal.during('asking the instance', () =>
    refreshAnchors(stored, { clock: systemClock, signal }),
  )
  refuseWrongClock(clockOffsetMs)
  const now = systemClock.now()
  const url = currentService(signingConfigOf(anchors).identityIssuers, now, 'identity issuer')
  const issuer = await findIssuer(url, anchors, signal)
  for (const line of publicFacts(anchors.url)) terminal.note(line)
  const tokens = await terminal.during('waiting for the confirmation in the browser', () =>
    signInByDevice(issuer, signal, ({ plain, complete, code, expiresInSeconds }) => {
      terminal.note('')
      terminal.note(`Open ${complete ?? plain}`)
      terminal.note(`and confirm the code ${code} within ${Math.round(expiresInSeconds / 60)} minutes.`)
    }),
  )
  if (tokens.refreshToken === undefined) throw outputError('cli.sign-in-failed', 'the issuer gave no refresh token')
  const { email, refreshToken } = tokens
  const session = { v: 1, issuer: url, email, signedInAt: now.toISOString(), refreshToken }
  await withSessionLock(signal, () => saveSession(anchors.rootSha256, session))
  terminal.line(`Signed in to ${anchors.url} as ${email}.`)
  terminal.result({ instance: anchors.url, email, issuer: url })
  return 0
}

/** `countersign whoami`. Throws `cli.not-signed-in`. */
export async function whoami(options: InstanceOption, terminal: Terminal): Promise<number> {
  const { url, environment, rootSha256 } = await openAnchors(options.instance)
  const { email, issuer, signedInAt } = await loadSession(rootSha256)
  terminal.line(`${email} at ${url} (${environment}), signed in by ${issuer} since ${signedInAt}`)
  terminal.result({ email, instance: url, environment, issuer, signedInAt })
  return 0
}

/** `countersign logout`: forgets the sign-in here, and ends it at the issuer if that can be reached. */
export async function logout(options: InstanceOption, terminal: Terminal): Promise<number> {
  const anchors = await openAnchors(options.instance)
  const { email, issuer, refreshToken } = await loadSession(anchors.rootSha256)
  await withSessionLock(terminal.signal, () => removeSession(anchors.rootSha256))
  try {
    await revoke(await findIssuer(issuer, anchors, terminal.signal), refreshToken)
  } catch (error) {
    const why = error instanceof Error ? error.message : 'no answer'
    terminal.note(`The sign-in was forgotten here, but the issuer could not be told: ${why}`)
  }
  terminal.line(`${email} is signed out of ${anchors.url}.`)
  terminal.result({ email, instance: anchors.url })
  return 0
}

function refuseWrongClock(offsetMs: number): void {
  if (Math.abs(offsetMs) <= MAX_CLOCK_OFFSET_MS) return
  const minutes = Math.round(Math.abs(offsetMs) / 60_000)
  const side = offsetMs > 0 ? 'ahead of' : 'behind'
  throw outputError('cli.clock-wrong', `the clock of this machine is ${minutes} minutes ${side} the server's`)
}
