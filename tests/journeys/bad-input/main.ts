/**
 * `npm run test:bad-input`: what goes wrong when something wrong is put in. Prints a table: input, expected code, code, exit
 * code, and a digest of all state before and after. Needs root (a small tmpfs, a line in the table of host names) and faketime.
 */
import { once } from 'node:events'
import { withHostName } from '../../interop/hostName.ts'
import { inTemporaryFolder } from '../../support/temporaryFolder.ts'
import { firstTrustRows, renewedTrustRows, ticketRows } from './anchors.ts'
import { artifactRows } from './artifacts.ts'
import type { BadInput } from './badInput.ts'
import { clientClockRows, serverClockRows } from './clocks.ts'
import { openSmallDisk } from './disk.ts'
import { entryRows } from './entries.ts'
import { findFakeClock } from './fakeClock.ts'
import { logRows } from './logs.ts'
import { peopleRows } from './people.ts'
import { policyRows } from './policies.ts'
import { printTable } from './printTable.ts'
import { newFolderRows, runningServerRows, stoppedServerRows, usageRows } from './servers.ts'
import { openSetting, pauseScheduledWork, type Setting } from './setting.ts'
import { TableRunner, unexplainedSharing } from './tableRunner.ts'
import { tokenRows } from './tokens.ts'

const hostName = 'bad-input.countersign.test'

async function runTable(setting: Setting): Promise<TableRunner> {
  const { production } = setting
  const runner = new TableRunner(setting.places)
  const runGroup = async (name: string, prepare: (setting: Setting) => Promise<readonly BadInput[]>) => {
    const rows = await prepare(setting)
    console.log(`${name}: ${rows.length} rows`)
    for (const row of rows) {
      const { input, faults } = await runner.run(row)
      for (const fault of faults) console.log(`  FAILED  ${input}: ${fault}`)
    }
  }
  await pauseScheduledWork(production.instance)
  await runGroup('starts of a stopped server', stoppedServerRows)
  await runGroup('starts on new folders', newFolderRows)
  const development = await setting.development.start()
  await runGroup('artifacts and bundles', artifactRows)
  await runGroup('identity tokens', tokenRows)
  await runGroup('log entries', entryRows)
  await runGroup('logs', logRows)
  await runGroup('tickets', ticketRows)
  await runGroup('first trust', firstTrustRows)
  await runGroup('renewed trust', renewedTrustRows)
  await runGroup('policies', policyRows)
  await runGroup('people', peopleRows)
  await runGroup('running servers', runningServerRows)
  await runGroup('usage', usageRows)
  await runGroup('client clock', clientClockRows)
  const disk = await openSmallDisk(setting)
  await runGroup('full disk', disk.full)
  await runGroup('disk with space again', disk.withSpaceAgain)
  await disk.stop()
  await development.stop()
  await production.instance.stop()
  await runGroup('server clock', serverClockRows)
  return runner
}

function report(runner: TableRunner): boolean {
  printTable(runner.results)
  const faults = [...runner.faultsOfCounts(), ...unexplainedSharing(runner.results)]
  for (const fault of faults) console.log(`FAILED  ${fault}`)
  const failed = runner.results.filter(({ faults }) => faults.length > 0).length
  console.log(`${runner.results.length - failed} passed, ${failed} failed`)
  return failed === 0 && faults.length === 0
}

/** Rejects when somebody wants this process to end, so that everything is cleaned up first. */
async function interruption(): Promise<never> {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  await Promise.race(signals.map((signal) => once(process, signal)))
  throw new Error('interrupted')
}

if (process.getuid?.() !== 0) throw new Error('needs root: it mounts a tmpfs and adds a host name')
const fakeClock = await findFakeClock()
const interrupted = interruption()
interrupted.catch(() => {})
const passed = await inTemporaryFolder('countersign-bad-input-', (folder) =>
  withHostName(hostName, async (name) => {
    await using ending = new AsyncDisposableStack()
    const work = openSetting(folder, { hostName: name, fakeClock, ending }).then(runTable)
    return report(await Promise.race([work, interrupted]))
  }),
)
process.exit(passed ? 0 : 1)
