import type { InstalledRelease, StoredState } from '../state/storedState.ts'
import type { Examination } from './examine.ts'

/** One installed release with how it stands now. */
export interface Candidate {
  readonly release: InstalledRelease
  readonly examination: Examination
}

/**
 * Which of the installed releases may run, best first: the one with the highest counter that this device has had; and behind a
 * release whose trust a verified revocation ended, and whose effect is to go back, the newest one below it that this device
 * has run (design 10). Nothing else leads to a lower version: not a missing file, not a broken program, not staleness.
 */
export function releasesToTry(candidates: readonly Candidate[], highest: number): InstalledRelease[] {
  const sorted = [...candidates].sort((a, b) => b.release.counter - a.release.counter)
  const [top, ...below] = sorted
  if (top === undefined || top.release.counter < highest) return []
  if (top.examination.standing.kind !== 'revoked') return [top.release]
  if (top.examination.effect === 'inform') return [top.release]
  if (top.examination.effect !== 'goBack') return []
  for (const { release, examination } of below) {
    if (!release.hasRun) continue
    if (examination.standing.kind !== 'revoked') return [release]
    if (examination.effect !== 'goBack') return []
  }
  return []
}

/** The installed releases of what this device is assigned. */
export function assignedReleases({ releases, assignment }: StoredState): InstalledRelease[] {
  if (assignment === undefined) return []
  return releases.filter((one) => one.product === assignment.product && one.channel === assignment.channel)
}
