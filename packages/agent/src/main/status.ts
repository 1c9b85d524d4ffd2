import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { readKnowledge } from '@countersign/local/feed/knowledge.ts'
import { isStillThere } from '../enforce/processFacts.ts'
import { type DataFolder, dataFolder } from '../state/dataFolder.ts'
import { EARLIEST_TIME } from '../state/deviceTime.ts'
import { loadEnrolment } from '../state/enrolment.ts'
import { openState } from '../state/stateStore.ts'

/** What `countersign-agent status` takes. */
export interface StatusOptions {
  readonly data: string
  readonly json?: boolean
}

/** `countersign-agent status`: read from the files of this device, all anchors verified again; asks nobody. */
export async function status({ data, json }: StatusOptions): Promise<void> {
  const found = await readStatus(dataFolder(resolve(data)))
  if (json) process.stdout.write(`${JSON.stringify(found)}\n`)
  else for (const line of describeStatus(found)) process.stdout.write(`${line}\n`)
}

/** What is known of this device without asking anybody. */
export type DeviceStatus = Awaited<ReturnType<typeof readStatus>>

/** Reads the status of a device. Throws `state.*`, `anchors.*`, `feed.damaged`. */
export async function readStatus(folder: DataFolder) {
  const { name, url, rootSha256 } = await loadEnrolment(folder)
  const { current: state } = await openState(folder, EARLIEST_TIME)
  const anchors = await openAnchors(rootSha256, folder.trust)
  const { knowledge } = await readKnowledge(anchors)
  const running = state.running !== undefined && isStillThere(state.running) ? state.running : undefined
  const release = state.releases.find((one) => one.sha256 === running?.sha256)
  return {
    name,
    url,
    environment: anchors.environment,
    rootSha256,
    ...(running &&
      release && {
        running: {
          product: release.product,
          version: release.version,
          releaseCounter: release.counter,
          ...running,
          ...(running.uid !== undefined && { couldChangeItsFiles: couldChange(running.uid, folder.releases) }),
        },
      }),
    ...(state.assignment && { assignment: state.assignment }),
    releases: state.releases,
    highest: state.highest,
    news: {
      ...(knowledge.freshness && { freshness: knowledge.freshness.toISOString() }),
      acknowledged: state.acknowledged,
      witnessed: knowledge.witnessed,
      ...(knowledge.problem && { problem: knowledge.problem }),
    },
    needsFreshCheckpoint: state.needsFreshCheckpoint,
    timeFloor: state.timeFloor,
    trust: state.tuf,
    events: state.events,
  }
}

/** The installed files belong to whom the agent runs as; their owner could make them writable, and root writes everything. */
function couldChange(uid: number, releases: string): boolean {
  return uid === 0 || (existsSync(releases) && statSync(releases).uid === uid)
}

/** The same for people, a line for each fact. */
export function describeStatus(found: DeviceStatus): string[] {
  const { running, assignment, news } = found
  const rows: [string, string][] = [
    ['device', `${found.name} of ${found.url} (${found.environment})`],
    [
      'assigned',
      assignment ? `${assignment.product}, ${assignment.pinned ?? `newest of ${assignment.channel}`}` : 'nothing yet',
    ],
    [
      'runs',
      running
        ? `${running.product} ${running.version} (release ${running.releaseCounter}), process ${running.pid}, port ${running.port}`
        : 'nothing',
    ],
    ['runs as', running ? userWords(running) : '–'],
    ['process group', running ? (running.controlGroup ?? 'no control group: a process group') : '–'],
    ['news', `${news.freshness ?? 'none yet'}${news.witnessed ? '' : ', unwitnessed'}, ${news.acknowledged} records`],
  ]
  if (news.problem) rows.push(['PROBLEM', `${news.problem.detail} (${news.problem.code})`])
  if (found.needsFreshCheckpoint) {
    rows.push(['waits for', `one fresh checkpoint, of at least ${news.acknowledged} records; nothing starts before`])
  }
  const events = found.events.slice(-5).map((one): [string, string] => [one.at, `${one.kind} ${one.detail}`])
  return [...rows, ...events].map(([title, value]) => `${title.padEnd(24)}  ${value}`)
}

function userWords({ uid, couldChangeItsFiles }: NonNullable<DeviceStatus['running']>): string {
  if (uid === undefined) return 'unknown'
  if (!couldChangeItsFiles) return `user ${uid}, who cannot write the installed files`
  return `user ${uid}, who COULD CHANGE the installed files between two starts: let the agent be root, and the program another user`
}
