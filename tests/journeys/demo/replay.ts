import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { deviceRecord } from '@countersign/protocol/api/devices.ts'
import type { z } from 'zod'
import { countersign, countersignValidator } from '../../support/programs.ts'
import { mustRun } from '../../support/runProgram.ts'
import type { Instance } from '../../support/startInstance.ts'
import { type CertifiedRelease, certifyRelease, expectAnswer } from './certifyRelease.ts'
import { type Device, isAlive, startDevice } from './device.ts'
import type { DemoOptions, OwnProduct } from './options.ts'
import { type PackedRelease, packOwnRelease, packReplayRelease } from './product.ts'
import { advisories, bringUp, type Setting } from './setting.ts'
import type { Story } from './story.ts'

/** What the story leaves behind, for the summary, `--json` and `demo:check`. */
export interface Replay {
  readonly folder: string
  readonly instance: Instance
  /** Where the developer's trust lies as files for other people's programs. */
  readonly trustFolder: string
  readonly devices: { readonly front: Device; readonly side: Device }
  readonly releases: Readonly<Record<'1.0.0' | '1.1.0' | '1.2.0', CertifiedRelease>>
  readonly advisoryRecords: number
  readonly endedPid: number
  readonly timeToStopMs: number
  /** The record that ended 1.1.0, as `verify` names it: its leaf index and the origin of its log. */
  readonly endedBy: { readonly record: string; readonly origin: string }
  readonly endedNumbers: readonly string[]
  readonly endedByUnrelatedAdvisory: number
  readonly bystanderVerifies: boolean
  readonly bystanderPidUnchanged: boolean
  readonly wentBackTo: string
  readonly oldVersionVerifies: boolean
  readonly newVersionVerifies: boolean
}

type Listed = z.infer<typeof deviceRecord>
type Report = NonNullable<Listed['report']>

/** Plays the whole story in `folder`. Everything that was started is stopped when it fails. */
export async function replay(folder: string, options: DemoOptions, story: Story): Promise<Replay> {
  const started: { stop(): Promise<void> }[] = []
  try {
    return await play(folder, options.own, story, started)
  } catch (error) {
    for (const one of started.reverse()) await one.stop().catch(() => {})
    throw error
  }
}

async function play(
  folder: string,
  own: OwnProduct | undefined,
  story: Story,
  started: { stop(): Promise<void> }[],
): Promise<Replay> {
  const setting = await bringUp(folder, story, started, own)
  const first = await certifyRelease(setting, story, () => packReplayRelease('1.0.0', folder), { isFirst: true })
  const { devices, second } = await release(setting, story, started, first, () =>
    own ? packOwnRelease('1.1.0', own, own.pin, folder) : packReplayRelease('1.1.0', folder),
  )
  const recalled = await recall(setting, story, devices, { first, second, own })
  const third = await moveOn(setting, story, devices, { second, own })
  return {
    folder,
    instance: setting.instance,
    trustFolder: await exportTrust(setting),
    devices,
    releases: { '1.0.0': first, '1.1.0': second, '1.2.0': third.release },
    advisoryRecords: third.advisoryRecords,
    ...recalled,
    endedBy: third.endedBy,
    oldVersionVerifies: third.oldVersionVerifies,
    newVersionVerifies: third.newVersionVerifies,
  }
}

async function release(
  setting: Setting,
  story: Story,
  started: { stop(): Promise<void> }[],
  first: CertifiedRelease,
  packSecond: () => Promise<PackedRelease>,
): Promise<{ devices: Replay['devices']; second: CertifiedRelease }> {
  const { instance, folder } = setting
  story.chapter('Two devices')
  await publish(instance, story, first)
  await instance.admin('groups', 'assign', 'shop', 'files')
  const parent = path.join(folder, 'devices')
  mkdirSync(parent, { recursive: true })
  const enrol = (name: string, what: string, ...pin: string[]) =>
    story.step(
      'enrol',
      `countersign-agent enrol, run: ${what}`,
      async () => {
        const { ticket } = await instance.admin<{ ticket: string }>('devices', 'ticket', name, '--group', 'shop')
        if (pin.length > 0) await instance.admin('devices', 'assign', name, 'files', ...pin)
        const device = await startDevice(name, ticket, parent)
        started.push(device)
        await device.runs('1.0.0')
        return device
      },
      (device) => [`${name} runs 1.0.0, answers at ${device.url}`],
    )
  const front = await enrol('front', 'follows the channel')
  const side = await enrol('side', 'pinned to 1.0.0', '--pin', '1.0.0')
  const second = await certifyRelease(setting, story, packSecond, { isFirst: false })
  await publish(instance, story, second)
  await story.step(
    'update',
    'front checks in, fetches, verifies both signatures, and moves',
    () => front.runs('1.1.0'),
    (pid) => [`front runs 1.1.0, process ${pid}`],
  )
  return { devices: { front, side }, second }
}

async function publish(instance: Instance, story: Story, { sha256, version }: PackedRelease): Promise<void> {
  await story.step(
    'release',
    `countersign-server releases publish: files ${version} on channel stable`,
    () => instance.admin<{ target: string }>('releases', 'publish', sha256, '--channel', 'stable'),
    ({ target }) => [`TUF target ${target}`],
  )
}

