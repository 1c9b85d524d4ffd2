import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { Reach } from '@countersign/protocol/api/revocations.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { type CertificationName, countActive } from '../authority/certifications.ts'
import type { NamedCertification } from './endedBy.ts'

/** Devices of one group, and how many of them run what would end. */
export interface GroupReach {
  readonly group: string
  readonly devices: number
  readonly reached: number
}

/** What computing the reach stands on. */
export interface ReachDeps {
  readonly database: Database
  readonly clock: Clock
  /** The devices that run something under one of these certifications, by group; every group with a device is listed. */
  devicesRunning(certifications: readonly CertificationName[]): Promise<readonly GroupReach[]>
}

/** What automatic records of the same validator have reached shortly before: they count together, or splitting would help. */
export interface EarlierReach {
  readonly certifications: number
  /** How many of them still count as active, because the log does not have their record yet. */
  readonly stillActive: number
  /** Devices by group. */
  readonly groups: ReadonlyMap<string, number>
}

const NOTHING_EARLIER: EarlierReach = { certifications: 0, stillActive: 0, groups: new Map() }

/**
 * How far ending `certifications` would reach at this moment (design 5), and by which limits of the policy that is, together
 * with what was reached `earlier`, too far for an automatic record.
 */
export async function reachOf(
  { database, clock, devicesRunning }: ReachDeps,
  { reach: limits }: Pick<VerificationPolicy['revokers'], 'reach'>,
  certifications: readonly NamedCertification[],
  earlier: EarlierReach = NOTHING_EARLIER,
): Promise<Reach> {
  const now = clock.now()
  const ending = certifications.filter(({ isEnded, notAfter }) => !isEnded && notAfter >= now)
  const active = await countActive(database, now)
  const groups = ending.length === 0 ? [] : await devicesRunning(ending)
  return {
    certifications: ending.length,
    activeCertifications: active,
    devices: groups.reduce((sum, { reached }) => sum + reached, 0),
    groups: groups.map(({ group, devices, reached }) => ({ group, devices, reached })),
    above: [
      ...groupsAbove(groups, earlier, limits),
      ...certificationsAbove({ ending: ending.length, active }, earlier, limits),
    ],
  }
}

type Limits = VerificationPolicy['revokers']['reach']

/** A device that was reached before runs something else now, or nothing; it is still one of the group. */
function groupsAbove(groups: readonly GroupReach[], earlier: EarlierReach, limits: Limits): string[] {
  const { maxPercentOfGroup, minGroupDevices } = limits
  return groups.flatMap(({ group, devices, reached }) => {
    const before = earlier.groups.get(group) ?? 0
    const all = Math.min(devices, reached + before)
    if (reached === 0 || devices < minGroupDevices || all * 100 <= maxPercentOfGroup * devices) return []
    return [`${all} of the ${devices} devices of ${group}${withinWords(before)}: over ${maxPercentOfGroup} %`]
  })
}

/**
 * Of few certifications a share says nothing, as of a group of few devices: the same number bounds both. What ended earlier
 * was active then, so it stands on both sides of the share.
 */
function certificationsAbove(
  { ending, active }: { readonly ending: number; readonly active: number },
  { certifications: before, stillActive }: EarlierReach,
  { maxPercentOfCertifications, minGroupDevices }: Limits,
): string[] {
  const all = ending + before
  const of = active + before - stillActive
  if (ending === 0 || of < minGroupDevices || all * 100 <= maxPercentOfCertifications * of) return []
  return [`${all} of ${of} active certifications${withinWords(before)}: over ${maxPercentOfCertifications} %`]
}

function withinWords(before: number): string {
  return before === 0 ? '' : ' within a day'
}

/**
 * Whether the policy lets an automatic record of this kind pass, however far it reaches. That it is of the kind, the
 * validator declares and vouches for; the record has to name it as well, where everyone can read it: an advisory of OSV's
 * name space for malware, or a CVE number, by which known exploited flaws are listed.
 */
export function passesLimit(
  { reach }: Pick<VerificationPolicy['revokers'], 'reach'>,
  kind: { readonly knownExploited: boolean; readonly malware: boolean },
  advisories: readonly string[],
): boolean {
  return reach.passes.some((one) => kind[one] && advisories.some((id) => id.startsWith(PREFIXES[one])))
}

const PREFIXES = { malware: 'MAL-', knownExploited: 'CVE-' } as const
