/** What a benchmark found, and the limit that the machine set in the same run. */
export interface BenchResult {
  readonly name: string
  /** Processor cores that the benchmark could use, its load generator included. */
  readonly cores: number
  /** Finished operations under full load. */
  readonly perSecond?: number
  /** Latencies as a caller sees them; each benchmark says under which load. */
  readonly p50Ms?: number
  readonly p95Ms?: number
  readonly p99Ms?: number
  readonly maxMs?: number
  /** Resident memory of the process that did the work, at the end. */
  readonly rssMb?: number
  /** The most that this machine could do of the part that cannot be left out. */
  readonly limit: { readonly name: string; readonly value: number; readonly unit: string }
  /** The figure that the budget is about, divided by `limit.value`. */
  readonly ratioToLimit: number
}

/** What every benchmark is given. */
export interface BenchOptions {
  /** The result is printed as one line of JSON; what is said goes elsewhere. */
  readonly json: boolean
  /** How long to measure; each benchmark has its own default. */
  readonly seconds?: number
  /** For benchmarks of many connections. */
  readonly devices?: number
  /** Real agents among them. */
  readonly agents?: number
  /** Tells whoever waits what is being done. */
  say(what: string): void
}
