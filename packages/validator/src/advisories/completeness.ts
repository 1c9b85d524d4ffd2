import { type Advisory, compareTimes } from '@countersign/protocol/osv/advisory.ts'
import { type AdvisoryIndex, ecosystemsOf } from './advisoryIndex.ts'
import { PUSHED, type SourceContent } from './sourceContent.ts'

/** A source that lacks more than a tenth of what is known of an ecosystem is not the whole of it, as a folder of news is not. */
const MIN_WHOLE_PART = 0.9

/**
 * The moments at which the data will be known to have been complete, by ecosystem, once it is as this source has it. Only
 * what was read whole says that: single records are news and no proof that nothing else is missing. The publisher's own place
 * is as new as `now`, and so is a sample, which claims nothing about the world. A copy is as new as its newest record; one
 * from the future proves nothing.
 */
export function completeAsOf(index: AdvisoryIndex, content: SourceContent, now: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const name of mostlyIn(index, content)) {
    const asOf = content.live || content.sample ? now : newestIn(content.records.values(), name, now)
    if (asOf !== undefined) found.set(name, asOf)
  }
  return found
}

function mostlyIn(index: AdvisoryIndex, { source, records, ids, whole }: SourceContent): string[] {
  const all = new Map<string, number>()
  const own = new Map<string, number>()
  const count = (advisory: Advisory, isOwn: boolean) => {
    if (advisory.withdrawn !== undefined) return
    for (const name of ecosystemsOf(advisory)) {
      all.set(name, (all.get(name) ?? 0) + 1)
      if (isOwn) own.set(name, (own.get(name) ?? 0) + 1)
    }
  }
  for (const known of index.all()) {
    const { id } = known.advisory
    const has = ids?.has(id) ?? false
    // What came from this source and is gone from it goes away; what was pushed is expected of no other source.
    const isExpected = has || (known.source !== source && known.source !== PUSHED)
    if (isExpected && !records.has(id)) count(known.advisory, has)
  }
  for (const advisory of records.values()) count(advisory, true)
  return [...whole].filter((name) => (own.get(name) ?? 0) >= (all.get(name) ?? 0) * MIN_WHOLE_PART)
}

function newestIn(records: Iterable<Advisory>, ecosystem: string, now: string): string | undefined {
  let newest: string | undefined
  for (const advisory of records) {
    const at = changedAt(advisory)
    if (at === undefined || compareTimes(at, now) > 0 || !ecosystemsOf(advisory).has(ecosystem)) continue
    if (newest === undefined || compareTimes(at, newest) > 0) newest = at
  }
  return newest
}

/** Generators that keep no history write the first second of the calendar; then it is when the record was published. */
function changedAt({ modified, published }: Advisory): string | undefined {
  return modified.startsWith('0001-') ? published : modified
}
