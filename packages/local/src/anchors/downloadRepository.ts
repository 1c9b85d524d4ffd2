import { Buffer } from 'node:buffer'
import type { Clock } from '../clock/clock.ts'
import { boundedRequest } from './boundedRequest.ts'
import { anchorsError } from './errors.ts'
import { sha256Hex } from './tufMetadata.ts'
import { type RepositoryFiles, TARGET_NAMES, type TargetName } from './verifyRepository.ts'

/** Where a repository is fetched from, and how long that may take. */
export interface RepositorySource {
  /** The plain listener; metadata is below `/tuf/`. */
  readonly httpUrl: string
  readonly clock: Clock
  /** For every single file. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** What a download brought. */
export interface DownloadedRepository {
  readonly files: RepositoryFiles
  /** This clock minus the server's `Date`, in milliseconds; a second or two of it is the network. Unauthenticated. */
  readonly clockOffsetMs?: number
}

/** What is trusted before: at least the first root. */
export type KnownRepository = Pick<RepositoryFiles, 'roots'> & Partial<RepositoryFiles>

/** TUF 1.0, 5.3.3: an endless chain of roots must not keep a client busy. */
const MAX_NEW_ROOTS = 256
const MAX_FILE_BYTES = { root: 512_000, timestamp: 16_384, snapshot: 262_144, targets: 2_097_152, file: 1_048_576 }

/**
 * Fetches `1.root.json`, whose hash the caller must hold. Unverified bytes. Throws `anchors.unreachable`.
 */
export async function downloadFirstRoot(source: RepositorySource): Promise<Uint8Array> {
  const bytes = await openFetcher(source).optional('1.root.json', MAX_FILE_BYTES.root)
  if (bytes === undefined) throw anchorsError('anchors.unreachable', `${source.httpUrl} serves no trust metadata`)
  return bytes
}

/**
 * Follows the TUF client workflow (TUF 1.0, 5.3 to 5.7) from what is known: newer roots one by one, timestamp, snapshot,
 * targets, then the target files that changed. tuf-js's metadata store makes every check; nothing is written here.
 * Throws `anchors.unreachable`, `anchors.tampered`, `anchors.rolled-back`, `anchors.expired`.
 */
export async function downloadRepository(
  source: RepositorySource,
  known: KnownRepository,
): Promise<DownloadedRepository> {
  // Deep imports: the package's own fetcher and its scratch folder are of no use here, its store is. Loaded only on-line.
  const { TrustedMetadataStore } = await import('tuf-js/dist/store.js')
  const { BadVersionError, EqualVersionError, ExpiredMetadataError } = await import('tuf-js/dist/error.js')
  const fetcher = openFetcher(source)

  async function checked<T>(work: () => T): Promise<T> {
    try {
      return work()
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : 'unreadable'
      if (cause instanceof ExpiredMetadataError) throw anchorsError('anchors.expired', message, { cause })
      const isRollback = cause instanceof BadVersionError && message.includes('less than current')
      throw anchorsError(isRollback ? 'anchors.rolled-back' : 'anchors.tampered', message, { cause })
    }
  }

  const roots = [...known.roots]
  const store = await checked(() => new TrustedMetadataStore(Buffer.from(roots.at(-1) ?? new Uint8Array())))
  // tuf-js takes the time of the system, and whoever sets that must not decide on a device what has expired.
  Object.assign(store, { referenceTime: source.clock.now() })
  // 5.3: roots, until there is no next one.
  for (const end = roots.length + MAX_NEW_ROOTS; roots.length < end; ) {
    const next = await fetcher.optional(`${roots.length + 1}.root.json`, MAX_FILE_BYTES.root)
    if (next === undefined) break
    await checked(() => store.updateRoot(Buffer.from(next)))
    roots.push(next)
  }

  // 5.4: timestamp. The known one is loaded first so that an older one is seen as such; if it no longer verifies or has
  // expired it was still read as far as it protects against rollback.
  if (known.timestamp) ignoreFailure(() => store.updateTimestamp(Buffer.from(known.timestamp as Uint8Array)))
  let timestamp = await fetcher.required('timestamp.json', MAX_FILE_BYTES.timestamp)
  await checked(() => {
    try {
      store.updateTimestamp(Buffer.from(timestamp))
    } catch (error) {
      if (!(error instanceof EqualVersionError && known.timestamp)) throw error
      timestamp = known.timestamp
    }
  })

  // 5.5: snapshot, 5.6: targets; the known files where they still are the listed ones.
  let snapshot = known.snapshot
  if (!snapshot || !ignoreFailure(() => store.updateSnapshot(Buffer.from(snapshot as Uint8Array), true))) {
    const fetched = await fetcher.required(
      `${store.timestamp?.signed.snapshotMeta.version}.snapshot.json`,
      MAX_FILE_BYTES.snapshot,
    )
    await checked(() => store.updateSnapshot(Buffer.from(fetched)))
    snapshot = fetched
  }
  let targets = known.targets
  const update = (bytes: Uint8Array) => store.updateDelegatedTargets(Buffer.from(bytes), 'targets', 'root')
  if (!targets || !ignoreFailure(() => update(targets as Uint8Array))) {
    const version = store.snapshot?.signed.meta['targets.json']?.version
    const fetched = await fetcher.required(`${version}.targets.json`, MAX_FILE_BYTES.targets)
    await checked(() => update(fetched))
    targets = fetched
  }

  // 5.7: target files, named by their digest.
  const files = {} as Record<TargetName, Uint8Array>
  for (const name of TARGET_NAMES) {
    const digest = store.targets?.signed.targets[name]?.hashes.sha256
    if (digest === undefined) throw anchorsError('anchors.tampered', `the metadata does not list ${name}`)
    const old = known.files?.[name]
    files[name] =
      old && sha256Hex(old) === digest
        ? old
        : await fetcher.required(`targets/${digest}.${name}`, MAX_FILE_BYTES.file, digest)
  }
  const offset = fetcher.clockOffsetMs()
  return {
    files: { roots, timestamp, snapshot, targets, files },
    ...(offset !== undefined && { clockOffsetMs: offset }),
  }
}

interface Fetcher {
  /** Undefined where the server has no such file. */
  optional(path: string, maxBytes: number): Promise<Uint8Array | undefined>
  /** With `sha256`, exactly the file of that digest. */
  required(path: string, maxBytes: number, sha256?: string): Promise<Uint8Array>
  /** This clock minus the server's, by the last answer. */
  clockOffsetMs(): number | undefined
}

function openFetcher({ httpUrl, clock, timeoutMs, signal }: RepositorySource): Fetcher {
  let offsetMs: number | undefined

  async function optional(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
    const reply = await boundedRequest({
      url: `${httpUrl}/tuf/${path}`,
      maxBytes,
      timeoutMs,
      ...(signal && { signal }),
      fail: (failure, message, cause) =>
        failure === 'too-large'
          ? anchorsError('anchors.tampered', message)
          : anchorsError('anchors.unreachable', message, { cause }),
    })
    const date = Date.parse(reply.headers.date ?? '')
    if (!Number.isNaN(date)) offsetMs = clock.now().getTime() - date
    if (reply.status === 404 || reply.status === 403) return undefined
    if (reply.status === 200) return reply.bytes
    throw anchorsError('anchors.unreachable', `${httpUrl}/tuf/${path} answered ${reply.status}`)
  }

  return {
    optional,
    async required(path, maxBytes, sha256) {
      const bytes = await optional(path, maxBytes)
      if (bytes === undefined) throw anchorsError('anchors.unreachable', `${httpUrl}/tuf/${path} is missing`)
      if (sha256 !== undefined && sha256Hex(bytes) !== sha256) {
        throw anchorsError('anchors.tampered', `${path} has another digest than its name and the metadata say`)
      }
      return bytes
    },
    clockOffsetMs: () => offsetMs,
  }
}

/** True where `work` did not throw. Only for what is known already and is replaced if it no longer fits. */
function ignoreFailure(work: () => unknown): boolean {
  try {
    work()
    return true
  } catch {
    return false
  }
}
