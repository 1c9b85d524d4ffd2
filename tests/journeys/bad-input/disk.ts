import { sign } from 'node:crypto'
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { freePort } from '../../support/freePort.ts'
import { mustRun } from '../../support/runProgram.ts'
import type { Instance } from '../../support/startInstance.ts'
import { type BadInput, rowMaker } from './badInput.ts'
import type { Client } from './client.ts'
import { postJson, serverOutcome } from './commands.ts'
import { pauseScheduledWork, signIn, startEnding, trustIn } from './parts.ts'
import type { Setting } from './setting.ts'
import {
  type Api,
  type CertifiedKey,
  certificateRequest,
  certify,
  entryRequest,
  sha256,
  signBundle,
} from './signing.ts'

const SIZE_MB = 32
const OWNER = 'owner@example.org'

/** An instance on a disk of its own. */
export interface SmallDisk extends Api {
  readonly folder: string
  readonly dataFolder: string
  readonly client: Client
  readonly key: CertifiedKey
  readonly token: string
  /** A file whose signature was acknowledged before the disk was full. */
  readonly acknowledged: string
  start(): Promise<Instance>
  instance: Instance
}

/** Mounts a small tmpfs and makes an instance on it; from here on it is part of the state. */
export async function openSmallDisk({ folder, clients, ending, places }: Setting): Promise<SmallDisk> {
  const own = path.join(folder, 'disk')
  mkdirSync(own)
  await mustRun(['mount', '-t', 'tmpfs', '-o', `size=${SIZE_MB}m,mode=700`, 'tmpfs', own])
  ending.defer(async () => {
    await mustRun(['umount', '--lazy', own])
  })
  const options = { dataFolder: path.join(own, 'data'), port: await freePort(), httpPort: await freePort() }
  const instance = await startEnding(ending, { ...options, arguments: ['--first-person', OWNER] })
  const { client, ca } = await trustIn(instance, clients.make('owner'))
  const { token } = await signIn(instance, ca)
  const api = { publicUrl: instance.publicUrl, ca }
  const key = await certify(api, token, OWNER)
  const acknowledged = path.join(folder, 'acknowledged')
  await signFile(api, key, acknowledged)
  places.push({ name: 'disk', folder: own, kind: 'instance' })
  const start = async () => {
    const started = await startEnding(ending, options)
    await pauseScheduledWork(started)
    return started
  }
  return { ...api, folder: own, dataFolder: options.dataFolder, client, key, token, acknowledged, start, instance }
}

/** What is refused while nothing can be written. */
export async function fullDiskRows(disk: SmallDisk, { folder }: Setting): Promise<BadInput[]> {
  const { publicUrl, ca, client, key, token, dataFolder } = disk
  const refused = path.join(folder, 'refused')
  writeFileSync(refused, 'signed while the disk was full\n')
  const tokenFile = path.join(folder, 'token')
  writeFileSync(tokenFile, token, { mode: 0o600 })
  const words = ['sign', refused, '--yes', '--token-file', tokenFile]
  await pauseScheduledWork(disk.instance)
  // Remembers that it was said what becomes public, and follows the logs.
  await client.run(...words)
  rmSync(`${refused}.sigstore.json`)
  await client.run('log', 'audit')
  fill(path.join(disk.folder, 'filler'))

  const artifact = Buffer.from('not logged\n')
  const signature = new Uint8Array(sign('sha256', artifact, key.privateKey))
  const entry = entryRequest(sha256(artifact), signature, key.certificate)
  const post = rowMaker('nothing', (path: string, body: unknown) => postJson(`${publicUrl}${path}`, ca, body))
  const command = rowMaker('nothing', () => client.run(...words))
  const invite = rowMaker('nothing', () => serverOutcome('people', 'invite', 'late@example.org', '--data', dataFolder))
  const request = certificateRequest(token, OWNER)
  return [
    post('full disk: log entry', 'files.no-space', 507, '/api/v2/log/entries', entry),
    post('full disk: certificate', 'database.no-space', 507, '/api/v2/signingCert', request),
    command('full disk: sign', 'database.no-space', 2),
    invite('full disk: invitation', 'database.no-space', 2),
  ]
}

/** What must be there after space was made, without and with a restart. */
export async function spaceAgainRows(disk: SmallDisk, { folder }: Setting): Promise<BadInput[]> {
  const late = path.join(folder, 'signed-late')
  rmSync(path.join(disk.folder, 'filler'))
  await signFile(disk, disk.key, late)
  await disk.instance.stop()
  disk.instance = await disk.start()
  await disk.client.run('log', 'audit')
  const after = rowMaker('nothing', (...words: string[]) => disk.client.run(...words))
  return [
    after('after the full disk: what was acknowledged before', 'none', 0, 'verify', disk.acknowledged),
    after('after the full disk: what was signed since', 'none', 0, 'verify', late),
    after('after the full disk: every entry of every log', 'none', 0, 'log', 'audit', '--full'),
  ]
}

async function signFile(api: Api, key: CertifiedKey, file: string): Promise<void> {
  const artifact = Buffer.from(`${path.basename(file)}\n`)
  writeFileSync(file, artifact)
  writeFileSync(`${file}.sigstore.json`, await signBundle(api, artifact, key))
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
