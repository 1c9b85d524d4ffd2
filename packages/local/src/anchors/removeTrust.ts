import { configFolder } from '../files/appDirs.ts'
import { deleteAnchor, installedRoots, type StoredAnchor } from './anchorStore.ts'
import { findAnchor } from './openAnchors.ts'

/** What is left to say of a removed anchor; unverified, because a damaged one must be removable too. */
export type RemovedAnchor = Pick<StoredAnchor, 'rootSha256'> & Partial<Pick<StoredAnchor, 'url' | 'environment'>>

/**
 * Ends the trust in the instance that `which` names. The whole hash of a root removes even an anchor that cannot be read.
 * Throws `anchors.none`, `anchors.unknown`, `anchors.ambiguous`, `files.*`.
 */
export async function removeTrust(which: string | undefined, config: string = configFolder()): Promise<RemovedAnchor> {
  const isWhole = which !== undefined && installedRoots(config).includes(which)
  const anchor: RemovedAnchor = isWhole ? { rootSha256: which } : await findAnchor(which, config)
  await deleteAnchor(anchor.rootSha256, config)
  return anchor
}
