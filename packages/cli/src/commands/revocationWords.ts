import type { Reach, RevocationRequest } from '@countersign/protocol/api/revocations.ts'
import { decodeBase64 } from '@countersign/protocol/json/base64.ts'
import { type RevocationRecord, readRecord } from '@countersign/protocol/revocation/record.ts'

/** How far a record would reach, in sentences. */
export function reachWords({ certifications, activeCertifications, devices, groups, above }: Reach): string[] {
  return [
    `reach        ${certifications} of ${activeCertifications} active certifications, ${devices} devices`,
    ...groups.map(({ group, devices, reached }) => `  group ${group}: ${reached} of ${devices} devices`),
    ...above.map((limit) => `  over a limit of the policy: ${limit}`),
  ]
}

/** The record that a request asks for, read from the very bytes that approvers sign. Throws `revocation.*`. */
export function requestedRecord({ payload }: Pick<RevocationRequest, 'payload'>): RevocationRecord {
  return readRecord(decodeBase64(payload, 'the payload'))
}

/** What a record would do, field by field. */
export function recordWords(record: RevocationRecord): string[] {
  const { advisories = [], severity, action, replacement, reason, issuedAt } = record
  return [
    `ends         ${subjectWords(record)}`,
    `reason       ${reason}`,
    ...(advisories.length > 0 ? [`advisories   ${advisories.join(', ')}`] : []),
    ...(severity === undefined ? [] : [`severity     ${severity}`]),
    ...(action === undefined ? [] : [`advised      ${action}`]),
    ...(replacement === undefined ? [] : [`replacement  ${replacement}`]),
    `dated        ${issuedAt.toISOString()}`,
  ]
}

function subjectWords(record: RevocationRecord): string {
  if (record.effect === 'lifted') return `nothing: it lifts the record ${record.amends}`
  if (record.scope === 'certifications') return `certifications ${numberWords(record.numbers)} of ${record.authority}`
  if (record.scope === 'digest') {
    if (record.effect === 'blocked') return `sha256:${record.digest}, for good: it is blocked`
    return `sha256:${record.digest}, certified so far (numbers up to ${record.upTo})`
  }
  return record.scope === 'certificate' ? `the certificate ${record.certificate}` : `${record.identity.subject}`
}

/** Neighbours as a range; long lists are cut, with their count. */
function numberWords(numbers: readonly bigint[]): string {
  const ranges: [bigint, bigint][] = []
  for (const number of numbers) {
    const last = ranges.at(-1)
    if (last !== undefined && last[1] + 1n === number) last[1] = number
    else ranges.push([number, number])
  }
  const words = ranges.slice(0, 10).map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`))
  return `${words.join(', ')}${ranges.length > 10 ? ', …' : ''} (${numbers.length} in all)`
}
