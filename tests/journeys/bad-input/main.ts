/**
 * `npm run test:bad-input`: what comes of it when something wrong is put in. Prints a table: input, expected code, code, exit
 * code, and a digest of all state before and after. Needs root (a small tmpfs, a line in the table of host names) and faketime.
 */
import { once } from 'node:events'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { withHostName } from '../../interop/hostName.ts'
import { inTemporaryFolder } from '../../support/temporaryFolder.ts'
import { firstTrustRows, renewedTrustRows, ticketRows } from './anchors.ts'
import { artifactMailRows } from './artifactMail.ts'
import { artifactRows } from './artifacts.ts'
import type { BadInput } from './badInput.ts'
import { deviceRows } from './devices.ts'
import { fullDiskRows, openSmallDisk, spaceAgainRows } from './disk.ts'
import { enrolmentRows } from './enrolment.ts'
import { entryRows } from './entries.ts'
import { findFakeClock } from './fakeClock.ts'
import { feedRows } from './feeds.ts'
import { enrolLab } from './lab.ts'
import { loggedAnewRows } from './loggedAnew.ts'
import { logRows } from './logs.ts'
import { clientClockRows, commandRows, serverCommandRows } from './misuse.ts'
import { pauseScheduledWork } from './parts.ts'
import { peopleRows } from './people.ts'
import { policyRows } from './policies.ts'
import { printTable } from './printTable.ts'
import { revocationRows } from './revocations.ts'
import { laterStartRows, newFolderRows, stoppedServerRows } from './serverStarts.ts'
import { openSetting, type Setting } from './setting.ts'
import { faultsOfSharing } from './sharedCodes.ts'
import { noAdvisoryDataRows, oldAdvisoryDataRows, uncleanRows } from './submissions.ts'
import { TableRunner } from './tableRunner.ts'
import { tokenRows } from './tokens.ts'

const hostName = 'bad-input.countersign.test'

/** What `--group <expression>` asks for: only groups whose name fits. For whoever works on one of them. */
const { values: asked } = parseArgs({ options: { group: { type: 'string' } } })
const wanted = new RegExp(asked.group ?? '')

/** Runs every group in an order in which each finds the servers as it needs them: stopped, running, stopped again. */
async function runTable(setting: Setting): Promise<TableRunner> {
  const { production, delivery, ending } = setting
  const runner = new TableRunner(setting.places)
  const group = async (name: string, prepare: (setting: Setting) => Promise<readonly BadInput[]>) => {
    if (!wanted.test(name)) return
    const rows = await prepare(setting)
    console.log(`${name}: ${rows.length} rows`)
    for (const row of rows) {
      if (ending.disposed) throw new Error('interrupted')
      const { input, faults } = await runner.run(row)
      for (const fault of faults) console.log(`  FAILED  ${input}: ${fault}`)
    }
  }
  await pauseScheduledWork(production.instance)
  await group('starts of a stopped server', stoppedServerRows)
  await group('starts on new folders', newFolderRows)
  const development = await setting.development.start()
  await group('artifacts and bundles', artifactRows)
  await group('identity tokens', tokenRows)
  await group('log entries', entryRows)
  await group('logs', logRows)
  await group('tickets', ticketRows)
  await group('first trust', firstTrustRows)
  await group('renewed trust', renewedTrustRows)
  await group('policies', policyRows)
  await group('people', peopleRows)
  await group('commands of the server', serverCommandRows)
  await group('command line', commandRows)
  await group('clock of the client', clientClockRows)
  await group('no advisory data', noAdvisoryDataRows)
  await group('old advisory data', oldAdvisoryDataRows)
  await group('submissions', uncleanRows)
  await group('enrolment', enrolmentRows)
  await group('devices', deviceRows)
  await group('certifications logged anew', loggedAnewRows)
  await group('feeds', feedRows)
  const lab = await enrolLab(setting.delivery)
  await group('artifacts and their mail', () => artifactMailRows(setting, lab))
  await group('revocations', () => revocationRows(setting, lab))
  const disk = await openSmallDisk(setting)
  await group('full disk', () => fullDiskRows(disk, setting))
  await group('disk with space again', () => spaceAgainRows(disk, setting))
  const instances = [disk.instance, development, production.instance, delivery.instance]
  await Promise.all(instances.map((instance) => instance.stop()))
  await group('starts after a stop', laterStartRows)
  return runner
}

/** Prints the table; true where every row passed and the whole adds up. All servers have stopped. */
function report(runner: TableRunner): boolean {
  const { results } = runner
  printTable(results)
  const counts = runner.faultsOfCounts()
  for (const fault of counts) console.log(`FAILED  refusals of unknown callers in the audit log: ${fault}`)
  const sharing = asked.group === undefined ? faultsOfSharing(results.map(({ expectedCode }) => expectedCode)) : []
  for (const fault of sharing) console.log(`FAILED  shared codes: ${fault}`)
  // The two checks over all rows count as rows.
  const failed = [...results.map(({ faults }) => faults), counts, sharing].filter(({ length }) => length > 0).length
  console.log(`${results.length + 2 - failed} passed, ${failed} failed`)
  return failed === 0
}

/** Rejects when somebody wants this process to end, so that everything is cleaned up first. */
async function interruption(): Promise<never> {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  await Promise.race(signals.map((signal) => once(process, signal)))
  throw new Error('interrupted')
}

async function main(): Promise<boolean> {
  if (process.getuid?.() !== 0) throw new Error('needs root: it mounts a tmpfs and adds a host name')
  const fakeClock = await findFakeClock()
  const ending = new AsyncDisposableStack()
  const interrupted = interruption()
  return inTemporaryFolder('countersign-bad-input-', (folder) =>
    withHostName(hostName, async (hostName) => {
      // A hundred programs are started: each source file is compiled once, not a hundred times.
      process.env.NODE_COMPILE_CACHE = path.join(folder, 'compile-cache')
      const work = openSetting(folder, { hostName, fakeClock, ending }).then(runTable)
      try {
        return report(await Promise.race([work, interrupted]))
      } finally {
        await ending.disposeAsync()
        // What was under way when it was interrupted ends by itself now; nothing may be started after the cleaning.
        await work.catch(() => {})
      }
    }),
  )
}

process.exit((await main()) ? 0 : 1)
