import { appendFileSync, copyFileSync, cpSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Assignment, assignRoute, publishReleaseRoute } from '@countersign/protocol/api/devices.ts'
import type { BadInput, Outcome } from './badInput.ts'
import { answerTo } from './commands.ts'
import {
  type CertifiedVersion,
  certifyVersion,
  type Delivery,
  importAdvisories,
  importNews,
  openSigner,
  renewToken,
  submission,
  writeAdvisories,
} from './delivery.ts'
import { type Device, enrolDevice, GROUP } from './device.ts'
import { changeByte } from './lyingMirror.ts'
import { packed, without } from './product.ts'
import type { Setting } from './setting.ts'
import { sha256 } from './signing.ts'
import { databaseOf } from './state.ts'

/** Versions that are certified and released. */
export type Versions = Readonly<
  Record<'pump 1.0.0' | 'pump 1.1.0' | 'valve 1.0.0' | 'valve 1.1.0' | 'gauge 1.0.0' | 'bare 1.0.0', CertifiedVersion>
>

/** The versions of the test, once `deviceRows` has made them. */
export function versionFile({ folder }: Setting, version: keyof Versions): string {
  return path.join(folder, 'versions', `${version.replace(' ', '-')}.tar.gz`)
}

/** What a device that is whole must not do, and one that was tampered with must not run. */
export async function deviceRows(setting: Setting): Promise<BadInput[]> {
  const { delivery, fakeClock } = setting
  await renewToken(delivery)
  await importNews(delivery, setting.folder)
  const versions = await certifyVersions(setting)
  const devices = await installDevices(setting, versions)
  const { changedFile, swappedBundle, editedAnchors, olderAnchors, ahead, bothEnded, bare, gauge } = devices
  tamper(changedFile, swappedBundle, editedAnchors, versions)
  await assignTo(delivery, 'device', ahead.name, { product: 'pump', channel: 'stable', pinned: '1.0.0' })
  const flaw = { id: 'TEST-0003', package: 'ms', modified: new Date().toISOString(), fixed: '2.1.0' }
  const ended = await importAdvisories(delivery, writeAdvisories(setting.folder, 'advisories-valve', flaw))
  if (ended.length !== 2) throw new Error(`the advisory ended ${ended.join(', ')}`)

  const row = (device: Device, input: string, expectedCode: string, expectedExit = 0) => {
    return { input, expectedCode, expectedExit, recorded: 'nothing', run: () => device.visit() } as const
  }
  const at = (device: Device, time: string, expectedCode: string): BadInput => ({
    ...row(device, `device whose clock says ${time.slice(1, 5)}`, expectedCode),
    async run() {
      const outcome = await device.visit(fakeClock(time))
      if (device.running() === undefined) throw new Error('nothing runs any more')
      return outcome
    },
  })
  return [
    repaired(row(changedFile, 'installed file, one byte more', 'enforce.files-changed'), changedFile, 'server.js'),
    repaired(row(swappedBundle, 'bundle on the device, swapped', 'releases.digest-wrong'), swappedBundle, ''),
    row(editedAnchors, 'anchors on the device, one byte changed', 'anchors.tampered', 1),
    row(olderAnchors, 'anchors on the device, older than it had', 'state.went-back', 1),
    row(ahead, 'lower release counter without a revocation', 'releases.lower-counter'),
    {
      ...row(bare, 'release whose artifact has no manifest', 'releases.no-manifest'),
      mayChange: fetchedFiles(bare),
    },
    {
      ...row(gauge, 'release that disagrees with its certification', 'enforce.refused'),
      mayChange: fetchedFiles(gauge),
    },
    {
      ...row(bothEnded, 'previous release ended, too', 'decide.certification-ended'),
      mayChange: stops(bothEnded),
      run: () => nothingRuns(bothEnded),
    },
    // Reports go over TLS, which judges by the wrong clock. What runs goes on, and the feed and its recalls still come.
    at(devices.inThePast, '@1970-01-02 00:00:00', 'calls.untrusted-server'),
    at(devices.inTheFuture, '@2060-01-02 00:00:00', 'calls.untrusted-server'),
    {
      input: 'device that asks for what it was not assigned',
      expectedCode: 'fleet.not-assigned',
      expectedExit: 403,
      recorded: 'counted',
      run: () => askForFile(delivery, ahead, versions['valve 1.0.0'].sha256),
    },
  ]
}

