import { mkdirSync, rmSync } from 'node:fs'
import { checkLog, fsckColumns, logsOf } from '../interop/fsck.ts'
import { installJudges } from '../interop/installJudges.ts'
import { Matrix } from '../interop/matrix.ts'
import { installTrust } from '../support/installTrust.ts'
import type { Instance } from '../support/startInstance.ts'

/**
 * Has Tessera's and TesseraCT's fsck rebuild all four logs of a running server, after each showed that it notices a changed
 * byte. Installs them first where they are missing. `folder` is used for their files. Rejects with what they did not accept.
 */
export function fsckAll(folder: string): (instance: Instance) => Promise<void> {
  return async (instance) => {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    const judges = await installJudges()
    const trust = await installTrust(instance, folder)
    const logs = logsOf(trust)
    const names = logs.map(({ name }) => name)
    const matrix = new Matrix('fsck', names, fsckColumns)
    for (const log of logs) await checkLog({ judges, trust, folder }, log, matrix)
    const failed = matrix.cells().filter(({ passed }) => !passed)
    if (failed.length > 0)
      throw new Error(failed.map(({ row, column, detail }) => `${row} ${column}: ${detail}`).join('\n'))
  }
}
