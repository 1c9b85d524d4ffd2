import { readFileSync } from 'node:fs'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import { type Manifest, parseManifest } from '@countersign/protocol/release/manifest.ts'
import { type Catalogue, readCatalogue } from '@countersign/protocol/sbom/catalogue.ts'
import { attribute, finishedGap } from './attribute.ts'
import { DEFAULT_LIMITS, inspectorProgram } from './confinement.ts'
import { validateCycloneDx, writeCycloneDx } from './cyclonedx.ts'
import { inspectorError } from './errors.ts'
import { installedTree } from './installedTree.ts'
import type { ListedGap, Listing } from './listing.ts'
import { listPublishedPackages } from './listPublishedPackages.ts'
import { inspectorCommand, type Protection, probeProtections } from './protections.ts'
import type { PublishedPackages } from './publishedPackages.ts'
import { readListing } from './readListing.ts'
import { runConfined } from './runConfined.ts'

/** What is to be inspected. */
export interface InspectInput {
  /** A file that this process keeps others from changing. */
  readonly path: string
  /** What the file is expected to be: lower-case hex, and bytes. */
  readonly sha256: string
  readonly sizeBytes: number
  /** Without it nothing can be compared, and every package is a gap. */
  readonly published?: PublishedPackages
  /** Another program in place of the inspector's: only tests, which plant hostile ones. */
  readonly program?: string
  /** Wall clock of one pass, if other than 15 minutes. */
  readonly timeoutMs?: number
}

/** What an inspection gave. */
export interface Inspection {
  readonly catalogue: Catalogue
  /** The layers around the inspector while it worked. */
  readonly protections: readonly Protection[]
}

/** Name and version of this inspector, as they stand in every catalogue. */
export const scanner: Catalogue['scanner'] = {
  name: 'countersign-inspector',
  version: JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version,
}

/**
 * Catalogues one artifact: a restricted process lists it; this process fetches the published packages that it names; another
 * restricted process lists those; then everything is compared. An inspector that died, took too long or talked nonsense gives
 * a catalogue with the gap `gap.inspector-died`, which is never clean. Nothing of the artifact is run, and nothing is stored
 * but published packages. Throws `inspector.artifact-changed` where the file is not the
 * one that was handed over, `inspector.sbom-invalid` where its SBOM would not be valid.
 */
export async function inspect(input: InspectInput): Promise<Inspection> {
  const protections = await probeProtections()
  const listed = await list(input)
  if ('died' in listed) return { catalogue: diedCatalogue(input, listed.died), protections }
  const { listing } = listed
  if (listing.sha256 !== input.sha256 || listing.sizeBytes !== input.sizeBytes) {
    throw inspectorError('inspector.artifact-changed', `${input.path} has the digest ${listing.sha256}`)
  }
  const { manifest, gaps } = manifestOf(listing)
  const wanted = installedTree(listing, manifest).components.flatMap((one) =>
    one.isDeclaredOnly || one.source !== undefined ? [] : one.candidates,
  )
  const published = await listPublishedPackages(wanted, input.published)
  const catalogue = attribute({
    listing,
    ...(manifest !== undefined && { manifest }),
    published: published.contents,
    scanner,
    gaps: [...gaps, ...published.gaps],
  })
  const checked = readCatalogue(catalogue as unknown as JsonValue)
  await validateCycloneDx(writeCycloneDx(checked))
  return { catalogue: checked, protections }
}

async function list(input: InspectInput): Promise<{ listing: Listing } | { died: string }> {
  const { path, program = inspectorProgram, timeoutMs = DEFAULT_LIMITS.timeoutMs } = input
  const limits = { ...DEFAULT_LIMITS, timeoutMs }
  const result = await runConfined(await inspectorCommand('list', program), { path }, limits)
  if ('died' in result) return result
  try {
    const json = parseJson(result.output, { maxBytes: DEFAULT_LIMITS.outputBytes, maxDepth: 8 })
    return { listing: readListing(json) }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return { died: `its answer is not of its own form: ${error.message}` }
  }
}

function manifestOf(listing: Listing): { manifest?: Manifest; gaps: readonly ListedGap[] } {
  if (listing.manifest === undefined) return { gaps: [] }
  try {
    return { manifest: parseManifest(Uint8Array.fromBase64(listing.manifest)), gaps: [] }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return { gaps: [{ code: 'gap.manifest-malformed', path: 'countersign.json', detail: error.message }] }
  }
}

function diedCatalogue({ sha256, sizeBytes }: InspectInput, died: string): Catalogue {
  const gap = finishedGap({ code: 'gap.inspector-died', path: '', detail: `the inspector did not finish: ${died}` })
  return { v: 1, artifact: { sha256, sizeBytes }, components: [], dependencies: [], gaps: [gap], scanner }
}
