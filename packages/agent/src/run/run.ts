import { randomBytes } from 'node:crypto'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { refreshAnchors } from '@countersign/local/anchors/refreshAnchors.ts'
import { tlsTrust } from '@countersign/local/anchors/trustedRequest.ts'
import { call } from '@countersign/local/calls/call.ts'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { followFeed } from '@countersign/local/feed/followFeed.ts'
import { watchRenewed } from '@countersign/local/feed/watchRenewed.ts'
import { makePassableFolder, removeTree } from '@countersign/local/files/folderTree.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import { artifactDigest } from '@countersign/protocol/bundle/artifactDigest.ts'
import { MAX_BUNDLE_BYTES, parseBundle, type UnverifiedBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { CodedError, type ErrorTable } from '@countersign/protocol/errors/codedError.ts'
import { releaseErrors } from '@countersign/protocol/release/errors.ts'
import { checkFiles } from '../enforce/checkFiles.ts'
import { enforceErrors } from '../enforce/errors.ts'
import { type Examinable, examine, refuseInstall } from '../enforce/examine.ts'
import { freePort } from '../enforce/freePort.ts'
import { type Program, startProgram } from '../enforce/program.ts'
import { programUser } from '../enforce/programUser.ts'
import { openWorld, type World } from '../enforce/world.ts'
import { releasesErrors } from '../releases/errors.ts'
import { readArchive } from '../releases/readArchive.ts'
import { unpack } from '../releases/unpack.ts'
import { askTime } from '../state/askTime.ts'
import { type DeviceTime, EARLIEST_TIME, openDeviceTime } from '../state/deviceTime.ts'
import { runError, runErrors } from './errors.ts'

/** What is run in the foreground, without enrolment. */
export interface RunJob {
  /** A `.tar.gz` with `countersign.json` at its root. */
  readonly artifact: string
  /** The developer's bundle; `<artifact>.sigstore.json` where absent. */
  readonly bundle?: string
  /** Bundles of certifications; none: the instance is asked. */
  readonly certifications: readonly string[]
  readonly anchors: Anchors
  /** The settings folder of the anchors. */
  readonly config: string
  /** Behind the arguments of the manifest. */
  readonly args: readonly string[]
  /** What the program gets as `${PORT}`; a free one where absent. */
  readonly port?: number
  /** A name or `uid:gid`; see `programUser`. */
  readonly user?: string
  readonly clock: Clock
  readonly signal: AbortSignal
  /** One line for people; never on standard output, which is the program's. */
  readonly note: (text: string) => void
}

/** The codes that `runArtifact` adds to those of the packages below, for the command that explains them. */
export const runTables: ErrorTable = { ...releaseErrors, ...releasesErrors, ...enforceErrors, ...runErrors }

const POLL_MS = 30_000
const TIMEOUT_MS = 10_000
const REVIEW_MS = 1_000
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Verifies an artifact as an agent does, unpacks it into a private folder, runs it in the foreground, and stops it when trust in
 * it ends: `countersign run`. Anchors are renewed meanwhile, so that whoever may end trust by the policy of then counts.
 * Signals are passed on. Resolves with the program's exit code, or 128 and the number of the signal that ended it. The folder
 * is removed afterwards.
 * Throws `enforce.refused`, `enforce.cannot-tell`, `enforce.not-started`, `run.recalled`, `releases.*`, `release.*`,
 * `bundle.*`, `files.*`.
 */
export async function runArtifact(job: RunJob): Promise<number> {
  const user = programUser(job.user, tmpdir())
  if (user === undefined && process.getuid?.() === 0) {
    job.note(`the program runs as root, because other users cannot reach ${tmpdir()}`)
  }
  const sha256 = await digestOf(job.artifact)
  const known = await renewWorld(job)
  const { world } = known
  const bundles = await readBundles(job, sha256, world)
  const folder = join(tmpdir(), `countersign-run-${randomBytes(8).toString('hex')}`)
  const files = join(folder, 'files')
  try {
    // Who signed it decides before anything of it is unpacked; the manifest's own product and version after.
    const artifact = artifactDigest(Uint8Array.fromHex(sha256))
    refuseInstall(examine({ artifact, ...bundles }, world.surroundings()))
    makePassableFolder(folder, user?.gid)
    const manifest = await unpack({ archive: job.artifact, folder: files, sha256, signal: job.signal })
    const loaded = { artifact, ...bundles, release: manifest }
    await checkFiles(job.artifact, files, sha256)
    refuseInstall(examine(loaded, world.surroundings()))
    const program = await startProgram(
      {
        sha256,
        manifest,
        files,
        work: join(folder, 'work'),
        port: job.port ?? (await freePort()),
        more: job.args,
        ...(user && { user }),
        remember: async () => {},
      },
      world.surroundings().now,
      job.clock,
    )
    return await supervise(job, known, loaded, program)
  } finally {
    await removeTree(folder, { point: 'run.remove' })
  }
}

/** What this machine trusts and knows, and its time. */
interface Known {
  readonly world: World
  readonly time: DeviceTime
}

/** Trust and news as far as the instance answers; what is stored counts where it does not, and the policy says how long. */
async function renewWorld(job: RunJob): Promise<Known> {
  const { anchors: stored, config, clock, signal, note } = job
  const time = openDeviceTime(clock, EARLIEST_TIME)
  const anchors = await orElse(
    async () => (await refreshAnchors(stored, { clock, config, signal })).anchors,
    stored,
    note,
  )
  const { knowledge, timeFloor, failures } = await followFeed(anchors, { clock, signal })
  for (const { origin, message } of failures) note(`no news of ${origin}: ${message}`)
  if (timeFloor) time.raise(timeFloor)
  const known = { world: openWorld(anchors, knowledge, time), time }
  await proveTime(job, known)
  return known
}

/** At start, and after the clock jumped, as it does when a machine slept. */
async function proveTime({ signal, note }: RunJob, { world, time }: Known): Promise<void> {
  if (time.isProven()) return
  await orElse(async () => time.prove(await askTime(world.anchors, signal)), undefined, note)
}

async function orElse<T>(work: () => Promise<T>, otherwise: T, note: RunJob['note']): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    note(error.message)
    return otherwise
  }
}

