import { createHash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import { countShape, objectShape, optional, type Shaped, stringShape } from '@countersign/protocol/policy/shape.ts'
import { createFile, makeFolder, replaceFile } from '../files/durable.ts'
import { readBounded } from '../files/readBounded.ts'
import { feedError } from './errors.ts'
import { ReadFiles } from './readFiles.ts'

const MAX_STATE_BYTES = 2 * 1024 * 1024
const decimal = stringShape('a decimal number', /^(?:0|[1-9]\d{0,18})$/)
const stateShape = objectShape({
  v: countShape(1, 1),
  origin: stringShape('an origin', /^\S+$/),
  /** The newest checkpoint that verified, with its cosignatures. */
  note: stringShape('a note', /^[\s\S]+$/, MAX_STATE_BYTES),
  /** An older one whose witnesses' times are newer, where there is: what was fresh then is at least as fresh now. */
  fresh: optional(stringShape('a note', /^[\s\S]+$/, MAX_STATE_BYTES)),
  /** Revocation log: how many of its entries are kept here. */
  read: optional(decimal),
})

/** What this machine knows of one log. */
export type FeedState = Shaped<typeof stateShape>

const states = new ReadFiles<FeedState>(4 * MAX_STATE_BYTES)

/** Two notes, both signed by the log, that cannot both be true. */
export interface ForkEvidence {
  readonly origin: string
  readonly known: string
  readonly offered: string
}

/** What is kept of the log `origin` below an anchor's folder; undefined if nothing. Throws `feed.damaged`. */
export async function loadFeedState(folder: string, origin: string): Promise<FeedState | undefined> {
  const path = statePath(folder, origin)
  return states.get(path, async () => {
    try {
      return stateShape(parseJson(await readBounded(path, MAX_STATE_BYTES), { maxBytes: MAX_STATE_BYTES }), '')
    } catch (cause) {
      throw feedError('feed.damaged', `${path} cannot be read`, { cause })
    }
  })
}

/** Replaces what is kept of a log. Durable before anything is decided by it. Throws `files.*`. */
export async function saveFeedState(folder: string, state: FeedState): Promise<void> {
  await makeFolder(join(folder, 'feed'), { point: 'feed.folder', mode: 0o700 })
  const bytes = Buffer.from(JSON.stringify(state))
  const path = statePath(folder, state.origin)
  await replaceFile(path, bytes, { point: 'feed.save', mode: 0o600 })
  states.set(path, state)
}

/** Keeps the evidence of a fork for good. The same evidence again changes nothing. Returns the file's path. Throws `files.*`. */
export async function keepEvidence(folder: string, evidence: ForkEvidence): Promise<string> {
  const bytes = Buffer.from(`${JSON.stringify(evidence, null, 2)}\n`)
  await makeFolder(join(folder, 'evidence'), { point: 'feed.evidence-folder', mode: 0o700 })
  const path = join(folder, 'evidence', `${originName(evidence.origin)}-${hashName(bytes)}.json`)
  await createFile(path, bytes, { point: 'feed.evidence', mode: 0o600 })
  return path
}

/** Path of kept evidence against the log `origin`, or undefined. A fork that was seen once is never forgotten. */
export function evidenceAgainst(folder: string, origin: string): string | undefined {
  const evidence = join(folder, 'evidence')
  if (!existsSync(evidence)) return undefined
  const name = readdirSync(evidence).find((one) => one.startsWith(`${originName(origin)}-`) && one.endsWith('.json'))
  return name === undefined ? undefined : join(evidence, name)
}

function statePath(folder: string, origin: string): string {
  return join(folder, 'feed', `${originName(origin)}.json`)
}

/** The name of what belongs to the log `origin`, as files and folders have it. */
export function originName(origin: string): string {
  return hashName(Buffer.from(origin))
}

function hashName(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 32)
}
