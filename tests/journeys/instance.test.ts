/**
 * An operator brings up an instance and looks after it: status, people, issuers, policy, scheduled work, roots, restarts. One
 * instance for the whole file; the tests follow one another. Anna's machine shows what the operator's deeds mean to others.
 */
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { InstanceStatus } from '@countersign/protocol/api/admin.ts'
import type { AcceptedIssuer, AuditLine, Person } from '@countersign/protocol/api/people.ts'
import type { Route } from '@countersign/protocol/api/route.ts'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { Certificate } from '@countersign/protocol/x509/certificate.ts'
import { readFulcioClaims, readIdentity } from '@countersign/protocol/x509/fulcio.ts'
import { callForJson, callInstance } from '../support/callInstance.ts'
import { expectRun } from '../support/expectRun.ts'
import { freePort } from '../support/freePort.ts'
import { runWithDeviceFlow } from '../support/logIn.ts'
import { type Machine, newMachine } from '../support/machine.ts'
import { PageVisitor } from '../support/pageVisitor.ts'
import { deviceToken, type InvitationLink, redeemInvitation } from '../support/people.ts'
import { countersign, countersignServer } from '../support/programs.ts'
import { type RunResult, runProgram } from '../support/runProgram.ts'
import { type Instance, startInstance } from '../support/startInstance.ts'
import { startWorkflowIssuer, type WorkflowIssuer, workflowClaims } from '../support/workflowIssuer.ts'

const workflow = `https://github.com/${workflowClaims.job_workflow_ref}`

let folder: string
let dataFolder: string
let ports: { readonly port: number; readonly httpPort: number }
let outside: WorkflowIssuer
let instance: Instance
let anna: Machine
let ca: string
let browser: PageVisitor

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'countersign-operating-'))
  dataFolder = path.join(folder, 'instance')
  ports = { port: await freePort(), httpPort: await freePort() }
  outside = await startWorkflowIssuer()
  writeFileSync(path.join(folder, 'outside.pem'), outside.ca)
  instance = await start()
  anna = newMachine(path.join(folder, 'anna'))
  const { ticket } = await instance.admin<{ ticket: string }>('ticket')
  expectRun(await anna.countersign('trust', 'add', ticket), 0)
  ca = await anna.deviceRoot()
  browser = new PageVisitor(ca)
})

