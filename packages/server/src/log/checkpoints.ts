import { checkpointText, openCheckpoint, type VerifiedCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import { verifyCosignatures } from '@countersign/protocol/log/cosignature.ts'
import { formatNote, type NoteSignature, parseNote } from '@countersign/protocol/log/note.ts'
import { logKeepingError } from './errors.ts'
import type { OpenedLog } from './openedLog.ts'
import type { Cosigner, TreeHead } from './signers.ts'
import type { LogDeps, LogSpec } from './transparencyLog.ts'

/** How far the wall clock may be behind the newest checkpoint: what time servers correct in one step. */
const CLOCK_TOLERANCE_MS = 60_000n

/**
 * The time of the next checkpoint in milliseconds since 1970: now, and always later than `lastMs`.
 * Throws `log.clock-behind` where the clock is over a minute behind: a later time would then be one in the future.
 */
export function nextTime(clock: LogDeps['clock'], lastMs: bigint): bigint {
  const nowMs = BigInt(clock.now().getTime())
  if (nowMs < lastMs - CLOCK_TOLERANCE_MS) {
    throw logKeepingError('log.clock-behind', `the clock is ${(lastMs - nowMs) / 1000n} s behind the newest checkpoint`)
  }
  return nowMs > lastMs ? nowMs : lastMs + 1n
}

/** Signs a checkpoint with every key of the log, and verifies what came back before anyone can see it. */
export async function signCheckpoint({ origin, signers }: LogSpec, head: TreeHead): Promise<VerifiedCheckpoint> {
  const text = checkpointText({ origin, size: head.size, root: head.root, extensions: [] })
  const lines = await Promise.all(signers.map((signer) => signer.line(text, head)))
  return openOwn({ origin, signers }, formatNote(text, lines))
}

/** Verifies a checkpoint of this log by all of its keys; the result is that of the first. Throws `log.*` of the protocol. */
export function openOwn({ signers }: Pick<LogSpec, 'origin' | 'signers'>, note: string): VerifiedCheckpoint {
  const [first] = signers.map((signer) => openCheckpoint(note, signer.key))
  if (first === undefined) throw new TypeError('a log has at least one signer')
  return first
}

/**
 * The committed checkpoint with the lines of all cosigners that answer in time. One that fails is left out and reported,
 * since an entry must not wait for another party; who demands a quorum sees that it is missing.
 */
export async function cosigned(log: OpenedLog): Promise<VerifiedCheckpoint> {
  const { checkpoint, timeMs } = log.committed
  const { text, signatures } = parseNote(checkpoint.note)
  const head = { size: checkpoint.size, root: checkpoint.root, timeMs }
  const asked = await Promise.all(log.spec.cosigners.map((cosigner) => ask(log, cosigner, text, head)))
  const lines = asked.filter((line) => line !== undefined)
  return { ...checkpoint, note: formatNote(text, [...signatures, ...lines]) }
}

async function ask(
  { deps, spec, limits }: OpenedLog,
  cosigner: Cosigner,
  text: string,
  head: TreeHead,
): Promise<NoteSignature | undefined> {
  const answered = new AbortController()
  const tooLate = deps.clock.sleep(limits.cosignMs, answered.signal).then(() => {
    throw new Error(`no answer within ${limits.cosignMs} ms`)
  })
  try {
    const line = await Promise.race([cosigner.line(text, head), tooLate])
    // A reader refuses the whole checkpoint for one wrong line of a witness that it knows.
    verifyCosignatures({ text, signatures: [line] }, [cosigner.key])
    return line
  } catch (error) {
    deps.logger.warn({ err: error, log: spec.name, cosigner: cosigner.key.name }, 'a cosigner was left out')
    return undefined
  } finally {
    answered.abort()
    tooLate.catch(() => {})
  }
}
