import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { makeOwnedFolder } from '@countersign/local/files/folderTree.ts'
import { type OutputFile, openOutputFile } from '@countersign/local/files/outputFile.ts'
import { type Manifest, PORT_PLACEHOLDER } from '@countersign/protocol/release/manifest.ts'
import type { RunningProcess } from '../state/storedState.ts'
import { createControlGroup } from './controlGroup.ts'
import { enforceError } from './errors.ts'
import { bootId, processFacts } from './processFacts.ts'
import type { ProgramUser } from './programUser.ts'

/** What is started, after every check. */
export interface StartJob {
  readonly sha256: string
  /** As the archive has it; the start command comes from nowhere else. */
  readonly manifest: Manifest
  /** The checked content. */
  readonly files: string
  /** What the program may write. */
  readonly work: string
  /** Absent: the terminal of this process. */
  readonly output?: string
  readonly port: number
  readonly user?: ProgramUser
  /** Arguments behind the manifest's own. */
  readonly more?: readonly string[]
  /** Makes the record durable; the program runs only after this. */
  readonly remember: (record: RunningProcess) => Promise<void>
}

/** A program that was just started. */
export interface StartedProcess {
  readonly record: RunningProcess
  readonly child: ChildProcess
  readonly output?: OutputFile
}

/** Larger output files are put aside, so one program keeps at most twice this. */
const MAX_OUTPUT_BYTES = 8 * 1024 * 1024

/**
 * Waits for one line. Before it is sent the process is in its control group and its record is durable, so a program never runs
 * that its agent does not know of; where the agent dies before, the line does not come and nothing runs.
 */
const WAIT_THEN_RUN = 'read -r go && exec "$@" < /dev/null'

/**
 * Starts the program of a manifest in its own control group where Linux offers one, else in its own process group, with an
 * environment of four variables. Everything that is to be checked was checked before: this only starts.
 * Throws `enforce.no-program`, `enforce.not-started`, `files.*`.
 */
export async function start(job: StartJob, startedAt: Date): Promise<StartedProcess> {
  const [program, ...rest] = command(job)
  makeOwnedFolder(job.work, job.user)
  const output = job.output === undefined ? undefined : openOutputFile(job.output, MAX_OUTPUT_BYTES)
  const group = createControlGroup(`countersign-${job.sha256.slice(0, 16)}-${process.pid}`)
  const stdout = output?.descriptor ?? 'inherit'
  const child = spawn('/bin/sh', ['-c', WAIT_THEN_RUN, 'sh', program, ...rest], {
    cwd: job.files,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: job.work, TMPDIR: job.work, PORT: String(job.port) },
    detached: true,
    stdio: ['pipe', stdout, stdout],
    ...(job.user && { uid: job.user.uid, gid: job.user.gid }),
  })
  const pid = await spawned(child, program).catch((error: unknown) => {
    group?.remove()
    output?.close()
    throw error
  })
  // Whoever waits for the program waits for `ended`; the handle alone does not keep the agent alive.
  child.unref()
  const isInGroup = group?.take(pid) === true
  if (group !== undefined && !isInGroup) group.remove()
  const record = recordOf(job, pid, startedAt, isInGroup ? group?.path : undefined)
  // A process that ended meanwhile has closed the pipe; its exit says why.
  child.stdin?.on('error', () => {})
  try {
    await job.remember(record)
  } catch (error) {
    // Without the line it ends by itself, and leaves its group empty.
    child.once('exit', () => group?.remove())
    child.stdin?.destroy()
    output?.close()
    throw error
  }
  child.stdin?.end('go\n')
  return { record, child, ...(output && { output }) }
}

function recordOf(
  { sha256, port, user }: StartJob,
  pid: number,
  startedAt: Date,
  controlGroup?: string,
): RunningProcess {
  const [startTicks, boot] = [processFacts(pid)?.startTicks, bootId()]
  const uid = user?.uid ?? process.getuid?.()
  return {
    sha256,
    pid,
    ...(startTicks !== undefined && { startTicks }),
    ...(boot !== undefined && { bootId: boot }),
    ...(uid !== undefined && { uid }),
    ...(controlGroup !== undefined && { controlGroup }),
    startedAt: startedAt.toISOString(),
    port,
  }
}

/** `node` is this very runtime; anything else is a file of the artifact. */
function command({ manifest, files, port, more = [] }: StartJob): [string, ...string[]] {
  const [name = '', ...rest] = manifest.start.map((one) => one.replaceAll(PORT_PLACEHOLDER, String(port)))
  if (name === 'node') return [process.execPath, ...rest, ...more]
  const program = join(files, name)
  if (!existsSync(program)) throw enforceError('enforce.no-program', `the artifact has no file ${name}`)
  return [program, ...rest, ...more]
}

async function spawned(child: ChildProcess, program: string): Promise<number> {
  try {
    await once(child, 'spawn')
  } catch (cause) {
    throw enforceError('enforce.not-started', `${program}: ${cause instanceof Error ? cause.message : 'unknown'}`, {
      cause,
    })
  }
  if (child.pid === undefined) throw enforceError('enforce.not-started', `${program} has no process id`)
  return child.pid
}
