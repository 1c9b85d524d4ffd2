import { parseVerificationPolicy, type VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { configFolder } from '../files/appDirs.ts'
import { anchorFolder, installedRoots, loadAnchor, type StoredAnchor } from './anchorStore.ts'
import { anchorsError } from './errors.ts'
import type { FileStatement } from './tufMetadata.ts'
import { type TargetName, verifyRepository } from './verifyRepository.ts'

/** The verified trust in one instance, as this machine holds it. */
export interface Anchors {
  readonly url: string
  readonly httpUrl: string
  readonly environment: 'development' | 'production'
  /** Hex SHA-256 of `1.root.json`; its name on this machine. */
  readonly rootSha256: string
  readonly addedAt: Date
  /** After this a decision can no longer be told from it. */
  readonly expires: Date
  readonly versions: { readonly root: number; readonly targets: number; readonly timestamp: number }
  /** The policy that the instance distributes. */
  readonly policy: VerificationPolicy
  /** Where its feed and evidence are kept. */
  readonly folder: string
  /** Verified bytes of one target. */
  target(name: TargetName): Uint8Array
  /** Length and digest of every further target that the verified metadata lists, by name; see `releaseTargets.ts`. */
  readonly otherTargets: ReadonlyMap<string, FileStatement>
}

/**
 * Opens the anchor that `which` names: a host name, a URL, or at least 8 digits of its root's hash. Without `which` the
 * only one there is. Everything is verified again from the root's hash to the digests of the targets, without network.
 * Throws `anchors.none`, `anchors.unknown`, `anchors.ambiguous`, `anchors.tampered`, and `policy.*`.
 */
export async function openAnchors(which?: string, config: string = configFolder()): Promise<Anchors> {
  return verifyAnchor(await findAnchor(which, config), config)
}

/** Finds the stored anchor that `which` names, unverified. Throws `anchors.none`, `anchors.unknown`, `anchors.ambiguous`. */
export async function findAnchor(which: string | undefined, config: string): Promise<StoredAnchor> {
  const roots = installedRoots(config)
  if (roots.length === 0) throw anchorsError('anchors.none', 'no instance is trusted on this machine')
  const stored = await Promise.all(roots.map((root) => loadAnchor(root, config)))
  const found = which === undefined ? stored : stored.filter((anchor) => isNamed(anchor, which))
  const [anchor, ...others] = found
  if (anchor === undefined) throw anchorsError('anchors.unknown', 'no instance of that name is trusted on this machine')
  if (others.length > 0) {
    throw anchorsError('anchors.ambiguous', `several instances fit: ${found.map((one) => one.url).join(', ')}`)
  }
  return anchor
}

/** Opens every installed anchor. Throws what `openAnchors` throws for a broken one. */
export async function listAnchors(config: string = configFolder()): Promise<Anchors[]> {
  const stored = await Promise.all(installedRoots(config).map((root) => loadAnchor(root, config)))
  stored.sort((a, b) => (a.addedAt < b.addedAt ? -1 : 1))
  return stored.map((anchor) => verifyAnchor(anchor, config))
}

/** Verifies one stored anchor and what it says about itself. Throws `anchors.*` and `policy.*`. */
export function verifyAnchor(anchor: StoredAnchor, config: string = configFolder()): Anchors {
  const { files, otherTargets, expires, versions } = verifyRepository(anchor.repository, anchor.rootSha256)
  const policy = parseVerificationPolicy(files['verification_policy.json'])
  if (policy.environment !== anchor.environment) {
    throw anchorsError(
      'anchors.environment-mismatch',
      `the policy is for ${policy.environment}, not ${anchor.environment}`,
    )
  }
  const { url, httpUrl, environment, rootSha256 } = anchor
  return {
    url,
    httpUrl,
    environment,
    rootSha256,
    addedAt: new Date(anchor.addedAt),
    expires,
    versions,
    policy,
    folder: anchorFolder(rootSha256, config),
    target: (name) => files[name],
    otherTargets,
  }
}

function isNamed(anchor: StoredAnchor, which: string): boolean {
  if (/^[0-9a-f]{8,64}$/.test(which) && anchor.rootSha256.startsWith(which)) return true
  const { host, hostname } = new URL(anchor.url)
  return [anchor.url, host, hostname].includes(which.replace(/\/$/, ''))
}
