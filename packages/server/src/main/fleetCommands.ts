import { type Command, Option } from 'commander'

/** What every command of this file takes from the program. */
export interface CommandParts {
  /** Makes the option that names the data folder. */
  dataOption(): Option
  /** Reads a count from 1; ends with usage where it is none. */
  parsePositive(text: string): number
  /** Sets the exit code. */
  exit(code: number): void
}

/** Adds the commands about devices, groups, releases and validators. */
export function addFleet(program: Command, parts: CommandParts): void {
  addDevices(program, parts)
  addGroups(program, parts)
  addReleases(program, parts)
  addValidators(program, parts)
}

function addDevices(program: Command, { dataOption, parsePositive, exit }: CommandParts): void {
  const devices = program.command('devices').description('What runs released software: tickets, assignments, reports.')
  devices.addHelpText('after', DEVICE_EXAMPLES)
  devices
    .command('ticket <name>')
    .description('Print a ticket with which one device enrols, once.')
    .addOption(dataOption())
    .option('--group <group>', 'group of a new device', 'default')
    .option('--valid-hours <hours>', 'how long it can be used', parsePositive, 24)
    .option('--json', 'machine-readable')
    .action(async (name, options) => (await import('./devices.ts')).ticket(name, options))
  devices
    .command('list')
    .description('The devices, what they are assigned and report. Exit code 1 when one needs attention.')
    .addOption(dataOption())
    .option('--json', 'machine-readable')
    .action(async (options) => exit(await (await import('./devices.ts')).list(options)))
  for (const [name, what] of [
    ['admit', 'Admit a device that waits, or one whose state went back and that was looked at.'],
    ['remove', 'Remove a device: its certificates count no more, at once.'],
  ] as const) {
    devices
      .command(`${name} <name>`)
      .description(what)
      .addOption(dataOption())
      .option('--json', 'machine-readable')
      .action(async (device, options) => (await import('./devices.ts'))[name](device, options))
  }
  devices
    .command('move <name> <group>')
    .description('Move a device to another group.')
    .addOption(dataOption())
    .option('--json', 'machine-readable')
    .action(async (device, group, options) => (await import('./devices.ts')).move(device, group, options))
  assignCommand(devices, 'device', dataOption)
}

function addGroups(program: Command, { dataOption }: CommandParts): void {
  const groups = program
    .command('groups')
    .description('Groups of devices. A group is there once a device or assignment names it.')
  groups.addHelpText('after', GROUP_EXAMPLES)
  assignCommand(groups, 'group', dataOption)
}

function assignCommand(parent: Command, kind: 'device' | 'group', dataOption: CommandParts['dataOption']): void {
  parent
    .command('assign <name> [product]')
    .description(`Say what a ${kind} runs; without a product, that nothing of its own is said any more.`)
    .addOption(dataOption())
    .option('--channel <channel>', 'channel of the product', 'stable')
    .option('--pin <version>', 'stay at this version in place of the newest')
    .option('--json', 'machine-readable')
    .action(async (name, product, options) => (await import('./devices.ts')).assign(kind, name, product, options))
}

function addReleases(program: Command, { dataOption }: CommandParts): void {
  const releases = program.command('releases').description('Certified artifacts as versions of a product on a channel.')
  releases.addHelpText('after', RELEASE_EXAMPLES)
  releases
    .command('publish <file-or-sha256>')
    .description('Release a certified artifact as the next one of its product’s channel.')
    .addOption(dataOption())
    .option('--channel <channel>', 'channel of the product', 'stable')
    .option('--json', 'machine-readable')
    .action(async (artifact, options) => (await import('./releases.ts')).publish(artifact, options))
  releases
    .command('list')
    .description('The releases, newest first.')
    .addOption(dataOption())
    .option('--json', 'machine-readable')
    .action(async (options) => (await import('./releases.ts')).list(options))
}

function addValidators(program: Command, { dataOption, parsePositive }: CommandParts): void {
  const validators = program.command('validators').description('Who certifies for this instance.')
  validators.addHelpText('after', VALIDATOR_EXAMPLES)
  validators
    .command('add <name>')
    .description('Let a validator enrol, and name it in the verification policy. Prints its ticket.')
    .addOption(dataOption())
    .option('--valid-hours <hours>', 'how long the ticket can be used', parsePositive, 24)
    .addOption(new Option('--same-operator', 'the operator of this instance runs it too; its certificates say so'))
    .option('--json', 'machine-readable')
    .action(async (name, options) => (await import('./validators.ts')).add(name, options))
  validators
    .command('list')
    .description('The validators of this instance.')
    .addOption(dataOption())
    .option('--json', 'machine-readable')
    .action(async (options) => (await import('./validators.ts')).list(options))
  validators
    .command('remove <name>')
    .description('Take a validator out of the verification policy. What it certified stays until it is revoked.')
    .addOption(dataOption())
    .option('--json', 'machine-readable')
    .action(async (name, options) => (await import('./validators.ts')).remove(name, options))
}

const DEVICE_EXAMPLES = `
Examples:
  countersign-server devices ticket front --data ./instance
  countersign-server devices assign side files --pin 1.0.0 --data ./instance
  countersign-server devices list --data ./instance
`
const GROUP_EXAMPLES = `
Example:
  countersign-server groups assign default files --channel stable --data ./instance
`
const RELEASE_EXAMPLES = `
Example:
  countersign-server releases publish ./files-1.1.0.tar.gz --channel stable --data ./instance
`
const VALIDATOR_EXAMPLES = `
Example:
  countersign-server validators add lab --data ./instance
`
