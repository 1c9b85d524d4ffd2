import { evidenceAgainst } from '@countersign/local/feed/feedStore.ts'
import { policyLogs } from '@countersign/local/feed/knowledge.ts'
import type { ValidatorStatus } from '@countersign/protocol/api/artifacts.ts'
import type { FollowCertificatesDeps } from '../watch/followCertificates.ts'
import { openForged } from '../watch/forgedStore.ts'

type Attention = ValidatorStatus['attention'][number]
type Forged = Awaited<ReturnType<typeof openForged>>[number]

/**
 * What the instance's logs have shown of the instance itself: a history that contradicts an earlier one, and certificates in
 * this validator's name that it never asked for. Neither goes away by waiting.
 */
export async function logAttention(
  deps: Pick<FollowCertificatesDeps, 'database' | 'clock' | 'anchors'>,
): Promise<Attention[]> {
  const { policy, folder } = deps.anchors()
  const forks = policyLogs(policy).flatMap(({ log }) => {
    const path = evidenceAgainst(folder, log.origin)
    if (path === undefined) return []
    return [{ code: 'log-forked', message: `${log.origin} signed two histories; the evidence is in ${path}` }]
  })
  return [...forks, ...(await openForged(deps.database, deps.clock)).map(forgedAttention)]
}

function forgedAttention(one: Forged): Attention {
  const { log, log_index: index, serial, not_after: until } = one
  const what = `entry ${index} of ${log} is a certificate in this validator's name by a key it never had (serial ${serial}, until ${until})`
  return { code: 'certificate-forged', message: `${what}; ${whatToDo(one)}` }
}

/** A validator's own key ends nothing without an advisory; what it can do is say exactly what approvers have to do. */
function whatToDo({ authority, number, sha256 }: Forged): string {
  if (authority === null || number === null)
    return 'no verifier takes it for a certification; ask the operator who made it'
  const by = `countersign revoke --certification ${number} --authority ${authority}`
  return `it certifies ${sha256}; approvers end it: ${by} --reason "not certified by this validator"`
}
