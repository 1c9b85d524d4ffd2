import { hash } from 'node:crypto'
import { join } from 'node:path'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import { artifactDigest } from '@countersign/protocol/bundle/artifactDigest.ts'
import { MAX_BUNDLE_BYTES, parseBundle, type UnverifiedBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import type { SignedArtifact } from '@countersign/protocol/bundle/signedArtifact.ts'
import type { DataFolder } from '../state/dataFolder.ts'
import type { InstalledRelease } from '../state/storedState.ts'
import { releasesError } from './errors.ts'

/** Where the files of one release lie. The archive stays: it is what installed files are compared with before every start. */
export interface ReleaseFolder {
  readonly path: string
  readonly archive: string
  readonly signature: string
  /** In the order of the release. */
  certification(at: number): string
  /** The unpacked content. */
  readonly files: string
}

/** A release whose bundles are in memory, with the digests that the release names; nothing of it is verified yet. */
export interface LoadedRelease {
  readonly release: InstalledRelease
  readonly artifact: SignedArtifact
  readonly signature: UnverifiedBundle
  readonly certifications: readonly UnverifiedBundle[]
}

/** Names the files of the artifact `sha256`. */
export function releaseFolder(folder: DataFolder, sha256: string): ReleaseFolder {
  const path = join(folder.releases, sha256)
  return {
    path,
    archive: join(path, 'artifact.tar.gz'),
    signature: join(path, 'signature.json'),
    certification: (at) => join(path, `certification-${at + 1}.json`),
    files: join(path, 'files'),
  }
}

/**
 * Reads the bundles of a release, which must have the digests that it names: a bundle swapped on disk is noticed here, before
 * anything is decided by it. Throws `releases.digest-wrong`, `bundle.*`, `files.*`.
 */
export async function loadRelease(folder: DataFolder, release: InstalledRelease): Promise<LoadedRelease> {
  const at = releaseFolder(folder, release.sha256)
  const [signature, ...certifications] = await Promise.all([
    readDigest(at.signature, release.signature),
    ...release.certifications.map((sha256, index) => readDigest(at.certification(index), sha256)),
  ])
  return {
    release,
    artifact: artifactDigest(Uint8Array.fromHex(release.sha256)),
    signature: parseBundle(signature),
    certifications: certifications.map((bytes) => parseBundle(bytes)),
  }
}

async function readDigest(path: string, sha256: string): Promise<Uint8Array> {
  const bytes = await readBounded(path, MAX_BUNDLE_BYTES)
  if (hash('sha256', bytes, 'hex') === sha256) return bytes
  throw releasesError('releases.digest-wrong', `${path} is not the bundle that the release names`)
}
