import { compareSemver, parseSemver } from './semver.ts'

/** How the versions of an ecosystem follow each other. */
export interface Ordering {
  /** Below 0: `a` is older. A total order over what `isVersion` accepts. Throws `ordering.not-a-version` for the rest. */
  compare(a: string, b: string): number
  /** True for a text that has a place in the order. */
  isVersion(text: string): boolean
}

/** SemVer 2.0.0, as `parseSemver` reads it. */
export const semverOrdering: Ordering = {
  compare: compareSemver,
  isVersion: (text) => parseSemver(text) !== undefined,
}

const semverEcosystems: ReadonlySet<string> = new Set([
  'npm',
  'crates.io',
  'Go',
  'Hex',
  'SwiftURL',
  'Julia',
  'ConanCenter',
  'Bitnami',
  'Docker Hardened Images',
  'GHC',
  'Bioconductor',
])

/**
 * The order of an ecosystem by its OSV name, with or without a suffix (`AlmaLinux:8`); undefined where this program has
 * none, and then no range of that ecosystem can be evaluated.
 */
export function orderingOf(ecosystem: string): Ordering | undefined {
  return semverEcosystems.has(ecosystem.split(':')[0] ?? '') ? semverOrdering : undefined
}
