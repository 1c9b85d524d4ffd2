import { authoriseRevocation } from '@countersign/protocol/decide/authoriseRevocation.ts'
import type { AuthorisedRevocation, Knowledge, LoggedRevocation } from '@countersign/protocol/decide/facts.ts'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { equalBytes } from '@countersign/protocol/json/base64.ts'
import type { VerifiedCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import type { PolicyLog, VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { parseRevocationLeaf, type UnverifiedRevocation } from '@countersign/protocol/revocation/envelope.ts'
import { treeRoot } from './entryTree.ts'
import type { FeedState } from './feedStore.ts'
import { loadRecords } from './recordStore.ts'

/** What is kept of one revocation log, judged by a policy. */
export interface StoredRecords {
  readonly records: readonly LoggedRevocation[]
  /** Records in the log that nobody with the right to it signed. */
  readonly ignored: number
  /** Why not everything that the log holds is known. */
  readonly problem?: Knowledge['problem']
}

/** One revocation log and what is known of it. */
export interface KnownLog {
  readonly log: PolicyLog
  readonly state: FeedState | undefined
  readonly checkpoint: VerifiedCheckpoint | undefined
}

/**
 * Reads the kept entries of a revocation log and authorises each by the policy. A record without authority has no effect and
 * is counted. A record of unknown version, scope or form makes the knowledge stale, never ignorant (design, decision 4);
 * the others count all the same, as do all of them where entries are missing or altered.
 */
export async function storedRecords(
  { log: { origin }, state, checkpoint }: KnownLog,
  folder: string,
  policy: VerificationPolicy,
): Promise<StoredRecords> {
  if (checkpoint === undefined) return { records: [], ignored: 0 }
  const read = BigInt(state?.read ?? '0')
  const entries = await loadRecords(folder, origin, read < checkpoint.size ? read : checkpoint.size)
  const judged = entries.map((entry) => judge(entry, policy))
  const records = judged.flatMap(({ authorised }, at) =>
    authorised === undefined ? [] : [{ number: BigInt(at), origin, authorised }],
  )
  const ignored = judged.filter((one) => one.authorised === undefined && one.unreadable === undefined).length
  const problem = missing(entries, checkpoint) ?? unreadable(judged, origin)
  return { records, ignored, ...(problem && { problem }) }
}

/** A record with its authority, or in words why it cannot be read, or neither: nobody with the right to it signed it. */
interface Judged {
  readonly authorised?: AuthorisedRevocation
  readonly unreadable?: string
}

// Agents look at the same entries after every push; a policy that changes is another object.
const judgements = new WeakMap<VerificationPolicy, WeakMap<Uint8Array, Judged>>()

function judge(entry: Uint8Array, policy: VerificationPolicy): Judged {
  const known = judgements.get(policy) ?? new WeakMap<Uint8Array, Judged>()
  judgements.set(policy, known)
  const judged = known.get(entry) ?? judgeOnce(entry, policy)
  known.set(entry, judged)
  return judged
}

function judgeOnce(entry: Uint8Array, { revokers, environment }: VerificationPolicy): Judged {
  let revocation: UnverifiedRevocation
  try {
    revocation = parseRevocationLeaf(entry)
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return { unreadable: error.message }
  }
  try {
    return { authorised: authoriseRevocation(revocation, revokers, environment) }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return {}
  }
}

function missing(entries: readonly Uint8Array[], { origin, size, root }: VerifiedCheckpoint): Knowledge['problem'] {
  if (BigInt(entries.length) < size) {
    const detail = `${origin}: ${entries.length} of ${size} records are known`
    return { code: 'feed.incomplete', detail, broken: false }
  }
  if (equalBytes(treeRoot(entries), root)) return undefined
  return { code: 'feed.damaged', detail: `${origin}: what is kept of it is not what it holds`, broken: false }
}

function unreadable(judged: readonly Judged[], origin: string): Knowledge['problem'] {
  const at = judged.findIndex((one) => one.unreadable !== undefined)
  if (at < 0) return undefined
  return { code: 'feed.record-unknown', detail: `${origin}, record ${at}: ${judged[at]?.unreadable}`, broken: false }
}
