import { existsSync } from 'node:fs'
import type { CallTarget } from '@countersign/local/calls/call.ts'
import { download } from '@countersign/local/calls/transfer.ts'
import { makeFolder } from '@countersign/local/files/durable.ts'
import { getDeviceFileRoute } from '@countersign/protocol/api/devices.ts'
import { MAX_BUNDLE_BYTES } from '@countersign/protocol/bundle/parseBundle.ts'
import type { ReleaseTarget } from '@countersign/protocol/release/releaseTarget.ts'
import type { DataFolder } from '../state/dataFolder.ts'
import type { InstalledRelease } from '../state/storedState.ts'
import { releasesError } from './errors.ts'
import { type LoadedRelease, loadRelease, releaseFolder } from './releaseFolder.ts'
import { unpack } from './unpack.ts'

/** What installing needs. */
export interface InstallDeps {
  readonly folder: DataFolder
  readonly target: CallTarget
  /** Throws unless this release may be installed now: signature, certifications, endings, freshness, policy. */
  readonly approve: (loaded: LoadedRelease) => void
  readonly signal?: AbortSignal
}

/**
 * Brings a release onto this device: bundles first, which are small and decide; then the artifact, under its digest; then its
 * content, in one step. Nothing is started, and nothing that runs is touched. Every step may be repeated after a crash: what is
 * there under its digest is not fetched again. Throws `releases.*`, `release.*`, what `approve` throws, `calls.*`, `files.*`.
 */
export async function install(release: ReleaseTarget, deps: InstallDeps): Promise<InstalledRelease> {
  const { folder, approve, signal } = deps
  const [artifact] = release.artifacts
  if (artifact === undefined) throw releasesError('releases.none', 'the release holds no artifact')
  const { sha256, signature, certifications, sizeBytes } = artifact
  const { product, channel, counter, version } = release
  const installed: InstalledRelease = {
    product,
    channel,
    counter,
    version,
    sha256,
    signature,
    certifications,
    hasRun: false,
  }
  const at = releaseFolder(folder, sha256)
  await makeFolder(at.path, { point: 'agent.release-folder', mode: 0o755 })
  await fetchFile(at.signature, signature, MAX_BUNDLE_BYTES, deps)
  for (const [index, digest] of certifications.entries()) {
    await fetchFile(at.certification(index), digest, MAX_BUNDLE_BYTES, deps)
  }
  approve(await loadRelease(folder, installed))
  if (!existsSync(at.archive)) await fetchFile(at.archive, sha256, sizeBytes, deps)
  const manifest = await unpack({ archive: at.archive, folder: at.files, sha256, ...(signal && { signal }) })
  if (manifest.product !== product || manifest.version !== version) {
    const said = `${manifest.product} ${manifest.version}`
    throw releasesError('releases.disagrees', `the release is ${product} ${version}, its manifest says ${said}`)
  }
  return installed
}

async function fetchFile(path: string, sha256: string, maxBytes: number, deps: InstallDeps): Promise<void> {
  const input = { params: { sha256 }, ...(deps.signal && { signal: deps.signal }) }
  await download(
    deps.target,
    getDeviceFileRoute,
    input,
    { path, sha256: Uint8Array.fromHex(sha256), maxBytes },
    'agent.download',
  )
}
