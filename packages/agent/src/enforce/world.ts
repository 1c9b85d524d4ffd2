import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { parseTrustedRoot, type TrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import type { Knowledge } from '@countersign/protocol/decide/facts.ts'
import type { DeviceTime } from '../state/deviceTime.ts'
import type { Surroundings } from './examine.ts'

/** What this device trusts and knows just now, in memory: a recall must not wait for a disk. */
export interface World {
  readonly anchors: Anchors
  readonly knowledge: Knowledge
  /** Aborts when the anchors are replaced; whoever follows the old ones begins again. */
  readonly anchorsReplaced: AbortSignal
  /** Everything a decision needs, with the time read once. */
  surroundings(): Surroundings
  /** For newer anchors of the same instance, verified. */
  replaceAnchors(anchors: Anchors): void
  /** For newer news of these anchors, verified and durable. */
  replaceKnowledge(knowledge: Knowledge): void
}

/** The world as the device has it stored. */
export function openWorld(first: Anchors, known: Knowledge, time: DeviceTime): World {
  let anchors = first
  let knowledge = known
  let root: TrustedRoot = parseTrustedRoot(anchors.target('trusted_root.json'))
  let replaced = new AbortController()
  return {
    get anchors() {
      return anchors
    },
    get knowledge() {
      return knowledge
    },
    get anchorsReplaced() {
      return replaced.signal
    },
    surroundings: () => ({
      anchors,
      root,
      knowledge,
      now: time.now(),
      timeFloor: time.floor(),
      isTimeProven: time.isProven(),
    }),
    replaceAnchors(next) {
      const { versions } = anchors
      anchors = next
      if (next.versions.root === versions.root && next.versions.targets === versions.targets) return
      root = parseTrustedRoot(next.target('trusted_root.json'))
      const before = replaced
      replaced = new AbortController()
      before.abort(new DOMException('The anchors were replaced', 'AbortError'))
    },
    replaceKnowledge(next) {
      knowledge = next
    },
  }
}
