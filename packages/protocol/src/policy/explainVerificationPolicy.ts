import { durationWords } from './duration.ts'
import type { IdentityPattern } from './identityPattern.ts'
import type { VerificationPolicy } from './verificationPolicy.ts'

/** Says in plain sentences, one fact each, what a verification policy asks for and does. English, for people only. */
export function explainVerificationPolicy(policy: VerificationPolicy): string[] {
  return [
    ...explainAnchors(policy),
    ...policy.identities.map(explainIdentity),
    ...explainValidators(policy.validators),
    ...explainRevokers(policy.revokers),
    ...explainLogs(policy.logs),
    ...explainWitnesses(policy.witnesses),
    ...explainEffects(policy),
  ]
}

function explainAnchors({ environment, anchors }: VerificationPolicy): string[] {
  const first =
    environment === 'production'
      ? 'This is a production policy: nothing that a development instance issued is trusted.'
      : 'This is a development policy: it is not for software that others rely on.'
  if (anchors.length === 0) return [first, 'Any installed anchor of this environment is accepted.']
  return [
    first,
    ...anchors.map((one) => `The ${one.environment} anchor with root SHA-256 ${one.rootSha256} is accepted.`),
  ]
}

function explainIdentity({ issuer, subject, products }: IdentityPattern): string {
  const what = products === undefined ? 'any artifact' : `artifacts of ${products.join(', ')}`
  if ('exact' in subject) return `${subject.exact}, signed in by ${issuer}, may sign ${what}.`
  if ('emailDomain' in subject)
    return `Every address at ${subject.emailDomain}, signed in by ${issuer}, may sign ${what}.`
  if ('uriPrefix' in subject)
    return `Every identity below ${subject.uriPrefix}, signed in by ${issuer}, may sign ${what}.`
  return `Everyone whom ${issuer} signs in may sign ${what}.`
}

function explainValidators({ required, of }: VerificationPolicy['validators']): string[] {
  if (required === 0) return ['No certification is asked for: a good signature by a trusted identity is enough.']
  const names = of.map((one) => one.name).join(', ')
  return [`An artifact runs only if ${required} of these ${of.length} validators certified it: ${names}.`]
}

function explainRevokers({ keys, approvals, reach }: VerificationPolicy['revokers']): string[] {
  if (keys.length === 0) return ['Nobody may end trust yet: no revoker key is named.']
  const passes = reach.passes.map((one) =>
    one === 'malware' ? 'malware' : 'flaws that its validator knows to be exploited',
  )
  const of = (count: number) => `${count} approver${count === 1 ? '' : 's'}`
  return [
    ...keys.map(explainRevoker),
    `A record needs ${of(approvals.certifications)} for certifications, ${of(approvals.digest)} for a digest, ` +
      `${of(approvals.certificate)} for a certificate, ${of(approvals.identity)} for an identity.`,
    `An automatic record that reaches more than ${reach.maxPercentOfGroup} % of a group of ${reach.minGroupDevices} or more devices, ` +
      `or more than ${reach.maxPercentOfCertifications} % of all certifications, waits for an approver` +
      (passes.length > 0 ? `, except for ${passes.join(' and ')}.` : '.'),
  ]
}

function explainRevoker(key: VerificationPolicy['revokers']['keys'][number]): string {
  if (key.validator) return `${key.name} may end certifications that ${key.validator.name} issued, and nothing else.`
  return `${key.name} may end trust in: ${key.scopes.join(', ')}.`
}

function explainLogs(logs: VerificationPolicy['logs']): string[] {
  const kinds = [
    ['Signatures', logs.artifacts],
    ['Certificates', logs.certificates],
    ['Revocations', logs.revocations],
    ['Audit records', logs.audit],
  ] as const
  return kinds.flatMap(([kind, list]) =>
    list.map(({ origin, closed }) =>
      closed === undefined
        ? `${kind} are in the log ${origin}.`
        : `${kind} are also in the closed log ${origin}, which ended at ${closed.size} entries.`,
    ),
  )
}

function explainWitnesses({ quorum, of }: VerificationPolicy['witnesses']): string[] {
  const outside = of.filter((one) => one.outside).length
  const names = of.map((one) => one.name).join(', ')
  const first = `A log counts as fresh by the word of ${quorum} of ${of.length} witness${of.length === 1 ? '' : 'es'}: ${names}.`
  return outside > 0 ? [first] : [first, 'None of them is run by another operator: the logs are unwitnessed.']
}

function explainEffects(policy: VerificationPolicy): string[] {
  const revoked = {
    goBack: 'Revoked code goes back to a release that is still good, or stops where there is none.',
    stop: 'Revoked code stops.',
    inform: 'Revoked code keeps running; people are told.',
  }
  const expired = {
    goBack: 'When a certification runs out, code stops; only a revocation leads back to a lower release.',
    stop: 'When a certification runs out, code stops.',
    refuseInstalls:
      'When a certification runs out, code keeps running and may start again, but is not installed any more.',
    inform: 'When a certification runs out, people are told.',
  }
  const stale = {
    stop: 'code stops',
    refuseInstalls: 'nothing new is installed and a warning is given',
    inform: 'a warning is given',
  }
  return [
    revoked[policy.onRevoked],
    policy.onRevoked === 'inform'
      ? 'What this policy itself no longer lets run goes on until its next start.'
      : 'What this policy itself no longer lets run stops.',
    expired[policy.onExpired],
    `When the newest word on revocations is older than ${durationWords(policy.maxStaleness)}, ${stale[policy.onStale]}.`,
    policy.maxOffline === '0'
      ? 'Code keeps running offline without limit.'
      : `After ${durationWords(policy.maxOffline)} without such word running code stops.`,
    `A device that leaves a revocation unacknowledged for ${durationWords(policy.silence.bound)} is listed as silent.`,
    ...(policy.silence.groups ?? []).map(
      ({ group, bound }) => `For devices of the group ${group} that bound is ${durationWords(bound)}.`,
    ),
  ]
}
