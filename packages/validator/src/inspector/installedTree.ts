import { matchesGlob } from '@countersign/protocol/release/glob.ts'
import type { Manifest } from '@countersign/protocol/release/manifest.ts'
import { disagreements } from './disagreements.ts'
import type { ListedFile, ListedGap, ListedPackage, Listing, LockEntry } from './listing.ts'
import { type LockedPath, lockedPaths } from './lockedPaths.ts'
import type { WantedPackage } from './publishedContents.ts'

/** One package in an artifact, before it is compared with anything. */
export interface TreeComponent {
  /** Install path, or key in the lockfile; `.` for an artifact that is one package. */
  readonly id: string
  /** Folder that holds it; empty for the root. */
  readonly folder: string
  readonly name: string
  readonly version: string
  readonly isDeclaredOnly: boolean
  /** Where it comes from, if from no registry. */
  readonly source?: string
  /** What it may be a copy of, the likelier first. */
  readonly candidates: readonly WantedPackage[]
  readonly files: readonly ListedFile[]
  /** Ids of the components it needs. */
  readonly dependencies: readonly string[]
}

/** The packages of an artifact. */
export interface InstalledTree {
  readonly components: readonly TreeComponent[]
  readonly rootDependencies: readonly string[]
  /** The files that belong to no component. */
  readonly ownFiles: readonly ListedFile[]
  readonly gaps: readonly ListedGap[]
}

const INSTALLED = /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/@][^/]*$/

/**
 * Finds the packages of an artifact: the folders below `node_modules` that hold a `package.json`, copies of packages that lie
 * elsewhere, and where nothing is installed, what a lockfile declares. Reads what was listed and trusts none of it.
 */
export function installedTree(listing: Listing, manifest?: Manifest): InstalledTree {
  const locked = lockedPaths(listing.lockfiles)
  const places = componentPlaces(listing, locked, manifest)
  if (places.size === 0 && locked.size > 0) return declaredTree(locked)
  const { byFolder, own } = filesByFolder(listing.files, new Set(places.keys()))
  const links = new Map(
    listing.files.flatMap(({ path, target }) => (target === undefined ? [] : [[path, target] as const])),
  )
  const resolve = resolver(new Set(places.keys()), links)
  const gaps = [
    ...disagreements(listing, locked, places, links),
    ...halfNamed(listing, new Set(places.keys()), manifest),
  ]
  const components = [...places].map(([folder, found]) => {
    const component = installedComponent(folder, found, locked.get(folder), byFolder.get(folder) ?? [])
    if (component.source !== undefined) gaps.push(sourceGap(component, component.source))
    gaps.push(...missing(folder, found.required, resolve))
    const dependencies = found.dependencies.flatMap((name) => resolve(folder, name) ?? [])
    return { ...component, dependencies: [...new Set(dependencies)] }
  })
  const root = listing.packages.find(({ folder }) => folder === '')
  if (!places.has('')) gaps.push(...missing('', root?.required ?? [], resolve))
  const rootDependencies = rootNames(root, locked).flatMap((name) => resolve('', name) ?? [])
  return {
    components: components.map((one) => (one.id === '' ? { ...one, id: '.' } : one)),
    rootDependencies: [...new Set(places.has('') ? ['.'] : rootDependencies)],
    ownFiles: own,
    gaps,
  }
}

function sourceGap({ id }: Pick<TreeComponent, 'id'>, source: string): ListedGap {
  return {
    code: 'gap.not-from-registry',
    path: id,
    detail: `it comes from ${source}, with which it cannot be compared`,
  }
}

/** A package that has to be there and is not: its code comes from somewhere else when the program runs. */
function missing(folder: string, required: readonly string[], resolve: Resolve): ListedGap[] {
  return required
    .filter((name) => resolve(folder, name) === undefined)
    .map((name) => ({
      code: 'gap.dependency-missing',
      path: folder,
      detail: `${name} is needed and not in the artifact`,
    }))
}

/** Packages of a folder by which they were installed, development ones included where they were. */
function rootNames(root: ListedPackage | undefined, locked: ReadonlyMap<string, LockedPath>): readonly string[] {
  return [...(root?.dependencies ?? []), ...(root?.development ?? []), ...(locked.get('')?.entry.dependencies ?? [])]
}

/**
 * Copies of packages outside of `node_modules` that say who they are only half, so that nothing can be compared. A
 * `package.json` with neither name nor version only sets how Node.js reads a folder.
 */
function halfNamed(listing: Listing, places: ReadonlySet<string>, manifest: Manifest | undefined): ListedGap[] {
  return (
    listing.packages
      .filter((found) => found.folder !== '' && !`${found.folder}/`.includes('node_modules/'))
      .filter((found) => (found.name === '') !== (found.version === '') && !isFirstParty(found, manifest))
      // What lies inside of a package is compared with it.
      .filter(({ folder }) => folderOf(folder, places) === undefined)
      .map(({ folder, name }) => ({
        code: 'gap.component-unknown',
        path: folder,
        detail: `its package.json has ${name === '' ? 'a version and no name' : `the name ${name} and no version`}`,
      }))
  )
}