after(async () => {
  await instance?.kill()
  await outside?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** The server trusts the outside issuer's certificate as it would a public one. */
function start(): Promise<Instance> {
  const env = { NODE_EXTRA_CA_CERTS: path.join(folder, 'outside.pem') }
  return startInstance({ dataFolder, ...ports, env, arguments: ['--first-person', 'operator@example.org'] })
}

/** Runs `countersign-server` beside the server. */
function operate(...command: readonly string[]): Promise<RunResult> {
  return runProgram([...countersignServer, ...command, '--data', dataFolder])
}

async function readStatus(expectedExit: number): Promise<InstanceStatus> {
  const run = await operate('status', '--json')
  assert.equal(run.status, expectedExit, run.stdout + run.stderr)
  return JSON.parse(run.stdout) as InstanceStatus
}

const auditOf = async (kind: string) => (await instance.admin<{ lines: AuditLine[] }>('audit', '--kind', kind)).lines

function certificateIn(bundle: Buffer): Certificate {
  const { certificate } = parseBundle(bundle)
  assert.ok(certificate)
  return certificate
}

test('a new instance needs no attention, and says where everything is', async () => {
  const status = await readStatus(0)
  assert.deepEqual(status.attention, [])
  assert.deepEqual(
    status.logs.map(({ name, origin }) => [name, origin]),
    [
      ['artifacts', 'localhost'],
      ['certificates', `localhost:${ports.port}/ct`],
      ['revocations', `localhost:${ports.port}/development/revocations`],
      ['audit', `localhost:${ports.port}/development/audit`],
    ],
  )
  assert.equal(status.environment, 'development')
  assert.ok(status.expiries.length >= 10)
  for (const { notAfter } of status.expiries) assert.ok(Date.parse(notAfter) > Date.now())
  assert.ok(status.protections.some(({ name, active }) => name === 'outside witness' && !active))
})

test('paused work needs attention, in the status and on the page, which show the same', async () => {
  expectRun(await operate('jobs', 'pause'), 0, 'Scheduled work is paused')
  const status = await readStatus(1)
  assert.deepEqual(
    status.attention.map(({ code }) => code),
    ['status.work-paused'],
  )
  const [page, text] = await Promise.all([browser.open(`${instance.publicUrl}/`), operate('status')])
  assert.equal(page.status, 200)
  const facts = [
    ...[status.environment, status.publicUrl, status.publicHttpUrl, status.issuer, 'paused', 'status.work-paused'],
    ...status.logs.flatMap(({ origin, root }) => [origin, root]),
    ...status.expiries.flatMap(({ name, notAfter }) => [name, notAfter]),
    ...status.protections.flatMap(({ name, detail }) => [name, detail]),
  ]
  expectRun(text, 1, ...facts)
  for (const fact of facts) assert.ok(page.text.includes(fact), `${fact} is missing on the page:\n${page.text}`)
  assert.doesNotMatch(page.text, /<script|javascript:|src=/i)
})

test('one piece of work can be run by hand; resumed, all is well again', async () => {
  const lastRun = (status: Pick<InstanceStatus, 'jobs'>) =>
    Date.parse(status.jobs.find(({ name }) => name === 'heartbeat')?.lastRunAt ?? '')
  const before = lastRun(await instance.admin('jobs', 'list'))
  const ran = await instance.admin<Pick<InstanceStatus, 'jobs'> & { paused: boolean }>('jobs', 'run', 'heartbeat')
  assert.ok(lastRun(ran) > before)
  assert.equal(ran.paused, true)
  expectRun(await operate('jobs', 'run', 'nonsense'), 1, 'jobs.unknown')
  expectRun(await operate('jobs', 'resume'), 0, /^heartbeat +last \S+ +next \S+$/m)
  expectRun(await operate('status'), 0, 'Nothing needs attention.')
  const page = await browser.open(`${instance.publicUrl}/`)
  assert.ok(page.text.includes('Nothing needs attention.'))
})

test('an invitation makes a person who can sign, and is good for once', async () => {
  const invitation = await instance.admin<InvitationLink>('people', 'invite', 'anna@example.org')
  await redeemInvitation(browser, invitation)
  await runWithDeviceFlow([...countersign, 'login'], browser, anna.env)
  anna.write('pump.tar.gz', 'pump 1.0')
  expectRun(await anna.countersign('sign', 'pump.tar.gz', '--yes'), 0, 'signed  pump.tar.gz')

  const { people } = await instance.admin<{ people: Person[] }>('people', 'list')
  assert.deepEqual(
    people.map(({ email }) => email),
    ['anna@example.org'],
  )
  await assert.rejects(redeemInvitation(new PageVisitor(ca), invitation), /account\.invitation-/)
})

test('whoever is refused after showing who they are is on record by name', async () => {
  const { id_token: token } = await deviceToken(`${instance.publicUrl}/oidc`, browser, ca)
  const answer = await askCertificate(token, 'not what a client signs')
  assert.deepEqual([answer.status, answer.code], [400, 'trust.possession-wrong'])
  const [newest] = await auditOf('refusal')
  assert.partialDeepStrictEqual(newest, {
    actor: { issuer: `${instance.publicUrl}/oidc`, subject: 'anna@example.org' },
    detail: { code: 'trust.possession-wrong' },
  })
})

/** Asks for a certificate as a sigstore client does, with a fresh key whose possession is proved over `challenge`. */
async function askCertificate(token: string, challenge: string): Promise<{ status: number; code?: string }> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const body = {
    credentials: { oidcIdentityToken: token },
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content: publicKey.export({ type: 'spki', format: 'pem' }) },
      proofOfPossession: sign('sha256', Buffer.from(challenge), privateKey).toString('base64'),
    },
  }
  const headers = { 'content-type': 'application/json' }
  const answer = await callInstance(`${instance.publicUrl}/api/v2/signingCert`, {
    headers,
    body: JSON.stringify(body),
    ca,
  })
  return { status: answer.status, ...(JSON.parse(answer.bytes.toString()) as { code?: string }) }
}

/** Distributes the present policy with other identities. */
async function setIdentities(identities: VerificationPolicy['identities']): Promise<RunResult> {
  const policy = JSON.parse((await operate('policy', 'show')).stdout) as VerificationPolicy
  const file = path.join(folder, 'policy.json')
  writeFileSync(file, JSON.stringify({ ...policy, identities }))
  return operate('policy', 'set', file)
}

