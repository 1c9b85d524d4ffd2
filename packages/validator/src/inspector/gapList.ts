import { INSPECTOR_LIMITS, type ListedGap } from './listing.ts'

/** Keeps so many gaps of each code that all fit into a catalogue; where there are more, the last one says how many. */
export function boundGaps<G extends ListedGap>(gaps: readonly G[]): G[] {
  const counts = new Map<string, number>()
  for (const { code } of gaps) counts.set(code, (counts.get(code) ?? 0) + 1)
  const kept = new Map<string, number>()
  return gaps.flatMap((gap) => {
    const at = (kept.get(gap.code) ?? 0) + 1
    kept.set(gap.code, at)
    const more = (counts.get(gap.code) ?? 0) - INSPECTOR_LIMITS.gapsOfOneCode
    if (at <= INSPECTOR_LIMITS.gapsOfOneCode) return [gap]
    return at === INSPECTOR_LIMITS.gapsOfOneCode + 1
      ? [{ ...gap, detail: `and ${more - 1} more like it: ${gap.detail}`.slice(0, 1000) }]
      : []
  })
}
