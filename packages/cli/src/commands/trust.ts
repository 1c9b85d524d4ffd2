import { join, resolve } from 'node:path'
import { addTrust } from '@countersign/local/anchors/addTrust.ts'
import { type Anchors, listAnchors, openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { removeTrust } from '@countersign/local/anchors/removeTrust.ts'
import { TARGET_NAMES } from '@countersign/local/anchors/verifyRepository.ts'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { followFeed } from '@countersign/local/feed/followFeed.ts'
import { readKnowledge } from '@countersign/local/feed/knowledge.ts'
import { makeFolder, replaceFile } from '@countersign/local/files/durable.ts'
import { parseTicket } from '@countersign/protocol/api/ticket.ts'
import { MAX_CLOCK_OFFSET_MS } from '@countersign/protocol/decide/decideToRun.ts'
import type { Terminal } from '../output/terminal.ts'

/** `countersign trust add`: first trust by ticket, and the first news, so that `verify --offline` can answer from now on. */
export async function add(text: string, terminal: Terminal): Promise<number> {
  const ticket = parseTicket(text)
  const { signal } = terminal
  const { anchors, clockOffsetMs = 0 } = await terminal.during(`fetching trust from ${ticket.httpUrl}`, () =>
    addTrust(ticket, { clock: systemClock, signal }),
  )
  if (Math.abs(clockOffsetMs) > MAX_CLOCK_OFFSET_MS) {
    const minutes = Math.round(Math.abs(clockOffsetMs) / 60_000)
    terminal.note(`The clock of this machine is ${minutes} minutes ${clockOffsetMs > 0 ? 'ahead' : 'behind'}. Set it.`)
  }
  const { failures } = await terminal.during('asking for news', () =>
    followFeed(anchors, { clock: systemClock, signal }),
  )
  for (const { origin, message } of failures) terminal.note(`no news of ${origin}: ${message}`)
  terminal.line(`Trusting ${anchors.url} (${anchors.environment}), root ${anchors.rootSha256}.`)
  terminal.result(facts(anchors))
  return 0
}

/** `countersign trust list`: every instance that is trusted here. */
export async function list(terminal: Terminal): Promise<number> {
  const all = await listAnchors()
  for (const { url, environment, rootSha256 } of all) {
    terminal.line(`${rootSha256.slice(0, 16)}  ${environment.padEnd(11)}  ${url}`)
  }
  if (all.length === 0) terminal.line('No instance is trusted on this machine.')
  terminal.result({ trusted: all.map(facts) })
  return 0
}

/** `countersign trust show`: one instance with its versions, expiry and the age of its news. Verifies everything again. */
export async function show(which: string | undefined, terminal: Terminal): Promise<number> {
  const anchors = await openAnchors(which)
  const { knowledge } = await readKnowledge(anchors)
  const { versions } = anchors
  const rows = [
    ['instance', anchors.url],
    ['environment', anchors.environment],
    ['root (SHA-256)', anchors.rootSha256],
    ['trusted since', anchors.addedAt.toISOString()],
    ['valid until', anchors.expires.toISOString()],
    ['versions', `root ${versions.root}, targets ${versions.targets}, timestamp ${versions.timestamp}`],
    [
      'news',
      knowledge.freshness
        ? `${knowledge.freshness.toISOString()}${knowledge.witnessed ? '' : ', unwitnessed'}`
        : 'none yet',
    ],
    ['kept in', anchors.folder],
  ]
  for (const [name = '', value] of rows) terminal.line(`${name.padEnd(15)}  ${value}`)
  if (knowledge.problem) terminal.line(`PROBLEM          ${knowledge.problem.detail} (${knowledge.problem.code})`)
  terminal.result({
    ...facts(anchors),
    versions,
    news: { freshness: knowledge.freshness?.toISOString(), witnessed: knowledge.witnessed, problem: knowledge.problem },
  })
  return 0
}

/** `countersign trust export`: the anchors as the files that other people's programs read, verified again before. */
export async function exportFiles(
  folder: string,
  { instance }: { readonly instance?: string },
  terminal: Terminal,
): Promise<number> {
  const anchors = await openAnchors(instance)
  await makeFolder(folder, { point: 'cli.export-folder' })
  const files = TARGET_NAMES.map((name) => join(folder, name))
  for (const name of TARGET_NAMES) {
    await replaceFile(join(folder, name), anchors.target(name), { point: 'cli.export' })
  }
  for (const file of files) terminal.line(file)
  terminal.result({ ...facts(anchors), files: files.map((file) => resolve(file)) })
  return 0
}

/** `countersign trust remove`. */
export async function remove(which: string, terminal: Terminal): Promise<number> {
  const { rootSha256, url, environment } = await removeTrust(which)
  terminal.line(`No longer trusting ${url ?? rootSha256}.`)
  terminal.result({ rootSha256, url, environment })
  return 0
}

function facts({ url, httpUrl, environment, rootSha256, addedAt, expires }: Anchors) {
  return { url, httpUrl, environment, rootSha256, addedAt: addedAt.toISOString(), expires: expires.toISOString() }
}
