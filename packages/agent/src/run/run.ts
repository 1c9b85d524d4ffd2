import { randomBytes } from 'node:crypto'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { refreshAnchors } from '@countersign/local/anchors/refreshAnchors.ts'
import { tlsTrust } from '@countersign/local/anchors/trustedRequest.ts'
import { call } from '@countersign/local/calls/call.ts'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { followFeed } from '@countersign/local/feed/followFeed.ts'
import { removeTree } from '@countersign/local/files/folderTree.ts'
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
import { openWorld, type World } from '../enforce/world.ts'
import { follow } from '../recall/follow.ts'
import { releasesErrors } from '../releases/errors.ts'
import { readArchive } from '../releases/readArchive.ts'
import { unpack } from '../releases/unpack.ts'
import { askTime } from '../state/askTime.ts'
import { EARLIEST_TIME, openDeviceTime } from '../state/deviceTime.ts'
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
  readonly clock: Clock
  readonly signal: AbortSignal
  /** One line for people; never on standard output, which is the program's. */
  readonly note: (text: string) => void
}

/** The codes that `runArtifact` adds to those of the packages below, for the command that explains them. */
export const runTables: ErrorTable = { ...releaseErrors, ...releasesErrors, ...enforceErrors, ...runErrors }

const POLL_MS = 30_000
const REVIEW_MS = 1_000
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Verifies an artifact as an agent does, unpacks it into a private folder, runs it in the foreground, and stops it when trust in
 * it ends: `countersign run`. Signals are passed on. Resolves with the program's exit code, or 128 and the number of the signal
 * that ended it. The folder is removed afterwards.
 * Throws `enforce.refused`, `enforce.cannot-tell`, `run.recalled`, `releases.*`, `release.*`, `bundle.*`, `files.*`.
 */
export async function runArtifact(job: RunJob): Promise<number> {
  const sha256 = await digestOf(job.artifact)
  const world = await renewWorld(job)
  const bundles = await readBundles(job, sha256, world)
  const folder = join(tmpdir(), `countersign-run-${randomBytes(8).toString('hex')}`)
  const files = join(folder, 'files')
  try {
    // Who signed it decides before anything of it is unpacked; the manifest's own product and version after.
    const artifact = artifactDigest(Uint8Array.fromHex(sha256))
    refuseInstall(examine({ artifact, ...bundles }, world.surroundings()))
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
        remember: async () => {},
      },
      world.surroundings().now,
      job.clock,
    )
    return await supervise(job, world, loaded, program)
  } finally {
    await removeTree(folder, { point: 'run.remove' })
  }
}

/** Trust and news as far as the instance answers; what is stored counts where it does not, and the policy says how long. */
async function renewWorld({ anchors: stored, config, clock, signal, note }: RunJob): Promise<World> {
  const time = openDeviceTime(clock, EARLIEST_TIME)
  const anchors = await orElse(
    async () => (await refreshAnchors(stored, { clock, config, signal })).anchors,
    stored,
    note,
  )
  const { knowledge, timeFloor, failures } = await followFeed(anchors, { clock, signal })
  for (const { origin, message } of failures) note(`no news of ${origin}: ${message}`)
  if (timeFloor) time.raise(timeFloor)
  await orElse(async () => time.prove(await askTime(anchors, signal)), undefined, note)
  return openWorld(anchors, knowledge, time)
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

async function supervise(job: RunJob, world: World, loaded: Examinable, program: Program): Promise<number> {
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, job.signal])
  let recalled: Error | undefined
  const review = async () => {
    const { standing, effect } = examine(loaded, world.surroundings())
    if (standing.kind === 'good' || standing.kind === 'refused' || (effect !== 'stop' && effect !== 'goBack')) return
    recalled ??= runError('run.recalled', standing.why, { detail: { code: standing.code } })
    await program.stop()
  }
  const passOn = (name: NodeJS.Signals) => program.signal(name)
  for (const name of PASSED_ON) process.on(name, passOn)
  const watching = Promise.all([watchNews(job, world, review, signal), watchTime(job, review, signal)])
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

async function watchNews({ clock, note }: RunJob, world: World, review: () => Promise<void>, signal: AbortSignal) {
  await follow(
    world.anchors,
    {
      async act({ knowledge }) {
        world.replaceKnowledge(knowledge)
        await review()
      },
      acknowledge: async () => {},
      trouble: (error) => note(`no news: ${error.message}`),
    },
    { clock, signal, pollMs: POLL_MS },
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
