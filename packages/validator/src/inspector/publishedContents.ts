import type { PublishedFile } from './listing.ts'

/** A package as it was published, or why it cannot be compared with. */
export type PublishedContent =
  | {
      readonly integrity: string
      /** By path. */
      readonly files: ReadonlyMap<string, PublishedFile>
    }
  | { readonly missing: string }

/** Published packages by `name@version`. */
export type PublishedContents = ReadonlyMap<string, PublishedContent>

/** A package that is needed to compare with. */
export interface WantedPackage {
  readonly name: string
  readonly version: string
  /** As a lockfile in the artifact names it. */
  readonly integrity?: string
}

/** The key of a package in `PublishedContents`. */
export function specOf({ name, version }: { readonly name: string; readonly version: string }): string {
  return `${name}@${version}`
}
