import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { configFolder } from '@countersign/local/files/appDirs.ts'
import { makeFolder, removeFile, replaceFile } from '@countersign/local/files/durable.ts'
import { lockFolder } from '@countersign/local/files/lock.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import { countShape, objectShape, type Shaped, ShapeProblem, stringShape } from '@countersign/protocol/policy/shape.ts'
import { outputError } from '../output/errors.ts'

const MAX_SESSION_BYTES = 65_536
const LOCK_PATIENCE_MS = 30_000
const text = (maxLength: number) => stringShape('text', /^[\x20-\x7e]+$/, maxLength)
const sessionShape = objectShape({
  v: countShape(1, 1),
  issuer: text(512),
  email: text(254),
  signedInAt: text(32),
  /** Rotates with every use; never shown and never logged. */
  refreshToken: text(8192),
})

/** A person's sign-in at one instance, as it lies on disk with mode 0600. */
export type Session = Shaped<typeof sessionShape>

/** Who is signed in to the instance with this root. Throws `cli.not-signed-in`, also for a file that cannot be read. */
export async function loadSession(rootSha256: string): Promise<Session> {
  const path = sessionPath(rootSha256)
  if (!existsSync(path)) throw outputError('cli.not-signed-in', 'nobody is signed in')
  try {
    return sessionShape(parseJson(await readBounded(path, MAX_SESSION_BYTES), { maxBytes: MAX_SESSION_BYTES }), '')
  } catch (cause) {
    // Without the cause's text: it could quote the token.
    if (cause instanceof ShapeProblem) throw outputError('cli.not-signed-in', 'the kept sign-in cannot be read')
    throw cause
  }
}

/** Keeps a sign-in durably, readable by this person only. */
export async function saveSession(rootSha256: string, session: Session): Promise<void> {
  await makeSessionFolder()
  const bytes = Buffer.from(JSON.stringify(session))
  await replaceFile(sessionPath(rootSha256), bytes, { point: 'cli.session', mode: 0o600 })
}

/** Forgets a sign-in durably. */
export async function removeSession(rootSha256: string): Promise<void> {
  if (existsSync(sessionFolder())) await removeFile(sessionPath(rootSha256), { point: 'cli.session-removed' })
}

/** Runs `work` alone on this machine: two uses of one rotating token at once would end the sign-in. */
export async function withSessionLock<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  await makeSessionFolder()
  const lock = await takeLock(signal)
  try {
    return await work()
  } finally {
    lock.release()
  }
}

async function takeLock(signal: AbortSignal) {
  for (const startMs = systemClock.monotonicMs(); ; ) {
    try {
      return await lockFolder(sessionFolder())
    } catch (error) {
      if (!hasCode(error, 'files.locked') || systemClock.monotonicMs() - startMs > LOCK_PATIENCE_MS) throw error
      await systemClock.sleep(50, signal)
    }
  }
}

async function makeSessionFolder(): Promise<void> {
  await makeFolder(sessionFolder(), { point: 'cli.session-folder', mode: 0o700 })
}

function sessionFolder(): string {
  return join(configFolder(), 'sessions')
}

function sessionPath(rootSha256: string): string {
  return join(sessionFolder(), `${rootSha256}.json`)
}
