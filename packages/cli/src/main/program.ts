import { readFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import { openTerminal, type Terminal } from '../output/terminal.ts'

/** Where the exit code of the command that ran is put. */
export interface Run {
  readonly signal: AbortSignal
  exit: number
  terminal?: Terminal
}

/** Commander hands over options untyped; each command's own interface says which of the ones defined here it reads. */
type Action = (terminal: Terminal, options: never, args: string[]) => Promise<number>

const instance = () =>
  new Option(
    '--instance <name>',
    'which trusted instance: host name, URL, or the first digits of its root (trust list)',
  )
const json = () => new Option('--json', 'print one JSON object for programs in place of text')

/**
 * Defines every command with its help. What a command does is loaded when it runs, so that starting one is not paying for
 * the others: `verify --offline` has a budget of 200 ms from start to exit.
 */
export function buildProgram(run: Run): Command {
  const program = new Command('countersign')
    .description('Signs software with your identity, and verifies what others signed.')
    .version(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version)
    .helpCommand(false)
    .addHelpText('after', FIRST_STEPS)
  const command = (parent: Command, usage: string, description: string, after: string, action: Action) => {
    const one = parent.command(usage).description(description).addHelpText('after', `\n${after}`).addOption(json())
    // Commander passes the arguments, then the options, then the command.
    one.action((...given: unknown[]) => start(run, action, one, given.slice(0, -2).flat() as string[]))
    return one
  }

  command(
    program,
    'login',
    'sign in at an instance, by confirming a code in a browser',
    LOGIN,
    async (terminal, options) => (await import('../commands/login.ts')).login(options, terminal),
  ).addOption(instance())
  command(program, 'logout', 'end your sign-in on this machine and at the instance', '', async (terminal, options) =>
    (await import('../commands/login.ts')).logout(options, terminal),
  ).addOption(instance())
  command(program, 'whoami', 'show who is signed in', '', async (terminal, options) =>
    (await import('../commands/login.ts')).whoami(options, terminal),
  ).addOption(instance())

  command(
    program,
    'sign [files...]',
    'sign files; each signature is logged and written beside its file',
    SIGN,
    async (terminal, options, files) => (await import('../commands/sign.ts')).sign(files, options, terminal),
  )
    .addOption(new Option('--digest <digest>', 'sign sha256:<hex> in place of a file'))
    .addOption(new Option('--bundle <file>', 'where the signature goes (default: <file>.sigstore.json)'))
    .addOption(new Option('--yes', 'you know what becomes public; do not ask'))
    .addOption(new Option('--token-file <file>', 'a build job’s identity token, in place of a sign-in'))
    .addOption(instance())

  command(
    program,
    'verify <artifact>',
    'may this be trusted? Answers yes, no or cannot tell',
    VERIFY,
    async (terminal, options, [artifact = '']) =>
      (await import('../commands/verify.ts')).verify(artifact, options, terminal),
  )
    .addOption(new Option('--bundle <file>', 'the signature (default: <artifact>.sigstore.json)'))
    .addOption(new Option('--offline', 'use only what this machine knows'))
    .addOption(new Option('--policy <file>', 'a verification policy in place of the instance’s own'))
    .addOption(new Option('--identity <subject>', 'also ask that exactly this person or workflow signed'))
    .addOption(new Option('--issuer <url>', 'also ask that exactly this issuer vouched for the signer'))
    .addOption(instance())

  const trust = program
    .command('trust')
    .description('which instances this machine trusts')
    .addHelpText('after', `\n${TRUST}`)
  command(
    trust,
    'add <ticket>',
    'trust an instance, by the ticket of its operator',
    TRUST,
    async (terminal, _options, [ticket = '']) => (await import('../commands/trust.ts')).add(ticket, terminal),
  )
  command(trust, 'list', 'list the trusted instances', '', async (terminal) =>
    (await import('../commands/trust.ts')).list(terminal),
  )
  command(
    trust,
    'show [instance]',
    'show one trusted instance, and how old its news is',
    '',
    async (terminal, _options, [which]) => (await import('../commands/trust.ts')).show(which, terminal),
  )
  command(
    trust,
    'export <folder>',
    'write the trust in an instance as files that cosign and others read',
    EXPORT,
    async (terminal, options, [folder = '']) =>
      (await import('../commands/trust.ts')).exportFiles(folder, options, terminal),
  ).addOption(instance())
  command(trust, 'remove <instance>', 'trust an instance no longer', '', async (terminal, _options, [which = '']) =>
    (await import('../commands/trust.ts')).remove(which, terminal),
  )

  const log = program.command('log').description('check the logs of an instance').addHelpText('after', `\n${LOG}`)
  command(
    log,
    'prove <bundle-or-file>',
    'prove that the log holds a signature today',
    LOG,
    async (terminal, options, [name = '']) => (await import('../commands/log.ts')).prove(name, options, terminal),
  )
    .addOption(new Option('--out <file>', 'write the proof as a C2SP tlog-proof'))
    .addOption(instance())
  command(log, 'audit', 'check that no log contradicts what this machine has seen', LOG, async (terminal, options) =>
    (await import('../commands/log.ts')).audit(options, terminal),
  )
    .addOption(new Option('--full', 'read and hash every entry again'))
    .addOption(
      new Option('--log <name>', 'only this log').choices(['artifacts', 'certificates', 'revocations', 'audit']),
    )
    .addOption(instance())

  const policy = program
    .command('policy')
    .description('check and explain verification policies')
    .addHelpText('after', `\n${POLICY}`)
  command(policy, 'check <file>', 'is this a verification policy?', POLICY, async (terminal, _options, [file = '']) =>
    (await import('../commands/policy.ts')).check(file, terminal),
  )
  command(
    policy,
    'explain <file>',
    'say in sentences what a policy asks for',
    POLICY,
    async (terminal, _options, [file = '']) => (await import('../commands/policy.ts')).explain(file, terminal),
  )
  return program
}

async function start(run: Run, action: Action, command: Command, given: string[]): Promise<void> {
  const options = command.opts<{ json?: boolean }>()
  run.terminal = openTerminal({ json: options.json === true, signal: run.signal })
  run.exit = await action(
    run.terminal,
    options as never,
    given.filter((one) => one !== undefined),
  )
}

const FIRST_STEPS = `
First steps:
  countersign trust add <ticket>      the operator of your instance prints the ticket
  countersign login                   sign in with your browser
  countersign sign pump.tar.gz        writes pump.tar.gz.sigstore.json
  countersign verify pump.tar.gz      answers yes, no or cannot tell

Every command ends with 0 done, 1 refused, 2 unavailable or cannot tell, 64 usage, 70 a defect.
`
const LOGIN = `Prints an address and a code. Open the address in any browser, also on another machine, and confirm the code.
The sign-in lasts 30 days; afterwards ask to be invited again.

Example:
  countersign login --instance sign.example.org
`
const SIGN = `Signs with a key that exists for one signature, so there is no key to keep or to lose. Before the first signature
it says what becomes public. A signature is written only after it verified.

Examples:
  countersign sign pump.tar.gz valve.tar.gz
  countersign sign --digest sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --bundle pump.sigstore.json
  tar c src | countersign sign - --bundle src.sigstore.json
`
const VERIFY = `The artifact is a file, - for standard input, or sha256:<hex>. Every check is listed with its result.
Ends with 0 for yes, 1 for no, 2 for cannot tell (for example: offline for longer than the policy allows).

Examples:
  countersign verify pump.tar.gz
  countersign verify pump.tar.gz --identity anna@example.org --issuer https://sign.example.org/oidc
  countersign verify sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --bundle pump.sigstore.json --offline
`
const TRUST = `Nothing is trusted on first sight: a ticket carries the hash of the instance's first root. Get it from the operator by a
way you trust (countersign-server ticket prints it).

Examples:
  countersign trust add countersign1.eyJ…
  countersign trust show
`
const EXPORT = `Writes trusted_root.json, signing_config.v0.2.json, verification_policy.json and device_root.pem. Copies do not renew
themselves: export again when the instance renews its trust.

Example:
  countersign trust export anchors
`
const LOG = `Everything is fetched as static files and checked here; the instance is not asked to vouch for itself.

Examples:
  countersign log prove pump.tar.gz --out pump.tlog-proof
  countersign log audit --full
`
const POLICY = `A verification policy is one JSON file that says whom to trust and what a recall does; see docs/policies.

Example:
  countersign policy explain policy.json
`
