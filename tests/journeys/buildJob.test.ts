/**
 * A build job signs with the identity that its build system gives it: no person, no sign-in, no key to keep. The build system
 * is an OpenID Connect issuer outside of the instance, which the operator adds. The tests follow one another.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import type { AcceptedIssuer, AuditLine } from '@countersign/protocol/api/people.ts'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { readFulcioClaims, readIdentity } from '@countersign/protocol/x509/fulcio.ts'
import { callForJson } from '../support/callInstance.ts'
import { distributeIdentities } from '../support/distributedPolicy.ts'
import { expectRun } from '../support/expectRun.ts'
import { type Machine, newMachine } from '../support/machine.ts'
import { type Instance, startInstance } from '../support/startInstance.ts'
import { startWorkflowIssuer, type WorkflowIssuer, workflowClaims } from '../support/workflowIssuer.ts'

const workflow = `https://github.com/${workflowClaims.job_workflow_ref}`

let folder: string
let outside: WorkflowIssuer
let instance: Instance
let runner: Machine

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'countersign-building-'))
  outside = await startWorkflowIssuer()
  // The server trusts the issuer's certificate as it would a public one.
  const env = { NODE_EXTRA_CA_CERTS: path.join(folder, 'outside.pem') }
  writeFileSync(env.NODE_EXTRA_CA_CERTS, outside.ca)
  const dataFolder = path.join(folder, 'instance')
  instance = await startInstance({ dataFolder, env, arguments: ['--first-person', 'operator@example.org'] })
  runner = newMachine(path.join(folder, 'runner'))
  const { ticket } = await instance.admin<{ ticket: string }>('ticket')
  expectRun(await runner.countersign('trust', 'add', ticket), 0)
  runner.write('pump.tar.gz', 'pump 1.0')
})

after(async () => {
  await instance?.kill()
  await outside?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** `countersign sign` with a fresh token of the run. */
function signAsRun(claims: Readonly<Record<string, unknown>> = {}) {
  runner.write('token', outside.token(claims))
  return runner.countersign('sign', 'pump.tar.gz', '--token-file', 'token', '--yes')
}

test('a token of an issuer that nobody added is refused', async () => {
  expectRun(await signAsRun(), 1, 'account.token-issuer')
  assert.equal(runner.has('pump.tar.gz.sigstore.json'), false)
})

test('once the operator added the issuer, the job signs, without a sign-in', async () => {
  await instance.admin('issuers', 'add', outside.url, '--kind', 'github-workflow')
  const { issuers } = await instance.admin<{ issuers: AcceptedIssuer[] }>('issuers', 'list')
  assert.deepEqual(
    issuers.map(({ url, kind, embedded }) => [url, kind, embedded]),
    [
      [`${instance.publicUrl}/oidc`, 'email', true],
      [outside.url, 'github-workflow', false],
    ],
  )
  const { issuers: published } = await callForJson<{ issuers: { issuerUrl: string; challengeClaim: string }[] }>(
    `${instance.publicUrl}/api/v2/configuration`,
    { ca: await runner.deviceRoot() },
  )
  assert.ok(published.some(({ issuerUrl, challengeClaim }) => issuerUrl === outside.url && challengeClaim === 'sub'))
  expectRun(await signAsRun({ environment: 'release' }), 0, 'signed  pump.tar.gz')
})

test('the certificate names the workflow that signed, and what the run was, as Fulcio writes it', () => {
  const { certificate } = parseBundle(runner.read('pump.tar.gz.sigstore.json'))
  assert.ok(certificate)
  assert.deepEqual(readIdentity(certificate), { issuer: outside.url, subject: workflow, subjectType: 'uri' })
  const claims = workflowClaims
  const repository = `https://github.com/${claims.repository}`
  assert.deepEqual(readFulcioClaims(certificate), {
    issuer: outside.url,
    githubWorkflowTrigger: claims.event_name,
    githubWorkflowSha: claims.sha,
    githubWorkflowName: claims.workflow,
    githubWorkflowRepository: claims.repository,
    githubWorkflowRef: claims.ref,
    buildSignerUri: workflow,
    buildSignerDigest: claims.job_workflow_sha,
    runnerEnvironment: claims.runner_environment,
    sourceRepositoryUri: repository,
    sourceRepositoryDigest: claims.sha,
    sourceRepositoryRef: claims.ref,
    sourceRepositoryIdentifier: claims.repository_id,
    sourceRepositoryOwnerUri: 'https://github.com/acme',
    sourceRepositoryOwnerIdentifier: claims.repository_owner_id,
    buildConfigUri: `https://github.com/${claims.workflow_ref}`,
    buildConfigDigest: claims.workflow_sha,
    buildTrigger: claims.event_name,
    runInvocationUri: `${repository}/actions/runs/4711/attempts/2`,
    sourceRepositoryVisibilityAtSigning: claims.repository_visibility,
    deploymentEnvironment: 'release',
    tokenSubject: claims.sub,
  })
})

test('a workflow is trusted once the policy names where it lies', async () => {
  expectRun(await runner.countersign('verify', 'pump.tar.gz'), 1, 'decide.identity-not-trusted')
  const prefix = { uriPrefix: 'https://github.com/acme/builders/.github/workflows/' }
  await distributeIdentities(instance, [{ issuer: outside.url, subject: prefix }])
  const verified = await runner.countersign('verify', 'pump.tar.gz', '--identity', workflow, '--issuer', outside.url)
  expectRun(verified, 0, `signed by ${workflow} (${outside.url})`)
})

test('a run that says less than a workflow does gets no certificate', async () => {
  expectRun(await signAsRun({ aud: 'https://github.com/acme' }), 1, 'account.token-audience')
  expectRun(await signAsRun({ job_workflow_ref: undefined }), 1, 'account.token-claims')
  expectRun(await signAsRun({ iat: 1_700_000_000, nbf: 1_700_000_000, exp: 1_700_000_300 }), 1, 'account.token-expired')
})

test('without its issuer nothing new is signed; what was signed stays signed', async () => {
  await instance.admin('issuers', 'remove', outside.url)
  const [refused, verified] = [await signAsRun(), await runner.countersign('verify', 'pump.tar.gz')]
  expectRun(refused, 1, 'account.token-issuer')
  expectRun(verified, 0, `signed by ${workflow}`)

  const { lines } = await instance.admin<{ lines: AuditLine[] }>('audit', '--limit', '200')
  const changes = lines.filter(({ kind }) => kind.startsWith('issuer.')).map(({ kind, detail }) => ({ kind, detail }))
  assert.partialDeepStrictEqual(changes, [
    { kind: 'issuer.removed', detail: { url: outside.url } },
    { kind: 'issuer.added', detail: { url: outside.url, kind: 'github-workflow' } },
  ])
})
