import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { errnoOf } from '@countersign/local/errors/errno.ts'
import { filesError } from '@countersign/local/files/errors.ts'
import { MAX_ARTIFACT_BYTES, type Verdict } from '@countersign/protocol/api/artifacts.ts'
import { defaultCertificationPolicy } from '@countersign/protocol/policy/certificationPolicy.ts'
import { durationMs } from '@countersign/protocol/policy/duration.ts'
import type { Catalogue } from '@countersign/protocol/sbom/catalogue.ts'
import { writeCycloneDx } from '../inspector/cyclonedx.ts'
import { inspect } from '../inspector/inspect.ts'
import { openPublishedPackages } from '../inspector/publishedPackages.ts'
import { matchCatalogue } from '../match/matchCatalogue.ts'
import { openOwnAdvisories } from './ownAdvisories.ts'

/** What is to be scanned, and with what. */
export interface ScanInput {
  /** A file. */
  readonly path: string
  readonly offline: boolean
  /** Where this machine keeps advisory data and published packages; made when it is needed. */
  readonly folder: string
  /** Folder, zip file or address to import first; what is imported is remembered. */
  readonly advisories?: string
  readonly clock: Clock
  /** Told what is being done. */
  readonly onStep?: (what: string) => void
  readonly signal?: AbortSignal
}

/** The verdict of this machine. Nothing is certified by it. */
export interface ScanResult {
  readonly verdict: Verdict
  readonly catalogue: Catalogue
  /** CycloneDX 1.6, JSON. */
  readonly sbom: Uint8Array
}

/**
 * Gives the verdict that a validator with the same advisory data would give, and certifies nothing. Off-line it uses the
 * packages and the data of this machine only; what it cannot compare is a gap. Durable afterwards: imported advisories and
 * fetched packages. Throws `files.not-found`, `files.not-readable`, `files.too-large`, `advisories.*`, `inspector.*`.
 */
export async function scan(input: ScanInput): Promise<ScanResult> {
  const { path, offline, folder, clock, onStep = () => {} } = input
  onStep('reading the advisory data')
  await using own = await openOwnAdvisories(join(folder, 'advisories'), clock)
  if (input.advisories !== undefined) await own.advisories.importFrom(input.advisories)
  onStep('hashing')
  const digest = await hashFile(path, input.signal)
  onStep('cataloguing and comparing with the published packages')
  const published = openPublishedPackages({ folder: join(folder, 'published'), offline })
  const { catalogue, protections } = await inspect({ path, ...digest, published })
  const maxAgeMs = durationMs(defaultCertificationPolicy().maxAdvisoryAge)
  const matched = matchCatalogue(catalogue, own.advisories, { now: clock.now(), maxAgeMs })
  const active = protections.filter((one) => one.active).map(({ name }) => name)
  return { verdict: { ...matched, protections: active }, catalogue, sbom: writeCycloneDx(catalogue) }
}

async function hashFile(path: string, signal?: AbortSignal): Promise<{ sha256: string; sizeBytes: number }> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024, ...(signal && { signal }) })) {
      hash.update(chunk)
      sizeBytes += chunk.length
      if (sizeBytes > MAX_ARTIFACT_BYTES)
        throw filesError('files.too-large', `${path} is larger than ${MAX_ARTIFACT_BYTES} bytes`)
    }
  } catch (error) {
    signal?.throwIfAborted()
    const errno = errnoOf(error)
    if (errno === undefined) throw error
    if (errno === 'ENOENT') throw filesError('files.not-found', `there is no file ${path}`, { cause: error })
    throw filesError('files.not-readable', `cannot read ${path}: ${errno}`, { cause: error })
  }
  return { sha256: hash.digest('hex'), sizeBytes }
}
