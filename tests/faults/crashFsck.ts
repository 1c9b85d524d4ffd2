import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { checkLog, fsckColumns, logsOf } from '../interop/fsck.ts'
import type { Judges } from '../interop/installJudges.ts'
import { Matrix } from '../interop/matrix.ts'
import type { InstalledTrust } from '../support/installTrust.ts'
import type { Client } from './crashClient.ts'

/** `npm run test:interop` shows that each checker notices changed bytes; here it is asked for its opinion only. */
class OpinionsOnly extends Matrix {
  override async fill(...[row, column, ask]: Parameters<Matrix['fill']>): ReturnType<Matrix['fill']> {
    return column === 'rebuilt' ? super.fill(row, column, ask) : true
  }
}

/**
 * Has Tessera's and TesseraCT's fsck rebuild all four logs from what a running server serves. `folder` takes what they read
 * about them. Rejects with what they did not accept.
 */
export async function fsckAll(judges: Judges, client: Client, folder: string): Promise<void> {
  const trust = trustOf(client, folder)
  const logs = logsOf(trust)
  const matrix = new OpinionsOnly(
    'fsck',
    logs.map(({ name }) => name),
    fsckColumns.filter((column) => column === 'rebuilt'),
  )
  await Promise.all(logs.map((log) => checkLog({ judges, trust, folder }, log, matrix)))
  const failed = matrix.cells().filter(({ passed }) => !passed)
  if (failed.length > 0) throw new Error(failed.map(({ row, detail }) => `fsck of ${row}: ${detail}`).join('\n'))
}

function trustOf({ anchors, ca }: Client, folder: string): InstalledTrust {
  mkdirSync(folder, { recursive: true })
  const file = (name: Parameters<typeof anchors.target>[0]) => {
    writeFileSync(path.join(folder, name), anchors.target(name))
    return path.join(folder, name)
  }
  const files = {
    deviceRoot: file('device_root.pem'),
    trustedRoot: file('trusted_root.json'),
    signingConfig: file('signing_config.v0.2.json'),
    trustConfig: file('verification_policy.json'),
  }
  return { anchors, ca, env: {}, files }
}
