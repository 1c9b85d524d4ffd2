/**
 * What a file is, as far as its name and first bytes tell: `data` cannot run by itself; `script` is source text; `bundle` is
 * source text that was minified or put together from several packages; `native` is machine code, wasm or a jar; `archive`
 * holds files that are not read; `unknown` is binary of no known form; `link` leads to another file.
 */
export type FileKind = 'data' | 'script' | 'bundle' | 'native' | 'archive' | 'unknown' | 'link'

/** Every kind of file. */
export const FILE_KINDS: readonly FileKind[] = ['data', 'script', 'bundle', 'native', 'archive', 'unknown', 'link']

/** One file of an archive. */
export interface ListedFile {
  /** Relative to the root of the archive, `/` between segments. */
  readonly path: string
  readonly kind: FileKind
  readonly sizeBytes: number
  /** Lower-case hex; empty for links. */
  readonly sha256: string
  /** Where a link leads, relative to the root of the archive. */
  readonly target?: string
}

/** What a `package.json` says. */
export interface ListedPackage {
  /** Folder that holds it; empty for the root. */
  readonly folder: string
  /** Empty where it is missing or no valid name. */
  readonly name: string
  /** Likewise. */
  readonly version: string
  readonly isPrivate: boolean
  /** Names below `dependencies` and `optionalDependencies`, and below `peerDependencies`. */
  readonly dependencies: readonly string[]
  /** Of `dependencies`, those that have to be there. */
  readonly required: readonly string[]
  /** Names below `devDependencies`. */
  readonly development: readonly string[]
}

/** One entry of a lockfile. */
export interface LockEntry {
  /** Key in `packages`: the install path relative to the lockfile's folder; empty for the root. */
  readonly path: string
  /** The package's own name, also where it is installed under an alias. */
  readonly name: string
  readonly version: string
  readonly integrity?: string
  /** Where a folder, repository or address is named in place of a registry's version. */
  readonly source?: string
  /** A link to a folder of the artifact. */
  readonly isLink: boolean
  /** Need not be installed: development, optional or peer. */
  readonly isDispensable: boolean
  readonly isBundled: boolean
  readonly dependencies: readonly string[]
}

/** A lockfile that was read. */
export interface Lockfile {
  /** In the archive. */
  readonly path: string
  readonly entries: readonly LockEntry[]
}

/** What could not be read, where. */
export interface ListedGap {
  readonly code: string
  readonly path: string
  readonly detail: string
}

/** What the restricted process found in an artifact. */
export interface Listing {
  /** `npm archive`, `npm package`, `npm lockfile`, or what it is instead. */
  readonly form: string
  readonly sizeBytes: number
  /** Of the artifact, lower-case hex. */
  readonly sha256: string
  /** Of the artifact, base64. */
  readonly sha512: string
  readonly files: readonly ListedFile[]
  readonly packages: readonly ListedPackage[]
  readonly lockfiles: readonly Lockfile[]
  /** Bytes of `countersign.json`, base64. */
  readonly manifest?: string
  readonly gaps: readonly ListedGap[]
}

/** One file of a published package: path below its top folder, digest, digest with the first line as npm rewrites it. */
export type PublishedFile = readonly [path: string, sha256: string, unixSha256?: string]

/** What the restricted process found in one published package. */
export interface PublishedListing {
  readonly name: string
  readonly version: string
  readonly files: readonly PublishedFile[]
  /** Why it is no whole package; absent: it was read. */
  readonly failure?: string
}

/** How much one artifact may ask of the inspector. */
export const INSPECTOR_LIMITS = {
  /** Files, folders and links of one archive. */
  entries: 200_000,
  /** Folders above a file. */
  depth: 64,
  /** Characters of a path. */
  path: 1024,
  /** Bytes that one archive may unpack to: 4 GiB. */
  unpackedBytes: 4 * 1024 ** 3,
  /** Unpacked bytes for each packed byte; above, and beyond the first 64 MiB, it is a bomb. */
  ratio: 200,
  ratioFloorBytes: 64 * 1024 ** 2,
  /** Of extended headers. */
  headerBytes: 64 * 1024,
  packageJsonBytes: 1024 ** 2,
  lockfileBytes: 64 * 1024 ** 2,
  manifestBytes: 64 * 1024,
  /** Packages and lockfile entries. */
  packages: 100_000,
  dependencies: 5000,
  /** Gaps of one code; one more says how many there were. */
  gapsOfOneCode: 500,
} as const
