import { parseArgs } from 'node:util'

/** The caller's own replay: a package that is started, a dependency of it with a finding, and the advisory that says so. */
export interface OwnProduct {
  /** `name@version` of the package. */
  readonly package: string
  /** Its command and arguments, as words; `${PORT}` is the port to answer on. */
  readonly start: readonly string[]
  /** `name@version` of the dependency as 1.1.0 has it. */
  readonly pin: string
  /** `name@version` of the same dependency as 1.2.0 has it. */
  readonly fixed: string
  /** An OSV record in a file: it must reach `pin` and spare `fixed`. */
  readonly advisory: string
}

/** What `npm run demo` was asked for. */
export interface DemoOptions {
  /** Ends with one JSON object in place of the story. */
  readonly json: boolean
  /** Leaves everything running. */
  readonly keep: boolean
  /** Absent: the replay of January 2024. */
  readonly own?: OwnProduct
}

/** Shown by `--help` and after a mistake. */
export const DEMO_USAGE = `npm run demo -- [--json] [--keep]
                [--package <name@version> --start '<bin> <arguments with \${PORT}>'
                 --pin <dependency@version> --fixed <dependency@version> --advisory <osv.json>]

Signs, certifies, releases, runs and recalls one product on two devices, on this machine only.
  --json      ends with one object for programs
  --keep      leaves everything running; then: npm run demo:check
  --package … does the same with a package and an advisory of your choice`

/** Reads the arguments. Throws a `TypeError` that says what is missing. */
export function readOptions(given: readonly string[]): DemoOptions {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({
    args: [...given],
    options: { json: flag, keep: flag, package: text, start: text, pin: text, fixed: text, advisory: text },
  })
  const { json, keep, package: name, start, pin, fixed, advisory } = values
  const own = [name, start, pin, fixed, advisory]
  if (own.every((value) => value === undefined)) return { json, keep }
  if (!name || !start || !pin || !fixed || !advisory) {
    throw new TypeError('--package, --start, --pin, --fixed and --advisory come together')
  }
  for (const one of [name, pin, fixed]) splitSpec(one)
  return { json, keep, own: { package: name, start: start.split(/\s+/), pin, fixed, advisory } }
}

/** `name@version`, the name perhaps with a scope, as npm writes it. */
export function splitSpec(spec: string): { name: string; version: string } {
  const match = /^(?<name>(?:@[a-z0-9._~-]+\/)?[a-z0-9._~-]+)@(?<version>[0-9A-Za-z.+-]+)$/.exec(spec)
  const { name, version } = match?.groups ?? {}
  if (name === undefined || version === undefined) throw new TypeError(`"${spec}" is not name@version`)
  return { name, version }
}
