import { availableParallelism } from 'node:os'
import { type Advisory, readAdvisory } from '@countersign/protocol/osv/advisory.ts'
import { WatchIndex } from '../packages/validator/src/match/watchIndex.ts'
import type { BenchOptions, BenchResult } from './benchResult.ts'

/** Beside the usual figures, which are those of one changed advisory, difference included. */
export interface MatchBenchResult extends BenchResult {
  readonly certifications: number
  readonly coordinates: number
  /** Certifications that the widest advisory reaches. */
  readonly widest: number
  readonly buildMs: number
}

// The shape of real images (syft and trivy, 1,846 of them): 32,906 names, about 70,000 coordinates, 214 in each.
const CERTIFICATIONS = 100_000
const SHAPES = 1846
const NAMES = 32_906
const COORDINATES = 70_000
const PER_ARTIFACT = 214
const ADVISORIES = 4000
const DEFAULT_SECONDS = 3

interface Coordinate {
  readonly ecosystem: string
  readonly name: string
  readonly version: string
}

/**
 * Changes one advisory after the other against 100,000 certified SBOMs: which versions it newly affects, and every
 * certification that contains one. Packages are as popular as Zipf has it, and so are they hit by advisories. The limit is
 * what nobody can leave out: the union of the widest advisory's posting lists, as bare typed arrays.
 */
export async function run({ say, seconds = DEFAULT_SECONDS }: BenchOptions): Promise<MatchBenchResult> {
  const random = seeded(20_261_121)
  const coordinates = makeCoordinates(random)
  say(`${CERTIFICATIONS} certifications of ${SHAPES} shapes, ${PER_ARTIFACT} of ${COORDINATES} coordinates in each`)
  const startMs = performance.now()
  const index = buildIndex(coordinates, random)
  const buildMs = performance.now() - startMs
  const changes = makeChanges(random)
  say(`${changes.length} changed advisories, again and again for ${seconds} s`)
  const { timesMs, widest } = measure(index, changes, seconds)
  const rssMb = process.memoryUsage.rss() / 1_048_576
  const limitMs = bareUnionMs(widest)
  const sorted = timesMs.toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
  return {
    name: 'match',
    cores: availableParallelism(),
    perSecond: (timesMs.length / timesMs.reduce((sum, ms) => sum + ms, 0)) * 1000,
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    maxMs: at(1),
    rssMb,
    certifications: index.size,
    coordinates: COORDINATES,
    widest: new Set(widest.flatMap((list) => [...list])).size,
    buildMs,
    limit: { name: 'union of the widest advisory’s posting lists as bare typed arrays', value: limitMs, unit: 'ms' },
    ratioToLimit: at(0.99) / limitMs,
  }
}

function makeCoordinates(random: () => number): Coordinate[] {
  const coordinates: Coordinate[] = []
  for (let at = 0; at < COORDINATES; at++) {
    // Every name once, then more versions for those that are used most.
    const name = at < NAMES ? at : Math.floor(NAMES * random() ** 2)
    const version = `${Math.floor(random() * 4)}.${Math.floor(random() * 20)}.${at % 50}`
    coordinates.push({ ecosystem: name % 2 === 0 ? 'npm' : 'Go', name: `package-${name}`, version })
  }
  return coordinates
}

function buildIndex(coordinates: readonly Coordinate[], random: () => number): WatchIndex {
  const shapes = Array.from({ length: SHAPES }, () => {
    const own = new Set<number>()
    while (own.size < PER_ARTIFACT) own.add(popular(COORDINATES, random))
    return [...own].map((at) => coordinates[at] as Coordinate)
  })
  const index = new WatchIndex()
  for (let id = 0; id < CERTIFICATIONS; id++) index.add(id, shapes[id % SHAPES] ?? [])
  return index
}

/** Half are new, half replace a narrower record: then only the difference counts. */
function makeChanges(random: () => number): { id: string; before?: Advisory; after: Advisory }[] {
  return Array.from({ length: ADVISORIES }, (_, at) => {
    // The most popular package is hit for certain, so that the slowest case is among them.
    const name = at === 0 ? 0 : popular(NAMES, random)
    const record = (fixed: string) =>
      readAdvisory({
        id: `x_BENCH-${at}`,
        modified: '2026-01-01T00:00:00Z',
        affected: [
          {
            package: { ecosystem: name % 2 === 0 ? 'npm' : 'Go', name: `package-${name}` },
            ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed }] }],
          },
        ],
      })
    const after = record(at === 0 ? '9.0.0' : `${1 + Math.floor(random() * 3)}.0.0`)
    return { id: after.id, after, ...(at % 2 === 1 && { before: record('0.5.0') }) }
  })
}

function measure(index: WatchIndex, changes: ReturnType<typeof makeChanges>, seconds: number) {
  const timesMs: number[] = []
  let widest: Uint32Array[] = []
  let mostCertifications = 0
  let endMs = Number.POSITIVE_INFINITY
  // One round first, so that what is measured is a process that has been running; then whole rounds.
  for (let round = -1; round < 1 || performance.now() < endMs; round++) {
    if (round === 0) endMs = performance.now() + seconds * 1000
    for (const change of changes) {
      const startMs = performance.now()
      const reached = index.reachedBy([change])
      const certifications = index.certificationsOf(reached)
      if (round >= 0) timesMs.push(performance.now() - startMs)
      if (certifications.length <= mostCertifications) continue
      mostCertifications = certifications.length
      widest = reached.map((one) => one.certifications.slice())
    }
  }
  return { timesMs, widest }
}

/** The median of many unions, in milliseconds. */
function bareUnionMs(lists: readonly Uint32Array[]): number {
  const marks = new Uint32Array(CERTIFICATIONS)
  const found = new Uint32Array(CERTIFICATIONS)
  const timesMs = Array.from({ length: 200 }, (_, at) => {
    const startMs = performance.now()
    let count = 0
    for (const list of lists) {
      for (const id of list) {
        if (marks[id] === at + 1) continue
        marks[id] = at + 1
        found[count++] = id
      }
    }
    return performance.now() - startMs
  })
  return timesMs.sort((a, b) => a - b)[100] ?? 0
}

/** A number below `count`, the lower the more often: Zipf and Mandelbrot, so that the first is in about half of the shapes. */
function popular(count: number, random: () => number): number {
  const flat = 50
  return Math.min(count - 1, Math.floor(flat * ((count + flat) / flat) ** random()) - flat)
}

/** The same numbers in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