interface Bundles {
  readonly signature: UnverifiedBundle
  readonly certifications: readonly UnverifiedBundle[]
}

async function readBundles(job: RunJob, sha256: string, { anchors }: World): Promise<Bundles> {
  const read = async (path: string) => parseBundle(await readBounded(path, MAX_BUNDLE_BYTES))
  const signature = await read(job.bundle ?? `${job.artifact}.sigstore.json`)
  if (job.certifications.length > 0)
    return { signature, certifications: await Promise.all(job.certifications.map(read)) }
  const { getCertificationsRoute } = await import('@countersign/protocol/api/artifacts.ts')
  const target = { url: anchors.url, trust: tlsTrust(anchors) }
  const asked = async () => {
    const found = await call(target, getCertificationsRoute, { params: { sha256 }, signal: job.signal })
    return found.certifications.map(({ certification }) => parseBundle(certification))
  }
  return { signature, certifications: await orElse(asked, [], job.note) }
}

async function supervise(job: RunJob, known: Known, loaded: Examinable, program: Program): Promise<number> {
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, job.signal])
  let recalled: Error | undefined
  const review = async () => {
    const { standing, effect } = examine(loaded, known.world.surroundings())
    if (standing.kind === 'good' || (effect !== 'stop' && effect !== 'goBack')) return
    recalled ??= runError('run.recalled', standing.why, { detail: { code: standing.code } })
    await program.stop()
  }
  const passOn = (name: NodeJS.Signals) => program.signal(name)
  for (const name of PASSED_ON) process.on(name, passOn)
  const watching = Promise.all([watchNews(job, known, review, signal), watchTime(job, review, signal)])
  try {
    const exit = await Promise.race([program.exit, watching.then(() => program.exit)])
    // What the program left behind is ended with it.
    await program.stop()
    if (recalled !== undefined) throw recalled
    return exit.signal === null ? (exit.code ?? 1) : 128 + constants.signals[exit.signal]
  } finally {
    over.abort()
    for (const name of PASSED_ON) process.off(name, passOn)
    await program.stop()
    await watching.catch(() => undefined)
  }
}

async function watchNews(job: RunJob, known: Known, review: () => Promise<void>, signal: AbortSignal): Promise<void> {
  const { clock, config, note } = job
  const { world, time } = known
  await watchRenewed(
    world.anchors,
    {
      async onKnowledge({ knowledge, timeFloor }) {
        if (timeFloor) time.raise(timeFloor)
        world.replaceKnowledge(knowledge)
        await review()
        await proveTime(job, known)
      },
      async onAnchors(anchors) {
        world.replaceAnchors(anchors)
        await review()
      },
      onTrouble: (error) => note(`no news: ${error.message}`),
    },
    { clock, config, signal, pollMs: POLL_MS, timeoutMs: TIMEOUT_MS },
  )
}

async function watchTime({ clock }: RunJob, review: () => Promise<void>, signal: AbortSignal): Promise<void> {
  try {
    for (;;) {
      await clock.sleep(REVIEW_MS, signal)
      await review()
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** One pass over the archive, which finds what is no archive before anybody is asked. */
async function digestOf(path: string): Promise<string> {
  const { sha256 } = await readArchive(path, { entry() {}, content() {}, fileEnd() {} })
  return sha256
}
