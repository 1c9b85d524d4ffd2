import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { accountError } from '../errors.ts'
import { readEmailAddress } from './emailAddress.ts'
import type { Identity, IssuerKind } from './identity.ts'

/** The claims of a token whose signature, issuer, audience and times are checked. */
export type TokenClaims = { readonly [name: string]: JsonValue }

/** Longest claim that goes into a certificate; longer ones would only be there to make it large. */
const MAX_CLAIM_LENGTH = 1024

const GITHUB = 'https://github.com'

/**
 * What the claims of a token say, by the kind of its issuer.
 * Throws `account.token-malformed` without a `sub`, `account.token-email-missing`, `account.token-email-unverified`, `account.token-claims`.
 */
export function readIdentity(kind: IssuerKind, issuer: string, claims: TokenClaims): Identity {
  const subject = text(claims, 'sub')
  if (subject === undefined) throw accountError('account.token-malformed', 'the token names no subject (`sub`)')
  return kind === 'email' ? emailIdentity(issuer, subject, claims) : githubIdentity(issuer, subject, claims)
}

function emailIdentity(issuer: string, subject: string, claims: TokenClaims): Identity {
  const address = text(claims, 'email')
  if (address === undefined)
    throw accountError('account.token-email-missing', 'the token of an e-mail issuer has no `email` claim')
  // OpenID Connect Core, 5.1: a boolean; anything else, the string "true" included, is no confirmation.
  if (claims.email_verified !== true) {
    throw accountError('account.token-email-unverified', 'the token does not say `email_verified: true`')
  }
  const email = certificateAddress(address)
  // The address as the token spells it, because that is what the client signed.
  const challenges = [address, subject]
  return { issuer, subject, email, kind: 'email', san: { type: 'email', value: email }, claims: { issuer }, challenges }
}

function certificateAddress(address: string): string {
  try {
    return readEmailAddress(address)
  } catch (cause) {
    throw accountError('account.token-email-missing', 'the e-mail address in the token cannot stand in a certificate', {
      cause,
    })
  }
}

/** Claims of GitHub Actions as Fulcio maps them (Fulcio, docs/oid-info.md). */
function githubIdentity(issuer: string, subject: string, claims: TokenClaims): Identity {
  const need = (name: string) => {
    const value = text(claims, name)
    if (value === undefined)
      throw accountError('account.token-claims', `the token of a GitHub workflow has no \`${name}\` claim`)
    return value
  }
  const signer = `${GITHUB}/${need('job_workflow_ref')}`
  const repository = need('repository')
  const environment = text(claims, 'environment')
  return {
    issuer,
    subject,
    kind: 'github-workflow',
    san: { type: 'uri', value: signer },
    challenges: [subject],
    claims: {
      issuer,
      githubWorkflowTrigger: need('event_name'),
      githubWorkflowSha: need('sha'),
      githubWorkflowName: need('workflow'),
      githubWorkflowRepository: repository,
      githubWorkflowRef: need('ref'),
      buildSignerUri: signer,
      buildSignerDigest: need('job_workflow_sha'),
      runnerEnvironment: need('runner_environment'),
      sourceRepositoryUri: `${GITHUB}/${repository}`,
      sourceRepositoryDigest: need('sha'),
      sourceRepositoryRef: need('ref'),
      sourceRepositoryIdentifier: need('repository_id'),
      sourceRepositoryOwnerUri: `${GITHUB}/${need('repository_owner')}`,
      sourceRepositoryOwnerIdentifier: need('repository_owner_id'),
      buildConfigUri: `${GITHUB}/${need('workflow_ref')}`,
      buildConfigDigest: need('workflow_sha'),
      buildTrigger: need('event_name'),
      runInvocationUri: `${GITHUB}/${repository}/actions/runs/${need('run_id')}/attempts/${need('run_attempt')}`,
      sourceRepositoryVisibilityAtSigning: need('repository_visibility'),
      ...(environment === undefined ? {} : { deploymentEnvironment: environment }),
      tokenSubject: subject,
    },
  }
}

/** A claim as text without control characters, of a length that fits a certificate. Absent, empty, and everything else: undefined. */
function text(claims: TokenClaims, name: string): string | undefined {
  const value = claims[name]
  const usable = typeof value === 'string' && value.length > 0 && value.length <= MAX_CLAIM_LENGTH
  return usable && !/[\p{Cc}\p{Cs}]/u.test(value) ? value : undefined
}
