import { configFolder } from '../files/appDirs.ts'
import type { FetchedAnchors, TrustDeps } from './addTrust.ts'
import { loadAnchor, saveAnchor } from './anchorStore.ts'
import { downloadRepository } from './downloadRepository.ts'
import { type Anchors, verifyAnchor } from './openAnchors.ts'

/**
 * Brings `anchors` up to date by the TUF client workflow; what is stored is replaced only by something newer that verified.
 * `timeoutMs` is 5 seconds a file where not given. Throws `anchors.tampered`, `anchors.rolled-back`, `anchors.expired`,
 * `anchors.environment-mismatch`, `anchors.unreachable`, `policy.*`, `files.*`; what was trusted before stays.
 */
export async function refreshAnchors(anchors: Anchors, deps: TrustDeps): Promise<FetchedAnchors> {
  const { clock, config = configFolder(), timeoutMs = 5_000, signal } = deps
  const stored = await loadAnchor(anchors.rootSha256, config)
  const source = { httpUrl: anchors.httpUrl, clock, timeoutMs, ...(signal && { signal }) }
  const { files, ...noticed } = await downloadRepository(source, stored.repository)
  const renewed = { ...stored, repository: files }
  const verified = verifyAnchor(renewed, config)
  if (!sameVersions(verified, anchors)) await saveAnchor(renewed, config)
  return { anchors: verified, ...noticed }
}

function sameVersions({ versions: a }: Anchors, { versions: b }: Anchors): boolean {
  return a.root === b.root && a.targets === b.targets && a.timestamp === b.timestamp
}
