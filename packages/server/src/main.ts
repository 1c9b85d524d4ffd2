import { readFileSync } from 'node:fs'
import { Command, CommanderError, Option } from 'commander'
import { addFleet } from './main/fleetCommands.ts'
import { reportFailure } from './main/reportFailure.ts'

/** Version of this program, as in its package.json. */
export const version: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version

/** Runs `countersign-server` with these arguments (without program names). Resolves with the exit code. */
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
  const program = new Command('countersign-server')
    .description('Certificates, timestamps, transparency logs and trust for signed code, in one server.')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(add --help for an explanation)')
    .addHelpText('after', FIRST_STEPS)
  addServe(program, exit)
  addStatus(program, exit)
  addPeople(program)
  addIssuers(program)
  addTickets(program)
  addPolicy(program)
  addFleet(program, { dataOption, parsePositive, exit })
  addApprovers(program)
  addRevocations(program)
  addJobs(program)
  addAudit(program)
  addRoot(program)
  return program
}

const FIRST_STEPS = `
First steps:
  countersign-server serve --data ./instance                     create an instance on localhost and run it
  countersign-server ticket --data ./instance                    what \`countersign trust add\` takes on other machines
  countersign-server people invite me@example.org --data ./instance

Every command ends with 0 done, 1 refused or attention needed, 2 unavailable, 64 usage, 70 broken.`

function addServe(program: Command, exit: (code: number) => void): void {
  program
    .command('serve')
    .description('Create the instance in the data folder if there is none, and run it until SIGTERM.')
    .addOption(dataOption())
    .option('--public-url <url>', 'https address under which everybody reaches this instance; permanent')
    .option(
      '--public-http-url <url>',
      'plain http address for tiles, CRLs and TUF; permanent (default: same host, port 80)',
    )
    .option('--environment <name>', 'development or production; permanent')
    .option('--port <port>', 'port of an instance on localhost (default: 8443)', parsePort)
    .option('--http-port <port>', 'plain port of an instance on localhost (default: 8080)', parsePort)
    .option(
      '--listen <host:port>',
      'socket behind the public URL (default: all interfaces, its port; localhost: loopback)',
    )
    .option('--listen-http <host:port>', 'socket behind the plain URL')
    .option('--tls-cert <file>', 'PEM certificate chain of your own instead of one by the device root')
    .option('--tls-key <file>', 'PEM private key of --tls-cert')
    .option('--key-file <file>', 'file with the 32-byte key that encrypts the online keys; outside the data folder')
    .option('--root-passphrase-file <file>', 'file with the passphrase of the root keys; read only at creation')
    .option('--first-person <email>', 'who gets the first invitation when the instance is created')
    .option('--allow-unprotected', 'run the validator in production although nothing confines its inspector')
    .option('--no-validator', 'run no validator beside it; the first policy of a new instance then asks for none')
    .option('--yes', 'create without asking')
    .option('--json', 'one JSON object per line on standard output')
    .addOption(
      new Option('--log-level <level>', 'how much to log on standard error')
        .choices(['error', 'warn', 'info', 'debug'])
        .default('info'),
    )
    .addHelpText(
      'after',
      `
Examples:
  countersign-server serve --data ./instance
      a development instance on https://localhost:8443
  countersign-server serve --data /var/lib/countersign --public-url https://sign.example.org
      a production instance; shows what becomes permanent, then asks`,
    )
    .action(async (options) => exit(await (await import('./main/serve.ts')).serve({ ...options, version })))
}

function addStatus(program: Command, exit: (code: number) => void): void {
  program
    .command('status')
    .description('Addresses, expiries, disk, logs, clock and protections. Exits with 1 when something needs attention.')
    .addOption(dataOption())
    .option('--json', 'machine-readable')
    .action(async (options) => exit(await (await import('./main/status.ts')).status(options)))
}

function addPeople(program: Command): void {
  const people = program.command('people').description('Who can sign in at the embedded issuer.')
  people
    .command('invite <email>')
    .description('Print a link and a code that open a browser session, once within an hour.')
    .addOption(dataOption())
    .option('--json', 'machine-readable')
    .action(async (email, options) => (await import('./main/people.ts')).invite(email, options))
  people
    .command('list')
    .description('Everyone who can sign in.')
    .addOption(dataOption())
    .option('--json', 'machine-readable')
    .action(async (options) => (await import('./main/people.ts')).list(options))
  people
    .command('remove <email>')
    .description('End every session, grant and refresh token of a person at once. What was signed stays signed.')
    .addOption(dataOption())
    .option('--json', 'machine-readable')
    .action(async (email, options) => (await import('./main/people.ts')).remove(email, options))
}

