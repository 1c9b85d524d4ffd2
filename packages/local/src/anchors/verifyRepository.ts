import { anchorsError } from './errors.ts'
import {
  checkFile,
  type FileStatement,
  fileStatement,
  fileStatements,
  parseTufMetadata,
  sha256Hex,
  type TufMetadata,
  type TufRole,
  verifyRole,
} from './tufMetadata.ts'

/** The targets that every instance publishes and every client takes. */
export const TARGET_NAMES = [
  'trusted_root.json',
  'signing_config.v0.2.json',
  'verification_policy.json',
  'device_root.pem',
] as const
/** One of `TARGET_NAMES`. */
export type TargetName = (typeof TARGET_NAMES)[number]

/** The bytes of a TUF repository as far as a client keeps them. Unverified. */
export interface RepositoryFiles {
  /** `1.root.json` first, without gaps. */
  readonly roots: readonly Uint8Array[]
  readonly timestamp: Uint8Array
  readonly snapshot: Uint8Array
  readonly targets: Uint8Array
  readonly files: Readonly<Record<TargetName, Uint8Array>>
}

/** A repository whose whole chain from the first root verified. */
export interface VerifiedRepository {
  readonly files: Readonly<Record<TargetName, Uint8Array>>
  /** What the targets metadata says about every other target, by name: the releases. */
  readonly otherTargets: ReadonlyMap<string, FileStatement>
  /** Versions of the newest metadata of each role. */
  readonly versions: Readonly<Record<TufRole, number>>
  /** When the first of root, snapshot and targets expires. The timestamp's shorter life binds only who fetches. */
  readonly expires: Date
}

/**
 * Verifies stored files of a repository from the hash of its first root to the digest of every target, without network and
 * without the TUF library, whose loading would cost a fifth of the start-up budget of `countersign verify`.
 * What it does not check, because nothing is replaced here: rollback and expiry against a clock.
 * Throws `anchors.root-mismatch` and `anchors.tampered`.
 */
export function verifyRepository(stored: RepositoryFiles, rootSha256: string): VerifiedRepository {
  const root = verifyRoots(stored.roots, rootSha256)
  const timestamp = readRole(root, stored.timestamp, 'timestamp')
  const snapshot = readListed(root, stored.snapshot, 'snapshot', timestamp)
  const targets = readListed(root, stored.targets, 'targets', snapshot)
  for (const name of TARGET_NAMES) {
    const statement = fileStatement(targets, 'targets', name)
    if (statement.sha256 === undefined) throw anchorsError('anchors.tampered', `${name} is listed without SHA-256`)
    checkFile(name, stored.files[name], statement)
  }
  const versions = {
    root: root.version,
    timestamp: timestamp.version,
    snapshot: snapshot.version,
    targets: targets.version,
  }
  const expires = new Date(Math.min(...[root, snapshot, targets].map((role) => role.expires.getTime())))
  const others = fileStatements(targets, 'targets').filter(([name]) => !isTargetName(name))
  return { files: stored.files, otherTargets: new Map(others), versions, expires }
}

function isTargetName(name: string): name is TargetName {
  return TARGET_NAMES.some((one) => one === name)
}

/** TUF 1.0, 5.3: every root is signed by the one before it and by itself, and numbers have no gap. */
function verifyRoots(roots: readonly Uint8Array[], rootSha256: string): TufMetadata {
  const [first, ...later] = roots
  if (first === undefined || sha256Hex(first) !== rootSha256) {
    throw anchorsError('anchors.root-mismatch', 'the first root is not the one that trust was given to')
  }
  let trusted = readSelfSigned(first)
  for (const bytes of later) {
    const next = readSelfSigned(bytes)
    if (next.version !== trusted.version + 1) throw anchorsError('anchors.tampered', 'the chain of roots has a gap')
    verifyRole(trusted, next)
    trusted = next
  }
  return trusted
}

function readSelfSigned(bytes: Uint8Array): TufMetadata {
  const root = parseTufMetadata(bytes, 'root')
  verifyRole(root, root)
  return root
}

function readRole(root: TufMetadata, bytes: Uint8Array, role: TufRole): TufMetadata {
  const metadata = parseTufMetadata(bytes, role)
  verifyRole(root, metadata)
  return metadata
}

/** TUF 1.0, 5.5 and 5.6: signed by its role's keys, and exactly the version that the metadata above lists. */
function readListed(root: TufMetadata, bytes: Uint8Array, role: TufRole, lister: TufMetadata): TufMetadata {
  const name = `${role}.json`
  const statement = fileStatement(lister, 'meta', name)
  checkFile(name, bytes, statement)
  const metadata = readRole(root, bytes, role)
  if (metadata.version !== statement.version)
    throw anchorsError('anchors.tampered', `${name} is not the listed version`)
  return metadata
}
