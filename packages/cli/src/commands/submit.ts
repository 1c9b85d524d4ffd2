import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { type Anchors, openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { tlsTrust } from '@countersign/local/anchors/trustedRequest.ts'
import { type CallInput, type CallTarget, call } from '@countersign/local/calls/call.ts'
import { upload } from '@countersign/local/calls/transfer.ts'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import {
  getSubmissionRoute,
  MAX_ARTIFACT_BYTES,
  putArtifactRoute,
  type Submission,
  submitRoute,
} from '@countersign/protocol/api/artifacts.ts'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import { printable } from '../output/checkTable.ts'
import { outputError } from '../output/errors.ts'
import type { Terminal } from '../output/terminal.ts'
import { readArtifact } from './artifact.ts'
import { fileToken, type IdentityTokens, sessionTokens } from './identityTokens.ts'
import { type WrittenCertification, writeCertification } from './writeCertification.ts'

/** What `countersign submit` takes. */
export interface SubmitOptions {
  readonly bundle?: string
  readonly product?: string
  readonly version?: string
  /** Which validators; default: every one that the verification policy names. */
  readonly validator?: readonly string[]
  /** Follow it to its end, and fetch what was certified. */
  readonly wait?: boolean
  /** Minutes to wait at most. */
  readonly timeout: string
  readonly instance?: string
  readonly tokenFile?: string
}

const MAX_BUNDLE_BYTES = 2 * 1024 * 1024
/** One question; the server answers sooner when something changed. */
const ASK_MS = 20_000
const RETRY_MS = 1_000
const ended: ReadonlySet<Submission['state']> = new Set(['certified', 'refused', 'failed'])
const exits = { certified: 0, refused: 1, failed: 2 } as const

interface Asking {
  readonly anchors: Anchors
  readonly target: CallTarget
  readonly tokens: IdentityTokens
  readonly terminal: Terminal
}

/**
 * `countersign submit`: hands an artifact and its signature to validators. With `--wait` it ends with 0 when all certified,
 * 1 when one refused, 2 when one failed or the time is over.
 */
export async function submit(name: string, options: SubmitOptions, terminal: Terminal): Promise<number> {
  const deadlineMs = systemClock.monotonicMs() + readTimeout(options) * 60_000
  const [artifact, signature] = await Promise.all([
    readArtifact(name, 'sha256', terminal.signal),
    readSignature(options.bundle ?? `${name}.sigstore.json`),
  ])
  if (artifact.bundlePath === undefined) throw outputError('cli.usage', 'submit takes a file')
  await refuseTooLarge(name)
  const asking = await openAsking(options, terminal)
  const sha256 = toHex(artifact.digest)
  const submissions = await terminal.during(`handing over ${name}`, async () => {
    await hand(asking, name, sha256)
    return ask(asking, name, { sha256, signature, options })
  })
  for (const one of submissions) terminal.line(`submitted  ${printable(name)}  to ${one.validator}  (${one.id})`)
  if (!options.wait) {
    terminal.result({ artifact: name, sha256, submissions })
    return 0
  }
  const outcomes = await Promise.all(submissions.map((one) => follow(asking, one, deadlineMs)))
  const written: (WrittenCertification | undefined)[] = []
  for (const outcome of outcomes) {
    written.push(
      outcome.state === 'certified' ? await fetchCertified(asking, name, outcome, outcomes.length) : undefined,
    )
  }
  for (const [at, outcome] of outcomes.entries()) describe(terminal, outcome, written[at])
  const results = outcomes.map((outcome, at) => ({ ...outcome, ...(written[at] && { certification: written[at] }) }))
  terminal.result({ artifact: name, sha256, submissions: results })
  return Math.max(...outcomes.map(exitOf))
}

async function openAsking(options: SubmitOptions, terminal: Terminal): Promise<Asking> {
  const anchors = await openAnchors(options.instance)
  const { tokenFile } = options
  const tokens = tokenFile === undefined ? sessionTokens(anchors, terminal.signal) : await fileToken(tokenFile)
  // So that a missing sign-in shows before anything is sent.
  await terminal.during('getting an identity', () => tokens.current())
  return { anchors, target: { url: anchors.url, trust: tlsTrust(anchors) }, tokens, terminal }
}

async function hand({ target, tokens, terminal }: Asking, name: string, sha256: string): Promise<void> {
  const { token } = await tokens.current()
  await upload(target, putArtifactRoute, { params: { sha256 }, token, signal: terminal.signal }, name)
}

async function ask(
  { target, tokens, terminal }: Asking,
  name: string,
  { sha256, signature, options }: { sha256: string; signature: string; options: SubmitOptions },
): Promise<readonly Submission[]> {
  const { product, version, validator } = options
  const { token } = await tokens.current()
  const body = {
    sha256,
    name: basename(name),
    signature,
    ...(product !== undefined && { product }),
    ...(version !== undefined && { version }),
    ...(validator !== undefined && { validators: validator }),
  }
  return (await call(target, submitRoute, { body, token, signal: terminal.signal })).submissions
}

/** Shows each state as it comes. Returns the last one seen, which is no end where the time is over. */
async function follow(asking: Asking, first: Submission, deadlineMs: number): Promise<Submission> {
  const { target, tokens, terminal } = asking
  let seen = first
  return terminal.during(`waiting for ${first.validator}`, async (say) => {
    while (!ended.has(seen.state)) {
      say(wordsOf(seen))
      const leftMs = deadlineMs - systemClock.monotonicMs()
      if (leftMs <= 0) return seen
      const waitMs = Math.max(0, Math.min(ASK_MS, Math.floor(leftMs)))
      const { token } = await tokens.current()
      const query = { after: String(seen.revision), waitMs: String(waitMs) }
      const input = { params: { id: seen.id }, query, token, signal: terminal.signal, timeoutMs: waitMs + 30_000 }
      const next = await askPatiently(target, input)
      if (next === undefined) continue
      if (next.state !== seen.state) terminal.note(`${first.validator}: ${wordsOf(next)}`)
      seen = next
    }
    return seen
  })
}

function wordsOf({ state }: Submission): string {
  return state === 'asked' ? 'asked: its operator decides' : state
}

/** A server that restarts while somebody waits is no reason to give up: the submission goes on where it was. */
async function askPatiently(target: CallTarget, input: CallInput): Promise<Submission | undefined> {
  try {
    return await call(target, getSubmissionRoute, input)
  } catch (error) {
    if (!hasCode(error, 'calls.unreachable') && !hasCode(error, 'calls.timeout')) throw error
    await systemClock.sleep(RETRY_MS, input.signal)
    return undefined
  }
}

async function fetchCertified({ anchors, terminal }: Asking, name: string, one: Submission, count: number) {
  const prefix = count === 1 ? name : `${name}.${one.validator}`
  return terminal.during('fetching the certification', () => writeCertification(anchors, one, prefix, terminal.signal))
}

function describe(terminal: Terminal, one: Submission, written: WrittenCertification | undefined): void {
  const { verdict, decision, failure } = one
  const what = [one.product, one.version].filter(Boolean).join(' ')
  terminal.line(`${one.state}  ${printable(one.name)}${what === '' ? '' : `  ${what}`}  by ${one.validator}`)
  if (verdict !== undefined) {
    const { asOf, records, sample } = verdict.advisories
    terminal.line(
      `  verdict   ${verdict.answer}: ${verdict.components} components, ${verdict.findings.length} findings`,
    )
    const data =
      records === 0 ? 'none' : `as of ${asOf ?? 'an unknown time'}, ${sample ? 'sample, ' : ''}${records} records`
    terminal.line(`  advisory data ${data}`)
    for (const { advisory, component, path, severity, fixed } of verdict.findings) {
      terminal.line(
        `  finding   ${advisory} (${severity}) in ${printable(component)}, fixed in ${fixed.join(', ') || '-'}`,
      )
      terminal.line(`            ${path.map(printable).join(' > ')}`)
    }
    for (const { code, path, detail, closedBy } of verdict.gaps) {
      terminal.line(`  gap       ${printable(path)}: ${printable(detail)} (${code})`)
      terminal.line(`            closed by: ${printable(closedBy)}`)
    }
  }
  if (decision !== undefined) terminal.line(`  decision  ${decision.answer}`)
  for (const reason of decision?.reasons ?? []) terminal.line(`            ${printable(reason)}`)
  if (failure !== undefined) terminal.line(`  ${printable(failure.message)} (${failure.code})`)
  if (written === undefined) return
  terminal.line(`  number    ${written.number} of ${written.authority.slice(0, 16)}…, until ${written.notAfter}`)
  for (const file of written.files) terminal.line(`  written   ${file}`)
}

function exitOf({ state }: Submission): number {
  return state === 'certified' || state === 'refused' || state === 'failed' ? exits[state] : 2
}

function readTimeout({ timeout }: SubmitOptions): number {
  const minutes = Number(timeout)
  if (!Number.isFinite(minutes) || minutes <= 0) throw outputError('cli.usage', '--timeout takes a number of minutes')
  return minutes
}

/** Read here already, so that a file that is no signature is not sent. */
async function readSignature(path: string): Promise<string> {
  const bytes = await readBounded(path, MAX_BUNDLE_BYTES)
  parseBundle(bytes)
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
}

async function refuseTooLarge(name: string): Promise<void> {
  const { size } = await stat(name)
  if (size > MAX_ARTIFACT_BYTES) throw outputError('cli.usage', `an artifact has at most ${MAX_ARTIFACT_BYTES} bytes`)
}
