import { orderingError } from './errors.ts'

/** A version taken apart. Every number is decimal digits without leading zeros, because it may pass 2^53. */
export interface Semver {
  /** At least one; missing ones count as 0. Those after the third are not of SemVer, but published versions have them. */
  readonly numbers: readonly string[]
  /** Empty: a release. */
  readonly prerelease: readonly string[]
}

const MAX_LENGTH = 256
const FORM = /^v?(\d+(?:\.\d+)*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]*)?$/
const DIGITS = /^\d+$/
/** Matching compares the same few events with the same few versions again and again. */
const remembered = new Map<string, Semver>()
const MAX_REMEMBERED = 10_000

/**
 * Takes a version of SemVer 2.0.0 apart, of at most 256 characters. Beyond the standard, and as published versions need it:
 * a leading `v`, fewer or more than three numbers, leading zeros, numbers of any size. Build metadata is dropped
 * (section 10). Undefined for everything else.
 */
export function parseSemver(text: string): Semver | undefined {
  const known = remembered.get(text)
  if (known !== undefined) return known
  const parts = text.length > MAX_LENGTH ? null : FORM.exec(text)
  if (parts === null) return undefined
  const [, numbers = '', prerelease] = parts
  return {
    numbers: numbers.split('.').map(withoutZeros),
    prerelease: prerelease === undefined ? [] : prerelease.split('.'),
  }
}

/**
 * Below 0 where `a` comes before `b`, above 0 where it comes after, 0 where they rank the same (SemVer 2.0.0, 11): `1.2` is
 * `1.2.0`, `v1.2.3` is `1.2.3`, a fourth number counts like the first three, build metadata does not count.
 * A total order over everything that `parseSemver` reads. Throws `ordering.not-a-version` for anything else.
 */
export function compareSemver(a: string, b: string): number {
  return compareParsed(parsed(a), parsed(b))
}

/** As `compareSemver`, for versions that are taken apart already. */
export function compareParsed(a: Semver, b: Semver): number {
  return compareAllNumbers(a.numbers, b.numbers) || comparePrereleases(a.prerelease, b.prerelease)
}

function parsed(text: string): Semver {
  const known = remembered.get(text)
  if (known !== undefined) return known
  const version = parseSemver(text)
  if (version !== undefined) {
    if (remembered.size >= MAX_REMEMBERED) remembered.clear()
    remembered.set(text, version)
    return version
  }
  throw orderingError('ordering.not-a-version', `${JSON.stringify(text.slice(0, 80))} is not a SemVer version`)
}

function compareAllNumbers(a: readonly string[], b: readonly string[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const order = compareNumbers(a[at] ?? '0', b[at] ?? '0')
    if (order !== 0) return order
  }
  return 0
}

function comparePrereleases(a: readonly string[], b: readonly string[]): number {
  // 11.3: a release comes after its pre-releases.
  if (a.length === 0 || b.length === 0) return b.length - a.length
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const order = compareIdentifiers(a[at] ?? '', b[at] ?? '')
    if (order !== 0) return order
  }
  // 11.4.4: more identifiers come after fewer.
  return a.length - b.length
}

function compareIdentifiers(a: string, b: string): number {
  const areNumbers = [DIGITS.test(a), DIGITS.test(b)]
  // 11.4.1 to 11.4.3: numbers by value, and before words; words by their ASCII.
  if (areNumbers[0] && areNumbers[1]) return compareNumbers(withoutZeros(a), withoutZeros(b))
  if (areNumbers[0] !== areNumbers[1]) return areNumbers[0] ? -1 : 1
  return compareTexts(a, b)
}

function compareNumbers(a: string, b: string): number {
  return a.length - b.length || compareTexts(a, b)
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function withoutZeros(digits: string): string {
  return digits.replace(/^0+(?=\d)/, '')
}
