/** What came of one attempt: the codes that were named, one after the other, and the exit code or HTTP status. */
export interface Outcome {
  readonly code: string
  readonly exitCode: number | null
}

/**
 * How a refusal is on record in the audit log of the instance that refused:
 * - `counted`: the caller is unknown, so it is one more of its code and minute;
 * - `entry`: the caller is known, so it is one `refusal` entry with the code;
 * - `nothing`: no server refused, because none was asked or none runs, or because the caller did nothing wrong;
 * - `{ kinds }`: these entries instead, because a key was used before the deed failed.
 */
export type Recorded = 'counted' | 'entry' | 'nothing' | { readonly kinds: readonly string[] }

/** One row of the table: something wrong that is put in, and what has to come of it. Why rows share a code: `whyShared`. */
export interface BadInput {
  readonly input: string
  /** Of `verify` the codes of all checks that fail, in the order of the checks. */
  readonly expectedCode: string
  /** The exit code of a command, or the HTTP status of an answer. */
  readonly expectedExit: number
  readonly recorded: Recorded
  /** Names of state that keep the record of what was put in, or that the refusal itself has to change; none where absent. */
  readonly mayChange?: RegExp
  run(): Promise<Outcome>
}

/** Makes rows of one kind: all that differs is what is put in and what has to come of it. */
export function rowMaker<Put extends readonly unknown[]>(
  recorded: Recorded,
  run: (...put: Put) => Promise<Outcome>,
): (input: string, expectedCode: string, expectedExit: number, ...put: Put) => BadInput {
  return (input, expectedCode, expectedExit, ...put) => ({
    input,
    expectedCode,
    expectedExit,
    recorded,
    run: () => run(...put),
  })
}

/**
 * Every code that a program printed, in order and each once: of an error, of failed checks, of logs that failed.
 * What is not JSON is skipped: commands also talk to people.
 */
export function codesIn(output: string): string {
  const found = new Set<string>()
  const collect = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    if ('code' in value && typeof value.code === 'string') found.add(value.code)
    for (const inner of Object.values(value)) collect(inner)
  }
  for (const line of output.split('\n')) if (line.startsWith('{')) collect(JSON.parse(line))
  return [...found].join(' ') || 'none'
}