/** Where packages are: below `node_modules`, copies elsewhere, and the root of an artifact that is one package. */
function componentPlaces(
  listing: Listing,
  locked: ReadonlyMap<string, LockedPath>,
  manifest: Manifest | undefined,
): Map<string, ListedPackage> {
  const places = new Map<string, ListedPackage>()
  // Outer ones first: whether a folder is a place depends on what it lies in.
  for (const found of listing.packages.toSorted((a, b) => a.folder.length - b.folder.length)) {
    const { folder, name, version } = found
    const isNamed = name !== '' && version !== ''
    if (INSTALLED.test(folder)) {
      if ((isNamed || locked.has(folder)) && isReached(folder, places)) places.set(folder, found)
    } else if (folder === '') {
      if (listing.form === 'npm package' && isNamed && !found.isPrivate) places.set(folder, found)
    } else if (isNamed && !folder.includes('node_modules/') && !isFirstParty(found, manifest)) places.set(folder, found)
  }
  return places
}

/**
 * Packages carry folders called `node_modules` deep inside as material for their own tests. Those are part of what was
 * published, like any other file; only what lies in the `node_modules` of a package itself was installed.
 */
function isReached(folder: string, places: ReadonlyMap<string, ListedPackage>): boolean {
  const above = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))
  // Some installers keep packages in a store of their own below node_modules.
  return !above.includes('node_modules/') || places.has(above) || /(?:^|\/)node_modules\/\.[^/]+\/[^/]+$/.test(above)
}

/**
 * A package of the product itself, for example a workspace: private, and declared as its own source. Who declares a copy of
 * somebody's package so is believed, as with any other source.
 */
function isFirstParty({ folder, isPrivate }: ListedPackage, manifest: Manifest | undefined): boolean {
  const isDeclared = manifest?.firstParty.some((glob) => matchesGlob(glob, `${folder}/package.json`)) ?? false
  return isPrivate && isDeclared
}

function installedComponent(
  folder: string,
  found: ListedPackage,
  locked: LockedPath | undefined,
  files: readonly ListedFile[],
): Omit<TreeComponent, 'dependencies'> {
  const entry = locked?.entry
  const name = found.name || entry?.name || folder
  const version = found.version || entry?.version || ''
  const integrity = entry?.name === name && entry.version === version ? entry.integrity : undefined
  const installed: WantedPackage = { name, version, ...(integrity !== undefined && { integrity }) }
  const candidates = version === '' || found.name === '' ? [] : [installed]
  if (
    entry !== undefined &&
    (entry.name !== name || entry.version !== version) &&
    entry.version !== '' &&
    !entry.isLink
  ) {
    candidates.push(wantedOf(entry))
  }
  const source = entry?.source
  return {
    id: folder,
    folder,
    name,
    version,
    isDeclaredOnly: false,
    ...(source !== undefined && { source }),
    candidates,
    files,
  }
}

function wantedOf({ name, version, integrity }: LockEntry): WantedPackage {
  return { name, version, ...(integrity !== undefined && { integrity }) }
}

/** Each file belongs to the innermost component around it. */
function filesByFolder(files: readonly ListedFile[], folders: ReadonlySet<string>) {
  const byFolder = new Map<string, ListedFile[]>()
  const own: ListedFile[] = []
  for (const file of files) {
    const folder = folderOf(file.path, folders)
    if (folder === undefined) own.push(file)
    else byFolder.set(folder, [...(byFolder.get(folder) ?? []), file])
  }
  return { byFolder, own }
}

function folderOf(path: string, folders: ReadonlySet<string>): string | undefined {
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    const folder = path.slice(0, slash)
    if (folders.has(folder)) return folder
  }
  return folders.has('') ? '' : undefined
}

type Resolve = (from: string, name: string) => string | undefined

/** Finds a package as Node.js does: in `node_modules` of the folder, then of each folder above, through links. */
function resolver(folders: ReadonlySet<string>, links: ReadonlyMap<string, string>): Resolve {
  return (from, name) => {
    for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))) {
      if (!folder.endsWith('node_modules')) {
        const path = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`
        const place = links.get(path) ?? path
        if (folders.has(place)) return place
        if (links.has(path)) return undefined
      }
      if (folder === '') return undefined
    }
  }
}

/** Nothing is installed: what the lockfile names, each package known only as declared. */
function declaredTree(locked: ReadonlyMap<string, LockedPath>): InstalledTree {
  const entries = [...locked].filter(([path, { entry }]) => path !== '' && !entry.isLink && entry.version !== '')
  const folders = new Set(entries.map(([path]) => path))
  const links = new Map(
    [...locked].flatMap(([path, { entry }]) => (entry.isLink && entry.source ? [[path, entry.source]] : [])),
  )
  const resolve = resolver(folders, links)
  const namesOf = (path: string, { dependencies }: LockEntry) =>
    dependencies.flatMap((name) => resolve(path, name) ?? [])
  const root = locked.get('')
  return {
    components: entries.map(([path, { entry }]) => ({
      id: path,
      folder: path,
      name: entry.name || path,
      version: entry.version,
      isDeclaredOnly: true,
      candidates: [wantedOf(entry)],
      files: [],
      dependencies: [...new Set(namesOf(path, entry))],
    })),
    rootDependencies: root === undefined ? [] : [...new Set(namesOf('', root.entry))],
    ownFiles: [],
    gaps: [
      { code: 'gap.declared-only', path: '', detail: 'a lockfile names packages, and nothing shows what is installed' },
    ],
  }
}
