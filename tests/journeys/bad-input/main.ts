/**
 * `npm run test:bad-input`: what goes wrong when something wrong is put in. Prints a table: input, expected code, code, exit
 * code, and a digest of all state before and after. Needs root (a small tmpfs, a line in the table of host names) and faketime.
 */
import { once } from 'node:events'
import { withHostName } from '../../interop/hostName.ts'
import { inTemporaryFolder } from '../../support/temporaryFolder.ts'
import { artifactRows } from './artifacts.ts'
import type { BadInput } from './badInput.ts'
import { findFakeClock } from './fakeClock.ts'
import { printTable } from './printTable.ts'
import { openSetting, pauseScheduledWork, type Setting } from './setting.ts'
import { TableRunner, unexplainedSharing } from './tableRunner.ts'

const hostName = 'bad-input.countersign.test'

async function runTable(setting: Setting): Promise<TableRunner> {
  const runner = new TableRunner(setting.places)
  const runGroup = async (name: string, prepare: (setting: Setting) => Promise<readonly BadInput[]>) => {
    const rows = await prepare(setting)
    console.log(`${name}: ${rows.length} rows`)
    for (const row of rows) {
      const { input, faults } = await runner.run(row)
      for (const fault of faults) console.log(`  FAILED  ${input}: ${fault}`)
    }
  }
  await pauseScheduledWork(setting.production.instance)
  const development = await setting.development.start()
  await runGroup('artifacts and bundles', artifactRows)
  await development.stop()
  await setting.production.instance.stop()
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
