import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { tlsTrust } from '@countersign/local/anchors/trustedRequest.ts'
import { type CallTarget, call } from '@countersign/local/calls/call.ts'
import {
  listRevocationRequestsRoute,
  type Reach,
  type RevocationRequest,
  requestRevocationRoute,
} from '@countersign/protocol/api/revocations.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import type { AdvisedAction, Severity } from '@countersign/protocol/revocation/record.ts'
import { outputError } from '../output/errors.ts'
import type { Terminal } from '../output/terminal.ts'
import { fileToken, type IdentityTokens, sessionTokens } from './identityTokens.ts'
import { reachWords, recordWords, requestedRecord } from './revocationWords.ts'
import { type NamedTarget, namedTarget, type TargetOptions } from './revokeTarget.ts'

/** Who asks, and of which instance. */
export interface CallerOptions {
  readonly instance?: string
  /** A file with an identity token, for build jobs; in place of a sign-in. */
  readonly tokenFile?: string
}

/** What `countersign revoke` takes. */
export interface RevokeOptions extends CallerOptions, TargetOptions {
  readonly reason?: string
  readonly advisory?: readonly string[]
  readonly severity: Severity
  readonly action: AdvisedAction
  readonly replacement?: string
  readonly dryRun?: boolean
  readonly list?: boolean
  readonly all?: boolean
}

/** An instance and who asks it. */
export interface Asked {
  readonly anchors: Anchors
  readonly target: CallTarget
  readonly tokens: IdentityTokens
}

/** Opens the instance with its trust, and the caller's sign-in. Throws `cli.not-signed-in`. */
export async function openAsked({ instance, tokenFile }: CallerOptions, { signal }: Terminal): Promise<Asked> {
  const anchors = await openAnchors(instance)
  const tokens = tokenFile === undefined ? sessionTokens(anchors, signal) : await fileToken(tokenFile)
  return { anchors, target: { url: anchors.url, trust: tlsTrust(anchors) }, tokens }
}

/** `countersign revoke`: asks for a revocation, tells its reach, or lists what waits. Nothing ends before approvers signed. */
export async function revoke(what: string | undefined, options: RevokeOptions, terminal: Terminal): Promise<number> {
  const asked = await openAsked(options, terminal)
  if (options.list) return list(asked, options.all === true, terminal)
  const target = await namedTarget(what, options, asked.anchors, terminal.signal)
  if (options.reason === undefined && !options.dryRun) throw outputError('cli.usage', 'say why, with --reason')
  const answers = await terminal.during('asking', () => request(asked, target, options, terminal))
  for (const { request, reach } of answers) show(request, reach, terminal)
  terminal.result(answers.length === 1 ? (answers[0] ?? {}) : { requests: answers })
  return 0
}

interface Answer {
  readonly request?: RevocationRequest | undefined
  readonly reach: Reach
}

/** One record holds so many numbers; more are split over several, each a request of its own. */
async function request(
  asked: Asked,
  target: NamedTarget,
  options: RevokeOptions,
  terminal: Terminal,
): Promise<Answer[]> {
  const { reason = 'dry run', advisory, severity, action, replacement, dryRun = false } = options
  const { token } = await asked.tokens.current()
  const body = {
    target,
    reason,
    severity,
    action,
    dryRun,
    ...(advisory && { advisories: advisory }),
    ...(replacement !== undefined && { replacement }),
  }
  try {
    return [await call(asked.target, requestRevocationRoute, { body, token, signal: terminal.signal })]
  } catch (error) {
    if (!hasCode(error, 'trust.revocation-too-large') || target.scope !== 'certifications') throw error
    const half = Math.ceil(target.numbers.length / 2)
    const halves = [target.numbers.slice(0, half), target.numbers.slice(half)]
    const answers: Answer[] = []
    for (const numbers of halves) answers.push(...(await request(asked, { ...target, numbers }, options, terminal)))
    return answers
  }
}

function show(request: RevocationRequest | undefined, reach: Reach, terminal: Terminal): void {
  if (request !== undefined) for (const line of recordWords(requestedRecord(request))) terminal.line(line)
  for (const line of reachWords(reach)) terminal.line(line)
  if (request === undefined) {
    terminal.line('Nothing was asked for: this was a dry run.')
    return
  }
  terminal.line(
    `request      ${request.id}, waits for ${request.required} approver${request.required === 1 ? '' : 's'}`,
  )
  terminal.line()
  terminal.line('Each approver runs:')
  terminal.line(`  countersign revoke --approve ${request.id} --key <file>`)
}

async function list({ target, tokens }: Asked, all: boolean, terminal: Terminal): Promise<number> {
  const { token } = await tokens.current()
  const query = { all: all ? 'true' : 'false' }
  const { requests } = await call(target, listRevocationRequestsRoute, { query, token, signal: terminal.signal })
  for (const one of requests) {
    const { id, requestedAt, state, approvals, required, requestedBy, record } = one
    const outcome = record === undefined ? `${approvals.length} of ${required} approvals` : `record ${record}`
    terminal.line(`${id}  ${requestedAt}  ${state}, ${outcome}  by ${requestedBy}`)
    for (const line of recordWords(requestedRecord(one))) terminal.line(`  ${line}`)
  }
  if (requests.length === 0) terminal.line('No revocation request waits.')
  terminal.result({ requests })
  return 0
}
