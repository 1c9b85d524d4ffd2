import type { VerifiedBundle } from '@countersign/protocol/bundle/verifyBundle.ts'
import type { RunDecision } from '@countersign/protocol/decide/decideToRun.ts'
import { endingWords } from '@countersign/protocol/decide/endingWords.ts'
import type { Ending, VerifiedCertification } from '@countersign/protocol/decide/facts.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import { checkTable, printable } from '../output/checkTable.ts'
import type { Terminal } from '../output/terminal.ts'
import type { Artifact } from './artifact.ts'
import type { Replacement } from './findReplacement.ts'

/** The answer of `countersign verify` with everything it rests on. */
export interface VerifyOutcome extends RunDecision {
  readonly artifact?: Artifact
  readonly signature?: VerifiedBundle
  readonly certifications: readonly VerifiedCertification[]
  readonly endings: readonly Ending[]
  /** Where a certification ended: what is certified of the same product now. */
  readonly replacement?: Replacement
  /** When it was decided. */
  readonly now: Date
}

/** Prints the answer for people: who signed, who certified, every check, and the reasons. */
export function printOutcome(name: string, outcome: VerifyOutcome, terminal: Terminal): void {
  const { answer, signature, certifications, checks, reasons, replacement } = outcome
  terminal.line(`${answer}  ${printable(name)}`)
  if (signature) {
    const { identity, signedAt } = signature
    terminal.line(
      `  signed by ${printable(identity.subject)} (${printable(identity.issuer)}), ${signedAt.toISOString()}`,
    )
  }
  for (const one of certifications) {
    for (const line of certificationLines(one, outcome)) terminal.line(`  ${printable(line)}`)
  }
  for (const line of checkTable(checks)) terminal.line(line)
  for (const reason of reasons) terminal.line(`  ${answer}, because ${printable(reason)}`)
  if (replacement === undefined) return
  const { product, version, sha256 } = replacement
  terminal.line(`  certified in its place: ${printable(`${product} ${version}`)}, sha256:${sha256}`)
}

/** The same facts for programs. */
export function describeOutcome(name: string, outcome: VerifyOutcome): object {
  const { answer, checks, reasons, artifact, signature, certifications, endings, replacement } = outcome
  return {
    answer,
    artifact: name,
    ...(artifact && { digest: toHex(artifact.digest) }),
    ...(signature && {
      signer: { subject: signature.identity.subject, issuer: signature.identity.issuer },
      signedAt: signature.signedAt.toISOString(),
      log: { origin: signature.entry.origin, index: signature.entry.index },
    }),
    certifications: certifications.map((one) => describeCertification(one, outcome)),
    endings: endings.filter((one) => one.covers !== 'certification').map(describeEnding),
    ...(replacement && { replacement }),
    checks,
    reasons,
  }
}

function certificationLines(one: VerifiedCertification, outcome: VerifyOutcome): string[] {
  const { validator, number, product, version, claims, sameOperator } = one
  const { asOf, sample, records } = claims.advisories
  const { findings, gaps } = claims.accepted
  const state = stateOf(one, outcome)
  return [
    `${product} ${version} certified by ${validator.subject}, number ${number}${state === 'active' ? '' : `: ${state}`}`,
    `  advisory data as of ${asOf}, ${sample ? 'sample, ' : ''}${records} records`,
    ...(sameOperator ? ['  one operator runs server and validator'] : []),
    ...findings.map(({ advisory, component, reason }) => `  accepted: ${advisory} in ${component}: ${reason}`),
    ...gaps.map(({ code, path, reason }) => `  accepted: ${code} at ${path}: ${reason}`),
    ...endingsOf(one, outcome).map((ending) => `  ${endingWords(ending)}`),
  ]
}

function describeCertification(one: VerifiedCertification, outcome: VerifyOutcome): object {
  const { validator, number, authority, product, version, claims, sameOperator, signedAt, notAfter } = one
  return {
    validator: validator.subject,
    number,
    authority,
    product,
    version,
    state: stateOf(one, outcome),
    signedAt: signedAt.toISOString(),
    notAfter: notAfter.toISOString(),
    sameOperator,
    advisories: claims.advisories,
    components: claims.components,
    accepted: claims.accepted,
    endings: endingsOf(one, outcome).map(describeEnding),
  }
}

function describeEnding({ covers, effect, from, record, issuedAt, ...ending }: Ending): object {
  const { reason, advisories, severity, action, replacement } = ending
  return {
    covers,
    effect,
    since: (from ?? issuedAt).toISOString(),
    record: record.number,
    origin: record.origin,
    by: record.by,
    reason,
    advisories,
    ...(severity && { severity }),
    ...(action && { action }),
    ...(replacement && { replacement }),
  }
}

function stateOf(one: VerifiedCertification, outcome: VerifyOutcome): 'active' | 'ended' | 'expired' {
  if (endingsOf(one, outcome).length > 0) return 'ended'
  return outcome.now.getTime() > one.notAfter.getTime() ? 'expired' : 'active'
}

function endingsOf({ authority, number }: VerifiedCertification, { endings }: VerifyOutcome): Ending[] {
  return endings.filter(
    ({ certification }) => certification?.authority === authority && certification.number === number,
  )
}
