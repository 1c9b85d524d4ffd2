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
    // So that `submit --version` is the artifact's.
    .enablePositionalOptions()
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
    .addOption(
      new Option(
        '--certification <file>',
        'a certification of it, repeatable (default: the files beside it, and too few are asked for)',
      ).argParser((file: string, before: string[] | undefined) => [...(before ?? []), file]),
    )
    .addOption(new Option('--offline', 'use only what this machine knows'))
    .addOption(new Option('--policy <file>', 'a verification policy in place of the instance’s own'))
    .addOption(new Option('--identity <subject>', 'also ask that exactly this person or workflow signed'))
    .addOption(new Option('--issuer <url>', 'also ask that exactly this issuer vouched for the signer'))
    .addOption(instance())

  command(
    program,
    'revoke [file]',
    'ask for trust to end, approve it, or see how far it would reach',
    REVOKE,
    async (terminal, options: { approve?: string }, [file]) =>
      options.approve === undefined
        ? (await import('../commands/revoke.ts')).revoke(file, options as never, terminal)
        : (await import('../commands/approve.ts')).approve(options as never, terminal),
  )
    .addOption(new Option('--certification <numbers>', 'certifications by number: 12, or 3,5,8-20'))
    .addOption(new Option('--authority <key id>', 'issuing authority of these numbers (default: the present one)'))
    .addOption(new Option('--digest <digest>', 'sha256:<hex>: every certification of these bytes so far'))
    .addOption(new Option('--blocked', 'malware: later certifications of these bytes end too'))
    .addOption(new Option('--reason <words>', 'why, for everybody to read, for ever'))
    .addOption(
      new Option('--advisory <id>', 'an advisory that led to it, repeatable').argParser(
        (id: string, before: string[] | undefined) => [...(before ?? []), id],
      ),
    )
    .addOption(
      new Option('--severity <word>', 'how bad it is')
        .choices(['low', 'medium', 'high', 'critical', 'unknown'])
        .default('unknown'),
    )
    .addOption(
      new Option('--action <word>', 'what you advise for code that runs; each device’s policy decides')
        .choices(['stop', 'goBack', 'mitigate', 'inform'])
        .default('goBack'),
    )
    .addOption(new Option('--replacement <words>', 'what to use instead'))
    .addOption(new Option('--dry-run', 'only tell how far it would reach'))
    .addOption(new Option('--list', 'show the requests that wait for approvers'))
    .addOption(new Option('--all', 'with --list: the finished ones too'))
    .addOption(new Option('--approve <request>', 'sign a request with your approver key'))
    .addOption(new Option('--key <file>', 'with --approve: your private key'))
    .addOption(new Option('--passphrase-file <file>', 'with --approve: a file with its passphrase'))
    .addOption(new Option('--yes', 'with --approve: do not ask'))
    .addOption(new Option('--token-file <file>', 'a build job’s identity token, in place of a sign-in'))
    .addOption(instance())

  const approver = program
    .command('approver')
    .description('keys of those who may end trust')
    .addHelpText('after', `\n${APPROVER}`)
  command(
    approver,
    'create <name>',
    'make an approver’s key on this machine',
    APPROVER,
    async (terminal, options, [name = '']) => (await import('../commands/approver.ts')).create(name, options, terminal),
  )
    .addOption(new Option('--out <file>', 'where the private key goes (default: <name>.approver.pem)'))
    .addOption(new Option('--passphrase-file <file>', 'a file with the passphrase, in place of typing it'))

  command(
    program,
    'run <artifact> [arguments...]',
    'verify an artifact, run it here, and stop it when trust in it ends',
    RUN,
    async (terminal, options, given) => (await import('../commands/run.ts')).run(given, options, terminal),
  )
    .addOption(new Option('--bundle <file>', 'the signature (default: <artifact>.sigstore.json)'))
    .addOption(new Option('--certification <file...>', 'certifications (default: the instance is asked)'))
    .addOption(new Option('--port <port>', 'what the program gets as ${PORT} (default: a free one)'))
    .addOption(new Option('--user <user>', 'whom it runs as: a name or uid:gid (default for root: nobody)'))
    .addOption(instance())

  command(
    program,
    'submit <artifact>',
    'hand a signed artifact to validators for certification',
    SUBMIT,
    async (terminal, options, [artifact = '']) =>
      (await import('../commands/submit.ts')).submit(artifact, options, terminal),
  )
    .addOption(new Option('--bundle <file>', 'the signature (default: <artifact>.sigstore.json)'))
    .addOption(new Option('--product <name>', 'what it is, where it holds no countersign.json'))
    .addOption(new Option('--version <version>', 'which version it is, likewise'))
    .addOption(new Option('--validator <names...>', 'only these validators (default: those of the policy)'))
    .addOption(new Option('--wait', 'follow it to its end, and write the certification beside the artifact'))
    .addOption(new Option('--timeout <minutes>', 'how long to wait').default('30'))
    .addOption(new Option('--token-file <file>', 'a build job’s identity token, in place of a sign-in'))
    .addOption(instance())
  command(
    program,
    'affected <advisory>',
    'which artifacts, certifications and devices an advisory reaches',
    AFFECTED,
    async (terminal, options, [advisory = '']) =>
      (await import('../commands/affected.ts')).affected(advisory, options, terminal),
  )
    .addOption(new Option('--token-file <file>', 'a build job’s identity token, in place of a sign-in'))
    .addOption(instance())
  command(
    program,
    'watch [artifacts...]',
    'print what ends trust, as it comes',
    WATCH,
    async (terminal, options, artifacts) => (await import('../commands/watch.ts')).watch(artifacts, options, terminal),
  ).addOption(instance())

  command(
    program,
    'scan <artifact>',
    'what is in it, and what is known about that? Certifies nothing',
    SCAN,
    async (terminal, options, [artifact = '']) =>
      (await import('../commands/scan.ts')).scan(artifact, options, terminal),
  )
    .addOption(new Option('--offline', 'use only the packages and advisory data of this machine'))
    .addOption(new Option('--advisories <source>', 'import advisories first: a folder, zip file or address (OSV)'))
    .addOption(new Option('--sbom <file>', 'also write the SBOM (CycloneDX 1.6)'))

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
const REVOKE = `Nothing ends when you ask: a request waits for as many approvers as the verification policy names, and
each signs the same bytes with a key that the server does not hold. Once logged, a revocation is never taken out again.

Examples:
  countersign revoke --certification 12 --reason 'wrong build' --dry-run
  countersign revoke pump.tar.gz.certification.sigstore.json --reason 'CVE-2024-0001' --advisory GHSA-jchw-25xp-jwwc
  countersign revoke --digest sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --blocked --reason malware
  countersign revoke --list
  countersign revoke --approve 5f2b6c0e9a7d4b1f8c3e2d1a0b9f8e7d --key anna.approver.pem
`
const APPROVER = `The private key stays in a file on this machine, under a passphrase. Only its public half goes to the operator.

Example:
  countersign approver create anna
`
const RUN = `The artifact is a .tar.gz with countersign.json at its root. Nothing runs that \`verify\` would not answer yes to. Signals are
passed on, standard input is closed, and arguments behind -- go to the program.
Ends as the program ended (128 and the number of a signal); with 1 where it may not run or was recalled, 2 for cannot tell.

Examples:
  countersign run pump.tar.gz --port 8080
  countersign run pump.tar.gz --certification pump.certification.json -- --verbose
`
const SUBMIT = `Uploads the artifact and its signature. A validator verifies the signature, catalogues what is inside, matches it against
its advisories and decides by its certification policy.
With --wait it ends with 0 for certified, 1 for refused, 2 for failed or when the time is over, and writes
<artifact>.certification.sigstore.json, .sbom.sigstore.json and .findings.sigstore.json after verifying them; where several
validators certify, the name of each stands before these endings.

Examples:
  countersign submit pump.tar.gz --wait
  countersign submit pump.bin --product pump --version 1.4.0 --validator lab --wait --json
`

const AFFECTED = `Takes the id of an advisory or one of its aliases. Shows the path from the artifact to the component.

Examples:
  countersign affected CVE-2023-26159
  countersign affected GHSA-jchw-25xp-jwwc --json
`

const WATCH = `Follows the revocation log until Ctrl-C; every record is verified. With artifacts, only what ends them or their
certifications, also what ended before. With --json one object a line.

Examples:
  countersign watch
  countersign watch pump.tar.gz valve.tar.gz
`

const SCAN = `Gives the verdict that a validator with the same advisory data would give. The artifact is read by a confined process
and never run. Imported advisories are remembered. Ends with 0 for clean, 1 for affected, 2 for incomplete.

Examples:
  countersign scan pump.tar.gz --advisories https://example.org/osv/npm/all.zip
  countersign scan pump.tar.gz --offline --sbom pump.cdx.json
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
