import type { CertificationPolicy } from './certificationPolicy.ts'
import { durationWords } from './duration.ts'

/** Says in plain sentences, one fact each, what a certification policy certifies. English, for people only. */
export function explainCertificationPolicy(policy: CertificationPolicy): string[] {
  return [
    'A submission is certified if nothing in it is known to be flawed and nothing in it is unknown, except as said below.',
    'Nothing found, missing or old advisory data, and an inspector that died are never accepted.',
    `A certification lives for ${policy.validityDays} day${policy.validityDays === 1 ? '' : 's'}.`,
    `Advisory data may be ${durationWords(policy.maxAdvisoryAge)} old.`,
    ...explainFindings(policy.findings),
    explainEvidence(policy.requiredEvidence),
    ...policy.acceptedGaps.map(explainGap),
    ...explainExceptions(policy.exceptions),
    `A change of the advisories that would end more than ${policy.maxEndedByOneChange} certifications waits for an operator.`,
  ]
}

function explainFindings(findings: CertificationPolicy['findings']): string[] {
  const does = {
    certify: 'is certified, and the finding is listed',
    ask: 'waits until an operator of the validator has decided',
    refuse: 'is refused',
  }
  return Object.entries(findings).map(
    ([severity, action]) => `A component with an advisory of severity ${severity} ${does[action]}.`,
  )
}

function explainEvidence(evidence: CertificationPolicy['requiredEvidence']): string {
  const words = {
    content: 'must equal its published package, byte for byte',
    'installed metadata': 'must at least say what it is where it is installed',
    declared: 'may be known by a lockfile alone',
  }
  return `Every component ${words[evidence]}.`
}

function explainGap({ code, product, path, reason, expires }: CertificationPolicy['acceptedGaps'][number]): string {
  const of = product === '*' ? 'every product' : product
  return `In ${of} the gap ${code} at ${path} is accepted until ${expires}: ${reason}.`
}

function explainExceptions({ authors, statements }: CertificationPolicy['exceptions']): string[] {
  if (authors.length === 0) return ['Nobody may make exceptions.']
  return [
    ...authors.map(
      ({ author, products }) =>
        `${author} may make exceptions for ${products.includes('*') ? 'every product' : products.join(', ')}, unless they submitted it.`,
    ),
    ...statements.map(
      (one) =>
        `${one.author} says that ${one.advisory} does not apply to ${one.component} in ${one.product}: ${one.justification}` +
        (one.expires === undefined ? '.' : `, until ${one.expires}.`),
    ),
  ]
}