const targetsVersion = async () => {
  const shown = await anna.ask<{ versions: { root: number; targets: number } }>('trust', 'show')
  return shown.answer.versions.targets
}

test('another policy is a new version of what clients trust, and they follow it', async () => {
  const versionBefore = await targetsVersion()
  expectRun(await anna.countersign('verify', 'pump.tar.gz'), 0)
  const issuer = `${instance.publicUrl}/oidc`
  expectRun(await setIdentities([{ issuer, subject: { exact: 'eve@example.org' } }]), 0, 'new TUF version')
  expectRun(await anna.countersign('verify', 'pump.tar.gz'), 1, 'decide.identity-not-trusted')
  assert.equal(await targetsVersion(), versionBefore + 1)

  expectRun(await setIdentities([{ issuer, subject: { any: true } }]), 0)
  expectRun(await anna.countersign('verify', 'pump.tar.gz'), 0)
  assert.equal(await targetsVersion(), versionBefore + 2)
})

test('a policy that is none, or for another environment, changes nothing', async () => {
  const shown = await operate('policy', 'show')
  const file = path.join(folder, 'wrong.json')
  writeFileSync(file, '{"v":1}')
  expectRun(await operate('policy', 'set', file), 1, 'policy.invalid')
  const production = path.resolve(import.meta.dirname, '..', '..', 'docs', 'policies', 'new-instance.json')
  expectRun(await operate('policy', 'set', production), 1, 'instance.policy-environment')
  assert.equal((await operate('policy', 'show')).stdout, shown.stdout)
})

test('the tokens of an outside issuer count from when it is added', async () => {
  anna.write('valve.tar.gz', 'valve 1.0')
  anna.write('token', outside.token())
  const early = await anna.countersign('sign', 'valve.tar.gz', '--token-file', 'token')
  expectRun(early, 1, 'account.token-issuer')

  await instance.admin('issuers', 'add', outside.url, '--kind', 'github-workflow')
  const { issuers } = await instance.admin<{ issuers: AcceptedIssuer[] }>('issuers', 'list')
  assert.deepEqual(
    issuers.map(({ url, kind, embedded }) => [url, kind, embedded]),
    [
      [`${instance.publicUrl}/oidc`, 'email', true],
      [outside.url, 'github-workflow', false],
    ],
  )
  expectRun(await anna.countersign('sign', 'valve.tar.gz', '--token-file', 'token'), 0, 'signed  valve.tar.gz')
})

test('a build job’s certificate names its workflow, and what the run was, as Fulcio does', () => {
  const certificate = certificateIn(anna.read('valve.tar.gz.sigstore.json'))
  assert.deepEqual(readIdentity(certificate), { issuer: outside.url, subject: workflow, subjectType: 'uri' })
  const repository = 'https://github.com/acme/pump'
  const revision = workflowClaims.sha
  assert.deepEqual(readFulcioClaims(certificate), {
    issuer: outside.url,
    githubWorkflowTrigger: 'push',
    githubWorkflowSha: revision,
    githubWorkflowName: 'release',
    githubWorkflowRepository: 'acme/pump',
    githubWorkflowRef: 'refs/heads/main',
    buildSignerUri: workflow,
    buildSignerDigest: revision,
    runnerEnvironment: 'github-hosted',
    sourceRepositoryUri: repository,
    sourceRepositoryDigest: revision,
    sourceRepositoryRef: 'refs/heads/main',
    sourceRepositoryIdentifier: '1234',
    sourceRepositoryOwnerUri: 'https://github.com/acme',
    sourceRepositoryOwnerIdentifier: '77',
    buildConfigUri: workflow,
    buildConfigDigest: revision,
    buildTrigger: 'push',
    runInvocationUri: `${repository}/actions/runs/4711/attempts/1`,
    sourceRepositoryVisibilityAtSigning: 'public',
    tokenSubject: workflowClaims.sub,
  })
})

test('a workflow is trusted once the policy names it, and refused again without its issuer', async () => {
  expectRun(await anna.countersign('verify', 'valve.tar.gz'), 1, 'decide.identity-not-trusted')
  const prefix = 'https://github.com/acme/pump/.github/workflows/'
  const people = { issuer: `${instance.publicUrl}/oidc`, subject: { any: true } } as const
  expectRun(await setIdentities([people, { issuer: outside.url, subject: { uriPrefix: prefix } }]), 0)
  expectRun(await anna.countersign('verify', 'valve.tar.gz', '--identity', workflow), 0, `signed by ${workflow}`)

  await instance.admin('issuers', 'remove', outside.url)
  anna.write('token', outside.token())
  expectRun(await anna.countersign('sign', 'valve.tar.gz', '--token-file', 'token'), 1, 'account.token-issuer')
  expectRun(await anna.countersign('verify', 'valve.tar.gz'), 0)
})