async function certifyVersions(setting: Setting): Promise<Versions> {
  const { delivery } = setting
  const { packages } = delivery
  mkdirSync(path.join(setting.folder, 'versions'))
  const make = async (version: keyof Versions, files = packages['ms@2.1.3']): Promise<CertifiedVersion> => {
    const [product = '', number = ''] = version.split(' ')
    return certifyVersion(delivery, versionFile(setting, version), product, number, files)
  }
  const [first, second, gauge, older, newer, bare] = await Promise.all([
    ...[make('pump 1.0.0'), make('pump 1.1.0'), make('gauge 1.0.0')],
    ...[make('valve 1.0.0', packages['ms@2.0.0']), make('valve 1.1.0', packages['ms@2.0.0']), certifyBare(setting)],
  ] as const)
  return {
    ...{ 'pump 1.0.0': first, 'pump 1.1.0': second, 'gauge 1.0.0': gauge },
    ...{ 'valve 1.0.0': older, 'valve 1.1.0': newer, 'bare 1.0.0': bare },
  }
}

/** An artifact that only its submitter says what it is: it can be certified, and nobody can start it. */
async function certifyBare(setting: Setting): Promise<CertifiedVersion> {
  const { delivery } = setting
  const file = versionFile(setting, 'bare 1.0.0')
  const bytes = packed(without(delivery.packages['ms@2.1.3'], 'countersign.json'))
  await (await openSigner(delivery))(file, bytes)
  const named = ['--product', 'bare', '--version', '1.0.0']
  const { code, exitCode } = await delivery.client.run(...submission(delivery, file, ...named))
  if (exitCode !== 0) throw new Error(`an artifact without a manifest is not certified: ${code}`)
  return { file, sha256: sha256(bytes).toHex() }
}

/** Devices that run what they are assigned, and two that are assigned what they cannot run. */
async function installDevices(setting: Setting, versions: Versions) {
  const { delivery } = setting
  const publish = (version: keyof Versions) =>
    delivery.admin(publishReleaseRoute, { body: { sha256: versions[version].sha256, channel: 'stable' } })
  for (const version of ['pump 1.0.0', 'valve 1.0.0', 'bare 1.0.0'] as const) await publish(version)
  lieAboutVersion(delivery, 'gauge', '2.0.0')
  await publish('gauge 1.0.0')
  await assignTo(delivery, 'group', GROUP, { product: 'pump', channel: 'stable', pinned: '1.0.0' })
  const names = ['changed-file', 'swapped-bundle', 'edited-anchors', 'older-anchors', 'ahead', 'both-ended'] as const
  const more = ['bare', 'gauge', 'in-the-past', 'in-the-future'] as const
  const [changedFile, swappedBundle, editedAnchors, olderAnchors, ahead, bothEnded] = await enrolAll(setting, names)
  const [bare, gauge, inThePast, inTheFuture] = await enrolAll(setting, more)
  const newest = (device: Device, product: string) =>
    assignTo(delivery, 'device', device.name, { product, channel: 'stable' })
  for (const [device, product] of [
    [ahead, 'pump'],
    [bothEnded, 'valve'],
    [bare, 'bare'],
    [gauge, 'gauge'],
  ] as const) {
    await newest(device, product)
  }
  await installAll([changedFile, swappedBundle, editedAnchors, olderAnchors, ahead, bothEnded])
  await installAll([inThePast, inTheFuture])
  const anchors = path.join(setting.folder, 'older-anchors')
  cpSync(anchorFile(olderAnchors), anchors)
  for (const version of ['pump 1.1.0', 'valve 1.1.0'] as const) await publish(version)
  await installAll([olderAnchors, ahead, bothEnded])
  copyFileSync(anchors, anchorFile(olderAnchors))
  return {
    ...{ changedFile, swappedBundle, editedAnchors, olderAnchors, ahead, bothEnded },
    ...{ bare, gauge, inThePast, inTheFuture },
  }
}

