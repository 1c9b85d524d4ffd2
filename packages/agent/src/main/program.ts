import { Command, InvalidArgumentError, Option } from 'commander'
import { version } from '../state/version.ts'

/** Defines the commands with their help. What a command does is loaded when it runs. */
export function buildProgram(): Command {
  const program = new Command('countersign-agent')
    .description('Runs on a device what is certified, and stops what is not.')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(add --help for an explanation)')
    .addHelpText('after', FIRST_STEPS)
  program
    .command('enrol [ticket]')
    .description('Enrol this device by a ticket: - for standard input, or --ticket-file.')
    .addOption(data())
    .option('--ticket-file <file>', 'file that holds the ticket; - for standard input')
    .option('--json', 'machine-readable')
    .addHelpText('after', ENROL)
    .action(async (ticket, options) => (await import('./enrolDevice.ts')).enrolDevice({ ...options, ticket }))
  program
    .command('run')
    .description('Run what this device is assigned, until SIGTERM.')
    .addOption(data())
    .option('--port <port>', 'what programs get as ${PORT} (default: a free one)', parsePort)
    .option('--user <user>', 'whom programs run as: a name or uid:gid (default for root: nobody)')
    .addOption(new Option('--poll <seconds>', 'how often the feed is polled').default(30).argParser(parseSeconds))
    .option('--once', 'one visit to the instance, then end; what runs goes on')
    .addHelpText('after', RUN)
    .action(async (options) => (await import('./serve.ts')).serve(options))
  program
    .command('status')
    .description('What runs here, what is assigned, how fresh the news is.')
    .addOption(data())
    .option('--json', 'machine-readable')
    .action(async (options) => (await import('./status.ts')).status(options))
  return program
}

const data = () => new Option('--data <folder>', 'the data folder of this device').makeOptionMandatory()

function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) throw new InvalidArgumentError('a port from 1 to 65535')
  return port
}

function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (!/^\d{1,5}$/.test(text) || seconds < 1) throw new InvalidArgumentError('seconds, at least 1')
  return seconds
}

const FIRST_STEPS = `
First steps:
  countersign-agent enrol --ticket-file ticket --data /var/lib/countersign-agent
  countersign-agent run --data /var/lib/countersign-agent
  countersign-agent status --data /var/lib/countersign-agent

Every command ends with 0 done, 1 refused, 2 unavailable, 64 usage, 70 a defect.`
const ENROL = `
A ticket holds a secret. Give it in a file or on standard input, never as an argument: others can read a command line.

Example:
  countersign-agent enrol --ticket-file - --data /var/lib/countersign-agent < ticket`
const RUN = `
The program runs in a control group of its own where Linux offers one. SIGTERM stops it, and then the agent.`
