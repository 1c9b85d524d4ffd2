import type { UnverifiedBundle } from '../bundle/parseBundle.ts'
import type { SignedArtifact } from '../bundle/signedArtifact.ts'
import type { TrustedRoot } from '../bundle/trustedRoot.ts'
import { type Check, type VerifiedBundle, verifyBundle } from '../bundle/verifyBundle.ts'
import { CodedError } from '../errors/codedError.ts'
import { equalBytes } from '../json/base64.ts'
import { type CertificationClaims, readCertificationStatement } from '../statement/certificationStatement.ts'
import { statementError } from '../statement/errors.ts'
import { parseValidatorUri } from '../statement/validatorUri.ts'
import { readCertificationExtension } from '../x509/certification.ts'
import type { VerifiedCertification } from './facts.ts'

/** All steps with their results, and what is proved if all passed. */
export interface CertificationVerification {
  readonly checks: readonly Check[]
  readonly certification?: VerifiedCertification
}

/**
 * Verifies a certification of this artifact: the bundle with all its steps, then that a certification authority
 * issued the certificate, that it carries a number and the digest of this artifact, that it names a validator of that
 * authority's instance, and that the statement is this validator's, about this artifact alone. Never throws for what is in
 * the bundle: each step is a check, failed ones with the code of the error.
 * `root` is trusted as given. Not looked at: whether the certification has ended or run out, whether the validator counts.
 * Those go by authority and number, never by the bytes of the bundle: (r, n-s) verifies too and has the same number.
 */
export function verifyCertification(
  bundle: UnverifiedBundle,
  artifact: SignedArtifact,
  root: TrustedRoot,
): CertificationVerification {
  const { checks, verified } = verifyBundle(bundle, artifact, root)
  const steps = startSteps(checks)
  steps.run('certification authority', verified, checkAuthority)
  const mark = steps.run('certification number', verified, readMark)
  const validator = steps.run('validator', verified, readValidator)
  const claims = steps.run('certification statement', verified, readClaims)
  if (!verified || !mark || !validator || !claims || steps.failed()) return { checks: steps.checks }
  const { authority, certificate, digest, signedAt, entry } = verified
  const { product, version } = claims
  const { serialHex, notAfter } = certificate
  const numbered = { authority: authority.keyId, ...mark, ...validator, serialHex, notAfter, certificate }
  return { checks: steps.checks, certification: { ...numbered, digest, signedAt, entry, claims, product, version } }
}

interface Passed<T> {
  readonly value: T
  readonly detail: string
}

function checkAuthority({ authority }: VerifiedBundle): Passed<true> {
  if (!authority.certifies) {
    throw statementError('statement.not-certification-authority', 'its certificate is one for signatures')
  }
  return { value: true, detail: authority.uri }
}

function readMark({ certificate, digest }: VerifiedBundle): Passed<Pick<VerifiedCertification, 'number'>> {
  const mark = readCertificationExtension(certificate)
  if (mark === undefined) throw statementError('statement.no-number', 'the certificate carries no certification number')
  if (!mark.digests.some((one) => equalBytes(one, digest))) {
    throw statementError('statement.digest-wrong', 'the certificate was issued for another artifact')
  }
  return { value: { number: mark.number }, detail: `number ${mark.number} of its authority` }
}

type ValidatorFacts = Pick<VerifiedCertification, 'validator' | 'sameOperator'>

function readValidator({ identity, claims, authority }: VerifiedBundle): Passed<ValidatorFacts> {
  const { issuer, subject, subjectType } = identity
  // The address of the authority is the issuer of its validators: no other instance can speak for them.
  const isOwn = subjectType === 'uri' && parseValidatorUri(subject).issuer === issuer && issuer === authority.uri
  if (!isOwn) {
    throw statementError('statement.validator-wrong', 'the certificate does not name a validator of its own instance')
  }
  const { runnerEnvironment: operator } = claims
  if (operator !== 'same-operator' && operator !== 'other-operator') {
    throw statementError('statement.validator-wrong', 'the certificate does not say who operates the validator')
  }
  const sameOperator = operator === 'same-operator'
  const detail = `${subject}, run by ${sameOperator ? 'the operator of the instance' : 'another operator than the instance'}`
  return { value: { validator: { issuer, subject }, sameOperator }, detail }
}

/** The bundle verified for this artifact and a certification has one subject, so the statement is about nothing else. */
function readClaims({ statement, identity }: VerifiedBundle): Passed<CertificationClaims> {
  if (statement === undefined) {
    throw statementError('statement.predicate-unknown', 'the bundle holds a signature, not a statement')
  }
  const claims = readCertificationStatement(statement)
  if (claims.validator !== identity.subject) {
    throw statementError('statement.validator-wrong', 'the statement names another validator than the certificate')
  }
  return { value: claims, detail: `${claims.product} ${claims.version}${acceptedWords(claims)}` }
}

function acceptedWords({ accepted: { findings, gaps }, advisories }: CertificationClaims): string {
  const data = `, advisory data as of ${advisories.asOf}${advisories.sample ? ', sample' : ''}, ${advisories.records} records`
  if (findings.length + gaps.length === 0) return data
  return `${data}; accepted by its policy: ${findings.length} findings, ${gaps.length} gaps`
}

/** Runs steps after those of the bundle; none runs unless the bundle verified. */
function startSteps(before: readonly Check[]) {
  const checks: Check[] = [...before]
  function run<T>(name: string, verified: VerifiedBundle | undefined, work: (verified: VerifiedBundle) => Passed<T>) {
    if (verified === undefined) {
      checks.push({ name, result: 'not checked', detail: 'the bundle did not verify' })
      return undefined
    }
    try {
      const { value, detail } = work(verified)
      checks.push({ name, result: 'passed', detail })
      return value
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      checks.push({ name, result: 'failed', code: error.code, detail: error.message })
      return undefined
    }
  }
  return { run, checks, failed: () => checks.some(({ result }) => result !== 'passed') }
}
