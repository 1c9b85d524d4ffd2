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

/**
 * How far ending `certifications` would reach at this moment (design 5), and by which limits of the policy that is too far
 * for an automatic record.
 */
export async function reachOf(
  { database, clock, devicesRunning }: ReachDeps,
  { reach: limits }: Pick<VerificationPolicy['revokers'], 'reach'>,
  certifications: readonly NamedCertification[],
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
    above: [...groupsAbove(groups, limits), ...certificationsAbove(ending.length, active, limits)],
  }
}

type Limits = VerificationPolicy['revokers']['reach']

function groupsAbove(groups: readonly GroupReach[], { maxPercentOfGroup, minGroupDevices }: Limits): string[] {
  return groups
    .filter(({ devices, reached }) => devices >= minGroupDevices && reached * 100 > maxPercentOfGroup * devices)
    .map(
      ({ group, devices, reached }) => `${reached} of the ${devices} devices of ${group}: over ${maxPercentOfGroup} %`,
    )
}

/** Of few certifications a share says nothing, as of a group of few devices: the same number bounds both. */
function certificationsAbove(
  ending: number,
  active: number,
  { maxPercentOfCertifications, minGroupDevices }: Limits,
): string[] {
  if (active < minGroupDevices || ending * 100 <= maxPercentOfCertifications * active) return []
  return [`${ending} of ${active} active certifications: over ${maxPercentOfCertifications} %`]
}

/** Whether the policy lets an automatic record of this kind pass, however far it reaches. */
export function passesLimit(
  { reach }: Pick<VerificationPolicy['revokers'], 'reach'>,
  kind: { readonly knownExploited: boolean; readonly malware: boolean },
): boolean {
  return reach.passes.some((one) => kind[one])
}