test('the operator renews the TUF root with the passphrase, and clients follow', async () => {
  expectRun(await operate('root', 'renew', '--new-key'), 0, 'TUF root 2 and the revocation lists of both roots')
  expectRun(await anna.countersign('verify', 'pump.tar.gz'), 0)
  expectRun(await anna.countersign('trust', 'show'), 0, /^versions +root 2,/m)
  const { expiries } = await readStatus(0)
  assert.ok(expiries.some(({ name }) => name === 'TUF root 2'))
})

test('a person who is removed can sign in nowhere any more; what she signed stays signed', async () => {
  const { id_token: token } = await deviceToken(`${instance.publicUrl}/oidc`, browser, ca)
  expectRun(await operate('people', 'remove', 'anna@example.org'), 0, 'every session has ended')
  expectRun(await operate('people', 'list'), 0, 'Nobody yet.')

  expectRun(await anna.countersign('sign', 'pump.tar.gz'), 1, 'cli.not-signed-in', 'Run: countersign login')
  const { refreshToken } = JSON.parse(readFileSync(anna.keptSignIn(), 'utf8')) as { refreshToken: string }
  const form = { grant_type: 'refresh_token', client_id: 'sigstore', refresh_token: refreshToken }
  const refused = await callForJson<{ error: string }>(`${instance.publicUrl}/oidc/token`, { form, ca }, 400)
  assert.equal(refused.error, 'invalid_grant')
  const certificate = await askCertificate(token, 'anna@example.org')
  assert.deepEqual([certificate.status, certificate.code], [403, 'account.token-person-removed'])
  const page = await browser.open(`${instance.publicUrl}/people`)
  assert.deepEqual([page.status, page.text.includes('<h1>You need an invitation</h1>')], [403, true])

  expectRun(await anna.countersign('verify', 'pump.tar.gz'), 0)
})

test('the audit trail says who did what', async () => {
  const { lines } = await instance.admin<{ lines: AuditLine[] }>('audit', '--limit', '200')
  const found = (kind: string) => lines.filter((line) => line.kind === kind)
  assert.partialDeepStrictEqual(found('login')[0], { actor: { email: 'anna@example.org' }, detail: { flow: 'device' } })
  assert.partialDeepStrictEqual(found('person.invited')[0], {
    actor: 'operator',
    detail: { email: 'anna@example.org' },
  })
  assert.equal(found('person.removed').length, 1)
  assert.equal(found('policy.set').length, 3)
  assert.partialDeepStrictEqual(found('issuer.added')[0], { actor: 'operator', detail: { url: outside.url } })
  assert.equal(found('issuer.removed').length, 1)
  assert.equal(found('root.announced').length, 1)
  assert.equal(found('instance.created').length, 1)
  assert.ok(found('key.used').length > 0)
  expectRun(await operate('audit', '--limit', '200'), 0, /^\d+ +\S+Z +person\.removed +"operator"/m)
})

test('the plain listener serves what proves itself, and nothing else', async () => {
  const certificate = certificateIn(anna.read('pump.tar.gz.sigstore.json'))
  const { publicHttpUrl: plain } = instance
  const size = (await callInstance(`${plain}/api/v2/checkpoint`)).bytes.toString().split('\n')[1]
  const there = [
    ...['/api/v2', '/ct', '/development/revocations', '/development/audit'].map((log) => `${plain}${log}/checkpoint`),
    ...[`${plain}/api/v2/tile/0/000.p/${size}`, `${plain}/api/v2/tile/entries/000.p/${size}`],
    ...[`${plain}/tuf/1.root.json`, `${plain}/tuf/2.root.json`, `${plain}/tuf/timestamp.json`],
    ...certificate.crlUrls,
    ...certificate.issuerUrls,
  ]
  assert.ok(certificate.crlUrls.length > 0 && certificate.issuerUrls.length > 0)
  for (const url of there) {
    assert.ok(url.startsWith(`${plain}/`), url)
    assert.equal((await callInstance(url)).status, 200, url)
  }
  const gone = [
    ...['/', '/status', '/healthz', '/openapi.json', '/people', '/oidc/.well-known/openid-configuration'],
    ...['/api/v2/trustBundle', '/api/v2/configuration', '/api/v1/timestamp/certchain', '/admin/people', '/admin/audit'],
  ]
  for (const at of gone) assert.equal((await callInstance(plain + at)).status, 404, at)
  for (const at of [
    '/api/v2/signingCert',
    '/api/v2/log/entries',
    '/api/v1/timestamp',
    '/oidc/token',
    '/admin/tickets',
  ]) {
    assert.equal((await callInstance(plain + at, { method: 'POST', body: '{}' })).status, 404, at)
  }
  for (const at of ['/admin/people', '/admin/audit', '/admin/policy']) {
    assert.equal((await callInstance(instance.publicUrl + at, { ca })).status, 404, `https ${at}`)
  }
})