async function recall(
  setting: Setting,
  story: Story,
  { front, side }: Replay['devices'],
  { first, second, own }: { first: CertifiedRelease; second: CertifiedRelease; own: OwnProduct | undefined },
) {
  const { instance, importAdvisories, developer } = setting
  story.chapter('An advisory arrives')
  const sidePid = await side.runs('1.0.0')
  const endedPid = await front.runs('1.1.0')
  const unrelated = await story.step(
    'unrelated',
    'an advisory that matches nothing here is imported',
    () => importAdvisories(path.join(advisories, 'unrelated')),
    ({ ended }) => [`${ended.length} certifications end`],
  )
  expect(unrelated.ended, [], 'an advisory that reaches nothing here ends')
  const { ended, timeToStopMs } = await story.step(
    'recall',
    own ? `${path.basename(own.advisory)} is imported` : 'GHSA-jchw-25xp-jwwc (CVE-2023-26159) is imported',
    async () => {
      const gone = whenGone(endedPid)
      const { receivedAt, ended } = await importAdvisories(own ? own.advisory : path.join(advisories, 'recall'))
      return { ended, timeToStopMs: Math.max(0, Math.round((await gone) - Date.parse(receivedAt))) }
    },
    (result) => [
      `ended: certification ${result.ended.join(', ')}; process ${endedPid} gone ${result.timeToStopMs} ms after the advisory came`,
    ],
  )
  await story.step(
    'go back',
    'front runs what it ran before, whose certification is active',
    () => front.runs('1.0.0'),
    (pid) => [`front runs 1.0.0 again, process ${pid}`],
  )
  await story.step(
    'report',
    'countersign-server devices list: what front told the server, signed',
    () => reported(instance, 'front', '1.0.0'),
    ({ running, acknowledged, highest }) => [
      `front runs ${running?.version}, process ${running?.pid}; acted on ${acknowledged} records; had release ${highest[0]?.counter}`,
    ],
  )
  const sideNow = await side.runs('1.0.0')
  expect(sideNow, sidePid, 'the process of side is')
  const { answer } = await expectAnswer(developer, story, first.archive, 'yes', 'nothing ended it')
  expect(ended, [second.number], 'the advisory ended')
  return {
    endedPid,
    timeToStopMs,
    endedNumbers: ended,
    endedByUnrelatedAdvisory: unrelated.ended.length,
    bystanderVerifies: answer === 'yes',
    bystanderPidUnchanged: sideNow === sidePid,
    wentBackTo: '1.0.0',
  }
}

async function moveOn(
  setting: Setting,
  story: Story,
  { front }: Replay['devices'],
  { second, own }: { second: CertifiedRelease; own: OwnProduct | undefined },
) {
  const pack = () =>
    own ? packOwnRelease('1.2.0', own, own.fixed, setting.folder) : packReplayRelease('1.2.0', setting.folder)
  const third = await certifyRelease(setting, story, pack, { isFirst: false })
  await publish(setting.instance, story, third)
  await story.step(
    'update',
    'front moves on to 1.2.0',
    () => front.runs('1.2.0'),
    (pid) => [`front runs 1.2.0, process ${pid}`],
  )
  const old = await expectAnswer(
    setting.developer,
    story,
    second.archive,
    'no',
    'why, since when, and what replaces it',
  )
  expect(old.replacement?.version, third.version, 'verify says that 1.1.0 is replaced by')
  const endedBy = old.certifications.flatMap(({ endings }) => endings)[0]
  if (endedBy === undefined) throw new Error('verify does not say what ended 1.1.0')
  // About the replay's own dependency; the caller's product may well have it, and then it would rightly end.
  if (own === undefined) await importLater(setting, story)
  const now = await expectAnswer(setting.developer, story, third.archive, 'yes', 'the fixed version stands')
  const run = await mustRun([
    ...countersignValidator,
    'advisories',
    'status',
    '--data',
    setting.validatorFolder,
    '--json',
  ])
  const { advisories: known } = JSON.parse(run.stdout) as { advisories: { records: number } }
  return {
    release: third,
    endedBy,
    advisoryRecords: known.records,
    oldVersionVerifies: old.answer === 'yes',
    newVersionVerifies: now.answer === 'yes',
  }
}

async function importLater({ importAdvisories }: Setting, story: Story): Promise<void> {
  const { ended } = await story.step(
    'later',
    'GHSA-r4q5-vmmm-2653 (CVE-2026-40895) is imported: it reaches 1.15.11 and below',
    () => importAdvisories(path.join(advisories, 'later')),
    ({ ended }) => [`${ended.length} certifications end`],
  )
  expect(ended, [], 'the later advisory ended')
}

async function exportTrust({ folder, developer }: Setting): Promise<string> {
  const trustFolder = path.join(folder, 'trust')
  await mustRun([...countersign, 'trust', 'export', trustFolder], { env: developer.env })
  return trustFolder
}

/** Stops the story where something is not as it is told. */
function expect<Value>(found: Value, expected: Value, what: string): void {
  if (isDeepStrictEqual(found, expected)) return
  throw new Error(`${what} ${JSON.stringify(found)}, and should be ${JSON.stringify(expected)}`)
}

/** Waits until the server has heard that the device runs `version`; resolves with its signed report. */
async function reported(instance: Instance, name: string, version: string): Promise<Report> {
  for (const untilMs = performance.now() + WITHIN_MS; performance.now() < untilMs; ) {
    const { devices } = await instance.admin<{ devices: readonly Listed[] }>('devices', 'list')
    const report = devices.find((one) => one.name === name)?.report
    if (report?.running?.version === version) return report
  }
  throw new Error(`the server has not heard that ${name} runs ${version}`)
}

const LOOK_EVERY_MS = 2
const WITHIN_MS = 60_000

/** The time, in milliseconds since 1970, at which a process is seen to be gone. */
async function whenGone(pid: number): Promise<number> {
  const until = Date.now() + WITHIN_MS
  while (isAlive(pid)) {
    if (Date.now() > until) throw new Error(`process ${pid} still runs`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
  return Date.now()
}
