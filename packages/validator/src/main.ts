import { readFileSync } from 'node:fs'
import { Command, CommanderError, Option } from 'commander'
import { reportFailure } from './main/reportFailure.ts'

/** Version of this program, as in its package.json. */
export const version: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version

/** Runs `countersign-validator` with these arguments (without program names). Resolves with the exit code. */
export async function main(argv: string[]): Promise<number> {
  let exitCode = 0
  const json = argv.includes('--json')
  const program = commands((code) => {
    exitCode = code
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 64
    return reportFailure(error, json)
  }
}

function commands(exit: (code: number) => void): Command {
  const program = new Command('countersign-validator')
    .description('Certifies what developers signed, and ends certifications when an advisory reaches them.')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(add --help for an explanation)')
    .addHelpText('after', FIRST_STEPS)
  addServe(program, exit)
  addStatus(program, exit)
  addAdvisories(program)
  addPolicy(program)
  addSubmissions(program)
  return program
}

const FIRST_STEPS = `
First steps:
  countersign-server validators add lab --data ./instance > lab.ticket    the instance's operator
  countersign-validator serve --data ./lab --ticket-file lab.ticket       enrols once, then certifies
  countersign-validator advisories import osv-all.zip --data ./lab        without data nothing is certified

Every command ends with 0 done, 1 refused or attention needed, 2 unavailable, 64 usage, 70 broken.`

function addServe(program: Command, exit: (code: number) => void): void {
  program
    .command('serve')
    .description('Enrol the validator in the data folder if it is new, and run it until SIGTERM.')
    .addOption(dataOption())
    .option('--ticket-file <file>', 'file with the ticket that enrols a new validator; used up by that')
    .option('--key-file <file>', 'file with the 32-byte key that encrypts the keys (default: <data>.key)')
    .option('--listen <host:port>', 'take advisories at POST /advisories on this plain socket')
    .option('--webhook-secret-file <file>', 'file with the secret that authenticates such advisories')
    .option('--allow-unprotected', 'run a production validator although nothing confines the inspector')
    .option('--json', 'one JSON object per line on standard output')
    .addOption(new Option('--supervised', 'take ticket and key from standard input').hideHelp())
    .addOption(
      new Option('--log-level <level>', 'how much to log on standard error')
        .choices(['error', 'warn', 'info', 'debug'])
        .default('info'),
    )
    .addHelpText(
      'after',
      `
Examples:
  countersign-validator serve --data ./lab --ticket-file lab.ticket
      the first time; later starts need no ticket
  countersign-validator serve --data ./lab --listen 0.0.0.0:9090 --webhook-secret-file webhook.secret
      also takes advisories at once: POST /advisories, header
      x-countersign-signature: sha256=<hex HMAC-SHA256 of the body under the secret>`,
    )
    .action(async (options) => exit(await (await import('./main/serve.ts')).serve({ ...options, version })))
}

function addStatus(program: Command, exit: (code: number) => void): void {
  program
    .command('status')
    .description('Advisory data, protections, work and what needs attention. Exits with 1 when something does.')
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options) => exit(await (await import('./main/status.ts')).status(options)))
}

function addAdvisories(program: Command): void {
  const advisories = program
    .command('advisories')
    .description('The advisories that certifications are held against (OSV).')
    .addHelpText(
      'after',
      `
Examples:
  countersign-validator advisories import ./osv --data ./lab
  countersign-validator advisories import https://osv.example.org/npm/all.zip --data ./lab
  countersign-validator advisories import http://mirror.lan/npm/all.zip --allow-plain-http --data ./lab
      a mirror in a network of your own; loopback addresses need no flag`,
    )
  advisories
    .command('import <source>')
    .description('Take over OSV records from a folder, a zip file or an https address.')
    .addOption(dataOption())
    .option(
      '--allow-plain-http',
      'take an http address of another machine, where anybody on the way can change and withhold advisories',
    )
    .addOption(jsonOption())
    .action(async (source, options) => (await import('./main/advisories.ts')).importFrom(source, options))
  for (const [name, what] of [
    ['status', 'Which advisories there are, and how new they are.'],
    ['held', 'Changes that wait for a person, because they would end much or remove much.'],
    ['sync', 'Fetch again what the addresses that were imported have changed.'],
  ] as const) {
    advisories
      .command(name)
      .description(what)
      .addOption(dataOption())
      .addOption(jsonOption())
      .action(async (options) => (await import('./main/advisories.ts'))[name](options))
  }
  for (const [name, what] of [
    ['release', 'Let a held change take effect.'],
    ['discard', 'Throw a held change away.'],
  ] as const) {
    advisories
      .command(`${name} <id>`)
      .description(what)
      .addOption(dataOption())
      .addOption(jsonOption())
      .action(async (id, options) => (await import('./main/advisories.ts')).settle(name, id, options))
  }
}

function addPolicy(program: Command): void {
  const policy = program.command('policy').description('What this validator certifies.')
  policy
    .command('show')
    .description('Print the certification policy as its exact text.')
    .addOption(dataOption())
    .action(async (options) => (await import('./main/policy.ts')).show(options))
  policy
    .command('set <file>')
    .description('Certify by another policy from now on. One that does not parse changes nothing.')
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (file, options) => (await import('./main/policy.ts')).set(file, options))
  policy
    .command('check <file>')
    .description('Is this a certification policy? Says in sentences what it asks for.')
    .addOption(jsonOption())
    .action(async (file, options) => (await import('./main/policy.ts')).check(file, options))
}

function addSubmissions(program: Command): void {
  const submissions = program.command('submissions').description('What was handed to this validator.')
  submissions
    .command('list')
    .description('The newest submissions, with verdict and decision, and what waits for yours.')
    .addOption(dataOption())
    .option('--limit <count>', 'how many', parsePositive, 50)
    .addOption(jsonOption())
    .action(async (options) => (await import('./main/submissions.ts')).list(options))
  submissions
    .command('decide <id>')
    .argument('<answer>', 'certify or refuse')
    .description('Decide where the certification policy asks. It is recorded, and the certification names it.')
    .requiredOption('--why <words>', 'the reason, at most 512 characters')
    .option('--by <name>', 'who decides (default: your user name)')
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (id, answer, options) => (await import('./main/submissions.ts')).decide(id, answer, options))
}

function dataOption(): Option {
  return new Option('--data <folder>', 'data folder of the validator')
    .env('COUNTERSIGN_VALIDATOR_DATA')
    .default('./countersign-validator')
}

function jsonOption(): Option {
  return new Option('--json', 'machine-readable')
}

function parsePositive(text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1) throw new CommanderError(64, 'usage', `not a positive number: ${text}`)
  return count
}