test('the description of the API lists every operation of the public listener', async () => {
  interface Described {
    readonly openapi: string
    readonly paths: Readonly<Record<string, Readonly<Record<string, { operationId: string }>>>>
  }
  const described = await callForJson<Described>(`${instance.publicUrl}/openapi.json`, { ca })
  assert.equal(described.openapi, '3.1.0')
  const listed = Object.values(described.paths).flatMap((one) =>
    Object.values(one).map(({ operationId }) => operationId),
  )
  const defined = (await definedRoutes()).filter(({ listeners }) => listeners.includes('https')).map(({ id }) => id)
  assert.ok(defined.length > 15)
  assert.deepEqual(listed.toSorted(), defined.toSorted())
  for (const [at, { get }] of Object.entries(described.paths)) {
    if (get === undefined || at.includes('{')) continue
    assert.equal((await callInstance(instance.publicUrl + at, { ca })).status, 200, at)
  }
})

/** Every route that any file of `protocol/api` defines, so that none can be left out of the description. */
async function definedRoutes(): Promise<Route[]> {
  const files = globSync(path.resolve(import.meta.dirname, '../../packages/protocol/src/api/*.ts'))
  const modules = await Promise.all(
    files.filter((file) => !file.endsWith('.test.ts')).map((file): Promise<object> => import(pathToFileURL(file).href)),
  )
  return modules.flatMap((one) => Object.values(one)).filter(isRoute)
}

function isRoute(value: unknown): value is Route {
  return typeof value === 'object' && value !== null && 'listeners' in value && 'path' in value
}

test('one folder has one server, and only the addresses that it was made with', async () => {
  const [port, httpPort] = [await freePort(), await freePort()]
  const sockets = ['--listen', `127.0.0.1:${port}`, '--listen-http', `127.0.0.1:${httpPort}`, '--yes', '--json']
  const [second, elsewhere] = await Promise.all([
    operate('serve', ...sockets),
    operate('serve', ...sockets, '--public-url', 'https://sign.example.org'),
  ])
  expectRun(second, 2, 'files.locked')
  expectRun(elsewhere, 1, 'instance.other-url', `the public URL is ${instance.publicUrl}`)
  expectRun(await operate('status'), 0)
})

test('it stops when it is asked to, and a restart keeps everything', async () => {
  const before = await readStatus(0)
  const bundle = parseBundle(anna.read('valve.tar.gz.sigstore.json'))
  await instance.stop()
  expectRun(await operate('status'), 2, 'instance.not-running', 'start it')
  expectRun(
    await runProgram([...countersignServer, 'status', '--data', path.join(folder, 'none')]),
    1,
    'instance.not-created',
  )

  instance = await start()
  assert.equal(instance.invitation, undefined)
  const again = await readStatus(0)
  const withoutAudit = ({ logs }: InstanceStatus) => logs.filter(({ name }) => name !== 'audit')
  assert.deepEqual(withoutAudit(again), withoutAudit(before))
  const [proved, audited] = await Promise.all([
    anna.countersign('log', 'prove', 'valve.tar.gz'),
    anna.countersign('log', 'audit', '--full'),
  ])
  expectRun(
    proved,
    0,
    `localhost holds it as entry ${bundle.entries[0]?.logIndex} of ${withoutAudit(before)[0]?.size};`,
  )
  expectRun(audited, 0, /^passed {2}audit /m)
  expectRun(await operate('issuers', 'list'), 0, /embedded\n$/)
  expectRun(await anna.countersign('verify', 'valve.tar.gz'), 0)
})
