import type { ValidatorStatus } from '@countersign/protocol/api/artifacts.ts'
import type { CertificationPolicy } from '@countersign/protocol/policy/certificationPolicy.ts'
import { durationMs, durationWords } from '@countersign/protocol/policy/duration.ts'
import type { Advisories } from '../advisories/openAdvisories.ts'
import { NO_ADVISORY_DATA } from '../certify/judge.ts'
import { ageWords, isDataOld } from '../match/dataGaps.ts'

/** What a person should look at in the advisory data: none, too old by the same measure as verdicts, a sample, or held. */
export function advisoryAttention(
  advisories: Pick<Advisories, 'state' | 'held'>,
  {
    now,
    environment,
    policy,
  }: { readonly now: Date; readonly environment: string; readonly policy: CertificationPolicy },
): ValidatorStatus['attention'] {
  const { records, sample, ecosystems } = advisories.state()
  if (records === 0) return [{ code: 'no-advisory-data', message: NO_ADVISORY_DATA }]
  const { maxAdvisoryAge } = policy
  const old = ecosystems.filter((one) => isDataOld(one, { now, maxAgeMs: durationMs(maxAdvisoryAge) }))
  // Records of one ecosystem speak of others too, whose data nobody has asked for; that none is whole is another matter.
  const isAnyWhole = ecosystems.some(({ asOf }) => asOf !== undefined)
  const found = old.flatMap((one) => {
    if (one.asOf === undefined && isAnyWhole) return []
    const words = `the advisory data for ${one.name} ${ageWords(one)} (at most ${durationWords(maxAdvisoryAge)} are allowed)`
    const message = `${words}: verdicts are incomplete until it is synchronised`
    return [{ code: 'advisory-data-old', message }]
  })
  if (sample && environment === 'production') {
    found.push({ code: 'advisory-data-sample', message: 'the advisory data is a sample: nothing will be certified' })
  }
  const held = advisories.held().length
  if (held > 0)
    found.push({ code: 'advisories-held', message: `${held} changes of the advisories wait to be released` })
  return found
}
