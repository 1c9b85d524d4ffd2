import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { decodeBase64 } from '@countersign/protocol/json/base64.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import { arrayShape, objectShape, type Shaped, stringShape } from '@countersign/protocol/policy/shape.ts'
import type { PolicyLog, VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { feedError } from './errors.ts'
import type { PushedEvent } from './eventStream.ts'
import { loadFeedState } from './feedStore.ts'
import { acceptCheckpoint } from './followLog.ts'
import { keptTree } from './keptTree.ts'
import { openLogReader, type ReadDeps } from './logReader.ts'
import { openNote } from './openedNotes.ts'
import { loadRecords } from './recordStore.ts'

const MAX_PUSH_BYTES = 64 * 1024

/** `data` of an event of `feedEventsRoute`. */
const pushShape = objectShape({
  checkpoint: stringShape('a signed note', /^[\s\S]+$/, MAX_PUSH_BYTES),
  /** Index of the first entry; decimal digits, as everywhere in JSON. */
  from: stringShape('an index in decimal digits', /^(?:0|[1-9]\d{0,14})$/),
  entries: arrayShape(stringShape('base64', /^[A-Za-z0-9+/]*={0,2}$/, MAX_PUSH_BYTES), { max: 256 }),
})

/** What verifying a push needs. */
export interface PushDeps extends ReadDeps {
  readonly witnesses: VerificationPolicy['witnesses']
}

/**
 * Takes a push about a revocation log exactly as far as it proves itself: the same checks as for what is polled, in the same
 * code. The tree is computed from the kept entries and the pushed ones; where that does not lead to the signed root, the
 * tiles are fetched. Returns false for what is not newer than what is known: a repetition, or news out of order.
 * Throws `feed.push-wrong` for what is no push, and the codes of `acceptCheckpoint`; nothing is kept then but evidence.
 */
export async function acceptPush(log: PolicyLog, folder: string, event: PushedEvent, deps: PushDeps): Promise<boolean> {
  const push = parsePush(event)
  const offered = openNote(push.checkpoint, log, 'revocations')
  const state = await loadFeedState(folder, log.origin)
  const known = state && openNote(state.note, log, 'revocations')
  if (known !== undefined && offered.size < known.size) return false

  const offer = { note: push.checkpoint, witnesses: deps.witnesses }
  const entries = await treeAfter(push, folder, log.origin, BigInt(state?.read ?? '0'))
  const isWhole = BigInt(entries.length) === offered.size
  try {
    if (isWhole) await acceptCheckpoint(log, 'revocations', folder, { ...offer, reader: keptTree(entries) })
  } catch (error) {
    if (!hasCode(error, 'feed.tiles-wrong')) throw error
    await acceptCheckpoint(log, 'revocations', folder, { ...offer, reader: openLogReader(log.url, deps) })
  }
  if (!isWhole) await acceptCheckpoint(log, 'revocations', folder, { ...offer, reader: openLogReader(log.url, deps) })
  return (await loadFeedState(folder, log.origin))?.note !== state?.note
}

/** All entries of the tree, if the pushed ones follow on the kept ones; else only those that are kept. */
async function treeAfter(
  { from, entries }: Shaped<typeof pushShape>,
  folder: string,
  origin: string,
  read: bigint,
): Promise<Uint8Array[]> {
  const kept = await loadRecords(folder, origin, read)
  const first = Number(from)
  if (first > kept.length) return kept
  const pushed = entries.map((one) => decodeBase64(one, 'a pushed entry'))
  return [...kept, ...pushed.slice(kept.length - first)]
}

function parsePush({ event, data }: PushedEvent): Shaped<typeof pushShape> {
  if (event !== 'checkpoint') throw feedError('feed.push-wrong', `an event of the kind ${event.slice(0, 32)}`)
  try {
    return pushShape(parseJson(data, { maxBytes: MAX_PUSH_BYTES, maxDepth: 4 }), '')
  } catch (cause) {
    throw feedError('feed.push-wrong', 'an event holds no checkpoint with entries', { cause })
  }
}