/** What the delivery server says of a release in place of what was certified. */
function lieAboutVersion({ folder }: Delivery, product: string, version: string): void {
  using database = new DatabaseSync(databaseOf(folder), { timeout: 5000 })
  database.prepare('UPDATE artifacts_certifications SET version = ? WHERE product = ?').run(version, product)
}

async function enrolAll<const Names extends readonly string[]>(setting: Setting, names: Names) {
  const enrolled = await Promise.all(names.map((name) => enrolDevice(setting, name)))
  return enrolled as { [At in keyof Names]: Device }
}

/** One visit each, after which all run what they are assigned. */
async function installAll(devices: readonly Device[]): Promise<void> {
  await Promise.all(
    devices.map(async (device) => {
      const { code } = await device.visit()
      if (code !== 'none' || device.running() === undefined) throw new Error(`${device.name} does not run: ${code}`)
    }),
  )
}

/** Says what a group or a device runs. */
export async function assignTo(
  { admin }: Delivery,
  kind: 'group' | 'device',
  name: string,
  assignment: Assignment,
): Promise<void> {
  await admin(assignRoute, { body: { to: { kind, name }, assignment } })
}

function tamper(changedFile: Device, swappedBundle: Device, editedAnchors: Device, versions: Versions): void {
  const { sha256 } = versions['pump 1.0.0']
  appendFileSync(path.join(changedFile.folder, 'releases', sha256, 'files', 'server.js'), ' ')
  const other = readFileSync(`${versions['pump 1.1.0'].file}.certification.sigstore.json`)
  writeFileSync(path.join(swappedBundle.folder, 'releases', sha256, 'certification-1.json'), other)
  const anchors = anchorFile(editedAnchors)
  const stored = JSON.parse(readFileSync(anchors, 'utf8'))
  stored.repository.targets = changeByte(Buffer.from(stored.repository.targets, 'base64'), 100).toBase64()
  writeFileSync(anchors, JSON.stringify(stored))
}

function anchorFile({ folder }: Device): string {
  const [file] = globSync(path.join(folder, 'trust', 'anchors', '*', 'anchor.json'))
  if (file === undefined) throw new Error(`${folder} holds no anchors`)
  return file
}

/** What runs is stopped, and the instance hears of it. */
function stops({ name }: Device): RegExp {
  return new RegExp(`^devices/${name} running$|^delivery/table fleet_running$`)
}

/** The release is installed again, whole, and starts; until then nothing of it ran. */
function repaired(row: BadInput, device: Device, file: string): BadInput {
  const mayChange = new RegExp(`${stops(device).source}|^devices/${device.name}/releases/[0-9a-f]+/`)
  const before = device.running()?.pid
  return {
    ...row,
    mayChange,
    async run() {
      const outcome = await row.run()
      const running = device.running()
      if (running === undefined || running.pid === before) throw new Error('it was not started anew')
      const installed = path.join(device.folder, 'releases', running.sha256, 'files', file)
      if (file !== '' && readFileSync(installed, 'utf8').endsWith(' ')) throw new Error(`${file} is still changed`)
      return outcome
    },
  }
}

/** Its bundles or its archive came, and nothing of it was unpacked. */
export function fetchedFiles({ name }: Device): RegExp {
  return new RegExp(`^devices/${name}/releases/[0-9a-f]+/[^/]+$`)
}

async function nothingRuns(device: Device): Promise<Outcome> {
  const outcome = await device.visit()
  if (device.running() !== undefined) throw new Error('something runs')
  return outcome
}

function askForFile({ publicUrl, ca }: Delivery, device: Device, sha256: string): Promise<Outcome> {
  return answerTo(`${publicUrl}/api/v1/devices/self/files/${sha256}`, { ca, client: device.client() })
}