function addIssuers(program: Command): void {
  const issuers = program.command('issuers').description('OpenID Connect issuers whose tokens are taken.')
  issuers
    .command('list')
    .description('The issuers whose tokens are taken.')
    .addOption(dataOption())
    .option('--json', 'machine-readable')
    .action(async (options) => (await import('./main/issuers.ts')).list(options))
  issuers
    .command('add <url>')
    .description('Take tokens of an outside issuer. From then on it says who may sign here.')
    .addOption(dataOption())
    .addOption(
      new Option('--kind <kind>', 'what its tokens say').choices(['email', 'github-workflow']).default('email'),
    )
    .option('--audience <audience>', 'what its tokens must name in `aud`', 'sigstore')
    .option('--json', 'machine-readable')
    .action(async (url, options) => (await import('./main/issuers.ts')).add(url, options))
  issuers
    .command('remove <url>')
    .description('Stop taking tokens of an outside issuer at once.')
    .addOption(dataOption())
    .option('--json', 'machine-readable')
    .action(async (url, options) => (await import('./main/issuers.ts')).remove(url, options))
}

function addTickets(program: Command): void {
  program
    .command('ticket')
    .description('Print a ticket: the string that carries first trust in this instance to another machine.')
    .addOption(dataOption())
    .option('--valid-hours <hours>', 'how long it can be used', parsePositive, 168)
    .option('--json', 'machine-readable')
    .action(async (options) => (await import('./main/ticket.ts')).ticket(options))
}

function addPolicy(program: Command): void {
  const policy = program.command('policy').description('The verification policy that this instance distributes.')
  policy
    .command('show')
    .description('Print it as its exact text.')
    .addOption(dataOption())
    .action(async (options) => (await import('./main/policy.ts')).show(options))
  policy
    .command('set <file>')
    .description('Distribute another one as a new TUF version. One that does not parse changes nothing.')
    .addOption(dataOption())
    .option('--json', 'machine-readable')
    .action(async (file, options) => (await import('./main/policy.ts')).set(file, options))
}

function addApprovers(program: Command): void {
  program
    .command('approvers')
    .description('Who may end trust by hand; their keys are made with `countersign approver create`.')
    .command('add <name> <public-key-file>')
    .description('Take an approver’s public key into the verification policy.')
    .addOption(dataOption())
    .addOption(
      new Option('--scopes <scopes>', 'what this key may end, with commas between')
        .argParser(parseScopes)
        .default([...approverScopes]),
    )
    .option('--json', 'machine-readable')
    .addHelpText(
      'after',
      `
Examples:
  countersign-server approvers add anna anna.approver.pub.pem
  countersign-server approvers add bert bert.approver.pub.pem --scopes certifications,digest`,
    )
    .action(async (name, file, options) => (await import('./main/approvers.ts')).add(name, file, options))
}

function addRevocations(program: Command): void {
  program
    .command('revocations')
    .description('Requests to end trust.')
    .command('list')
    .description('What waits for approvers, newest first.')
    .addOption(dataOption())
    .option('--all', 'the finished ones too')
    .option('--json', 'machine-readable')
    .action(async (options) => (await import('./main/revocations.ts')).list(options))
}

function addJobs(program: Command): void {
  const jobs = program.command('jobs').description('Scheduled work: renewals, heartbeats, repairs.')
  for (const [name, what] of [
    ['list', 'What runs, when it ran last and next.'],
    ['pause', 'Pause scheduled work, for maintenance.'],
    ['resume', 'Start scheduled work again.'],
  ] as const) {
    jobs
      .command(name)
      .description(what)
      .addOption(dataOption())
      .option('--json', 'machine-readable')
      .action(async (options) => (await import('./main/jobs.ts')).jobs({ do: name }, options))
  }
  jobs
    .command('run <job>')
    .description('Run one job now.')
    .addOption(dataOption())
    .option('--json', 'machine-readable')
    .action(async (job, options) => (await import('./main/jobs.ts')).jobs({ do: 'run', job }, options))
}

function addAudit(program: Command): void {
  program
    .command('audit')
    .description('The audit trail with its values, newest first, for auditors.')
    .addOption(dataOption())
    .option('--kind <kind>', 'only entries of this kind')
    .option('--limit <count>', 'how many', parsePositive, 50)
    .option('--json', 'machine-readable')
    .action(async (options) => (await import('./main/audit.ts')).audit(options))
}

function addRoot(program: Command): void {
  program
    .command('root')
    .description('What needs the root keys.')
    .command('renew')
    .description(
      'Sign the TUF root and the roots’ revocation lists again. Asks for the passphrase; each use is audited first.',
    )
    .addOption(dataOption())
    .option('--root-passphrase-file <file>', 'file with the passphrase of the root keys')
    .option('--new-key', 'also replace the TUF root key')
    .option('--json', 'machine-readable')
    .action(async (options) => (await import('./main/rootRenew.ts')).rootRenew(options))
}

function dataOption(): Option {
  return new Option('--data <folder>', 'data folder of the instance')
    .env('COUNTERSIGN_DATA')
    .default('./countersign-data')
}

/** What an approver may end trust in, as the verification policy names it. */
const approverScopes = ['certifications', 'digest', 'certificate', 'identity']

function parseScopes(text: string): string[] {
  const scopes = text.split(',')
  const unknown = scopes.find((scope) => !approverScopes.includes(scope))
  if (unknown !== undefined) throw new CommanderError(64, 'usage', `not a scope: ${unknown}`)
  return scopes
}

function parsePort(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new CommanderError(64, 'usage', `not a port: ${text}`)
  return port
}

function parsePositive(text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1) throw new CommanderError(64, 'usage', `not a positive number: ${text}`)
  return count
}
