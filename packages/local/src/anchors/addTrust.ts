import { refuseExpired, type Ticket } from '@countersign/protocol/api/ticket.ts'
import type { Clock } from '../clock/clock.ts'
import { configFolder } from '../files/appDirs.ts'
import { installedRoots, loadAnchor, saveAnchor } from './anchorStore.ts'
import { downloadFirstRoot, downloadRepository, type KnownRepository } from './downloadRepository.ts'
import { anchorsError } from './errors.ts'
import { type Anchors, verifyAnchor } from './openAnchors.ts'
import { sha256Hex } from './tufMetadata.ts'
import { verifyRepository } from './verifyRepository.ts'

/** How trust is fetched. */
export interface TrustDeps {
  readonly clock: Clock
  readonly config?: string
  /** For every single file; 10 seconds where not given. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** An anchor, and what was noticed about this clock while fetching it. */
export interface FetchedAnchors {
  readonly anchors: Anchors
  readonly clockOffsetMs?: number
}

/**
 * First trust (design 9): takes from the ticket only the hash of the first root, fetches the repository over the plain
 * listener, verifies it from that hash on, and only then writes. Adding the same instance again renews it.
 * Throws `ticket.expired`, `anchors.root-mismatch`, `anchors.environment-mismatch`, `anchors.tampered`,
 * `anchors.rolled-back`, `anchors.expired`, `anchors.unreachable`, `policy.*`, `files.*`.
 */
export async function addTrust(ticket: Ticket, deps: TrustDeps): Promise<FetchedAnchors> {
  const { clock, config = configFolder(), timeoutMs = 10_000, signal } = deps
  refuseExpired(ticket, clock.now())
  const { url, httpUrl, environment, rootSha256 } = ticket
  const source = { httpUrl, clock, timeoutMs, ...(signal && { signal }) }
  const firstRoot = await downloadFirstRoot(source)
  if (sha256Hex(firstRoot) !== rootSha256) {
    throw anchorsError('anchors.root-mismatch', `${httpUrl} has another first root than the ticket names`)
  }
  const { files, ...noticed } = await downloadRepository(source, await knownRepository(rootSha256, firstRoot, config))
  const addedAt = clock.now().toISOString()
  const stored = { v: 1, url, httpUrl, environment, rootSha256, addedAt, repository: files }
  const anchors = verifyAnchor(stored, config)
  await saveAnchor(stored, config)
  return { anchors, ...noticed }
}

/** What is installed already protects against older metadata; what does not verify any more is replaced. */
async function knownRepository(rootSha256: string, firstRoot: Uint8Array, config: string): Promise<KnownRepository> {
  if (!installedRoots(config).includes(rootSha256)) return { roots: [firstRoot] }
  try {
    const { repository } = await loadAnchor(rootSha256, config)
    verifyRepository(repository, rootSha256)
    return repository
  } catch {
    return { roots: [firstRoot] }
  }
}
