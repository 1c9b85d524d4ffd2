/**
 * `npm run bench -- <name> [--seconds <n>] [--devices <n>] [--agents <n>] [--json]`: runs one benchmark. It says what it does while it runs; with `--json`
 * the last line of standard output is one object, and everything that is said goes to standard error.
 */
import { parseArgs } from 'node:util'
import type { BenchOptions, BenchResult } from './benchResult.ts'

type Bench = () => Promise<{ run(options: BenchOptions): Promise<BenchResult> }>

const benches: Readonly<Record<string, Bench>> = {
  log: () => import('./log.ts'),
  timestamp: () => import('./timestamp.ts'),
  issue: () => import('./issue.ts'),
  verify: () => import('./verify.ts'),
  match: () => import('./match.ts'),
  recall: () => import('./recall.ts'),
}

function usage(): never {
  console.error(
    `usage: npm run bench -- ${Object.keys(benches).join('|')} [--seconds <n>] [--devices <n>] [--agents <n>] [--json]`,
  )
  process.exit(64)
}

type Arguments = Omit<BenchOptions, 'say'> & { readonly name: string }

function readArguments(): Arguments {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        seconds: { type: 'string' },
        devices: { type: 'string' },
        agents: { type: 'string' },
      },
    })
    if (positionals.length !== 1) usage()
    const numbers = Object.entries(values).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, Number(value)] as const] : [],
    )
    if (numbers.some(([name, value]) => !(value > 0) || (name !== 'seconds' && !Number.isInteger(value)))) usage()
    return { name: positionals[0] ?? '', json: values.json, ...Object.fromEntries(numbers) }
  } catch {
    usage()
  }
}

/** The result for people: every figure with its name, then the limit it is compared with. */
function describe(result: BenchResult): string {
  const { name, cores, limit, ratioToLimit, ...figures } = result
  const lines = Object.entries(figures).map(([figure, value]) => `  ${figure.padEnd(12)} ${value}`)
  const compared = `  ${'limit'.padEnd(12)} ${limit.value} ${limit.unit} (${limit.name}); ratio ${ratioToLimit}`
  return [`${name} on ${cores} cores`, ...lines, compared].join('\n')
}

const { name, ...options } = readArguments()
const load = benches[name]
if (load === undefined) usage()
const { run } = await load()
const say = (what: string) => (options.json ? console.error(what) : console.log(what))
const result = await run({ ...options, say })
console.log(options.json ? JSON.stringify(result) : describe(result))
