import { sign } from 'node:crypto'
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { freePort } from '../../support/freePort.ts'
import { mustRun } from '../../support/runProgram.ts'
import type { BadInput } from './badInput.ts'
import { postJson, serverOutcome } from './commands.ts'
import { pauseScheduledWork, type Setting, signIn, startEnding, trustIn } from './setting.ts'
import { certificateRequest, certify, entryRequest, sha256, signBundle } from './signing.ts'

const FULL = 'whatever was to be written, the operator does the same: make space'
const WHOLE = 'nothing is wrong: this shows that nothing was lost'
const SIZE_MB = 32
const OWNER = 'owner@example.org'

/** An instance on a small disk: rows for the full disk, and rows for after space was made. */
export async function openSmallDisk(setting: Setting): Promise<{
  full(): Promise<BadInput[]>
  withSpaceAgain(): Promise<BadInput[]>
  stop(): Promise<void>
}> {
  const { folder, clients, ending, places } = setting
  const own = path.join(folder, 'disk')
  mkdirSync(own)
  await mustRun(['mount', '-t', 'tmpfs', '-o', `size=${SIZE_MB}m,mode=700`, 'tmpfs', own])
  ending.defer(async () => {
    await mustRun(['umount', '--lazy', own])
  })
  const options = { dataFolder: path.join(own, 'data'), port: await freePort(), httpPort: await freePort() }
  let instance = await startEnding(ending, { ...options, arguments: ['--first-person', OWNER] })
  const { client, ca } = await trustIn(instance, clients.make('owner'))
  const { token } = await signIn(instance, ca)
  const api = { publicUrl: instance.publicUrl, ca }
  const key = await certify(api, token, OWNER)
  const [acknowledged, refused] = [path.join(folder, 'acknowledged'), path.join(folder, 'refused')]
  const tokenFile = path.join(folder, 'token')
  writeFileSync(tokenFile, token, { mode: 0o600 })
  await signFile(acknowledged)
  writeFileSync(refused, 'signed while the disk was full\n')
  await pauseScheduledWork(instance)
  await client.run('log', 'audit')
  places.push({ name: 'disk', folder: own, kind: 'instance' })

  async function signFile(file: string): Promise<void> {
    const artifact = Buffer.from(`${path.basename(file)}\n`)
    writeFileSync(file, artifact)
    writeFileSync(`${file}.sigstore.json`, await signBundle(api, artifact, key))
  }

  return {
    async full() {
      const artifact = Buffer.from('not logged\n')
      const signature = new Uint8Array(sign('sha256', artifact, key.privateKey))
      fill(path.join(own, 'filler'))
      const row = (input: string, expectedCode: string, expectedExit: number, run: BadInput['run']): BadInput => ({
        ...{
          input: `full disk: ${input}`,
          expectedCode,
          expectedExit,
          recorded: 'nothing',
          sharesCodeBecause: FULL,
          run,
        },
      })
      return [
        row('log entry', 'files.no-space', 507, () =>
          postJson(
            `${api.publicUrl}/api/v2/log/entries`,
            ca,
            entryRequest(sha256(artifact), signature, key.certificate),
          ),
        ),
        row('certificate', 'database.no-space', 507, () =>
          postJson(`${api.publicUrl}/api/v2/signingCert`, ca, certificateRequest(token, OWNER)),
        ),
        row('sign', 'database.no-space', 2, () => client.run('sign', refused, '--yes', '--token-file', tokenFile)),
        row('invitation', 'database.no-space', 2, () =>
          serverOutcome('people', 'invite', 'late@example.org', '--data', options.dataFolder),
        ),
      ]
    },
    async withSpaceAgain() {
      rmSync(path.join(own, 'filler'))
      const late = path.join(folder, 'signed-late')
      await signFile(late)
      await instance.stop()
      instance = await startEnding(ending, options)
      await pauseScheduledWork(instance)
      await client.run('log', 'audit')
      const row = (input: string, ...command: string[]): BadInput => ({
        ...{ input: `after the full disk: ${input}`, expectedCode: 'none', expectedExit: 0, recorded: 'nothing' },
        ...{ sharesCodeBecause: WHOLE, run: () => client.run(...command) },
      })
      return [
        row('what was acknowledged before verifies', 'verify', acknowledged),
        row('what was signed since verifies', 'verify', late),
        row('every entry of every log is there', 'log', 'audit', '--full'),
      ]
    },
    stop: () => instance.stop(),
  }
}

/** Fills the disk to the last byte. */
function fill(file: string): void {
  const filler = openSync(file, 'w')
  for (let sizeBytes = 1024 * 1024; sizeBytes >= 1; sizeBytes /= 2) {
    const chunk = Buffer.alloc(sizeBytes, 0xff)
    while (canWrite(filler, chunk));
  }
  closeSync(filler)
}

function canWrite(file: number, chunk: Uint8Array): boolean {
  try {
    return writeSync(file, chunk) > 0
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false
    throw error
  }
}
