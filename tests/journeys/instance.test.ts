/**
 * An operator brings up an instance and looks after it: status, scheduled work, people, policy, roots, restarts. One
 * instance for the whole file; the tests follow one another. Anna's machine shows what the operator's deeds mean to others.
 */
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import type { InstanceStatus } from '@countersign/protocol/api/admin.ts'
import type { AuditLine, Person } from '@countersign/protocol/api/people.ts'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { isCertificationAuthority, parseTrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { askCertificate } from '../support/askCertificate.ts'
import { callForJson, callInstance } from '../support/callInstance.ts'
import { definedRoutes } from '../support/definedRoutes.ts'
import { distributeIdentities } from '../support/distributedPolicy.ts'
import { expectRun } from '../support/expectRun.ts'
import { freePort } from '../support/freePort.ts'
import { runWithDeviceFlow } from '../support/logIn.ts'
import { type Machine, newMachine } from '../support/machine.ts'
import { PageVisitor } from '../support/pageVisitor.ts'
import { deviceToken, type InvitationLink, redeemInvitation } from '../support/people.ts'
import { countersign, countersignServer } from '../support/programs.ts'
import { type RunResult, runProgram } from '../support/runProgram.ts'
import { type Instance, startInstance } from '../support/startInstance.ts'

let folder: string
let dataFolder: string
let ports: { readonly port: number; readonly httpPort: number }
let instance: Instance
let anna: Machine
let ca: string
let browser: PageVisitor

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'countersign-operating-'))
  dataFolder = path.join(folder, 'instance')
  ports = { port: await freePort(), httpPort: await freePort() }
  instance = await start()
  anna = newMachine(path.join(folder, 'anna'))
  const { ticket } = await instance.admin<{ ticket: string }>('ticket')
  expectRun(await anna.countersign('trust', 'add', ticket), 0)
  ca = await anna.deviceRoot()
  browser = new PageVisitor(ca)
})

after(async () => {
  await instance?.kill()
  rmSync(folder, { recursive: true, force: true })
})

function start(): Promise<Instance> {
  return startInstance({ dataFolder, ...ports, arguments: ['--first-person', 'operator@example.org'] })
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
  const answer = await askCertificate(instance.publicUrl, { token, challenge: 'somebody@example.org', ca })
  assert.deepEqual(answer, { status: 400, code: 'trust.possession-wrong' })
  const { lines } = await instance.admin<{ lines: AuditLine[] }>('audit', '--kind', 'refusal')
  assert.partialDeepStrictEqual(lines[0], {
    actor: { issuer: `${instance.publicUrl}/oidc`, subject: 'anna@example.org' },
    detail: { code: 'trust.possession-wrong' },
  })
})

test('another policy is a new version of what clients trust, and they follow it', async () => {
  const issuer = `${instance.publicUrl}/oidc`
  await distributeIdentities(instance, [{ issuer, subject: { exact: 'eve@example.org' } }])
  expectRun(await anna.countersign('verify', 'pump.tar.gz'), 1, 'decide.identity-not-trusted')
  expectRun(await anna.countersign('trust', 'show'), 0, /^versions +root 1, targets 2,/m)

  await distributeIdentities(instance, [{ issuer, subject: { any: true } }])
  expectRun(await anna.countersign('verify', 'pump.tar.gz'), 0)
  expectRun(await anna.countersign('trust', 'show'), 0, /^versions +root 1, targets 3,/m)
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
  const answer = await askCertificate(instance.publicUrl, { token, challenge: 'anna@example.org', ca })
  assert.deepEqual(answer, { status: 403, code: 'account.token-person-removed' })
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
  assert.equal(found('policy.set').length, 2)
  assert.equal(found('root.announced').length, 1)
  assert.equal(found('instance.created').length, 1)
  assert.ok(found('key.used').length > 0)
  expectRun(await operate('audit', '--limit', '200'), 0, /^\d+ +\S+Z +person\.removed +"operator"/m)
})

test('the audit log is public, and shows neither who nor what', async () => {
  const log = `${instance.publicHttpUrl}/development/audit`
  const size = (await callInstance(`${log}/checkpoint`)).bytes.toString().split('\n')[1]
  const entries = (await callInstance(`${log}/tile/entries/000.p/${size}`)).bytes.toString('latin1')
  assert.ok(entries.includes('"kind":"login"'))
  assert.equal(entries.includes('anna@example.org'), false)
})

test('the certificate log hands out the issuers of what it holds: those of people and those of certifications', async () => {
  expectRun(await anna.countersign('trust', 'export', 'exported'), 0)
  const { certificateAuthorities } = parseTrustedRoot(anna.read('exported/trusted_root.json'))
  assert.deepEqual(certificateAuthorities.map(isCertificationAuthority), [false, true])
  for (const { chain } of certificateAuthorities) {
    for (const { raw } of chain) {
      const url = `${instance.publicUrl}/ct/issuer/${hash('sha256', raw, 'hex')}`
      assert.deepEqual(new Uint8Array((await callInstance(url, { ca })).bytes), raw, url)
    }
  }
})

test('the plain listener serves what proves itself, and nothing else', async () => {
  const { certificate } = parseBundle(anna.read('pump.tar.gz.sigstore.json'))
  assert.ok(certificate)
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
    readonly paths: Readonly<Record<string, Readonly<Record<string, { operationId: string; security?: unknown }>>>>
  }
  const described = await callForJson<Described>(`${instance.publicUrl}/openapi.json`, { ca })
  assert.equal(described.openapi, '3.1.0')
  const listed = Object.values(described.paths).flatMap((one) =>
    Object.values(one).map(({ operationId }) => operationId),
  )
  const defined = (await definedRoutes('https')).map(({ id }) => id)
  assert.ok(defined.length > 15)
  assert.deepEqual(listed.toSorted(), defined.toSorted())
  for (const [at, { get }] of Object.entries(described.paths)) {
    if (get === undefined || at.includes('{')) continue
    // Whoever does not prove who they are learns nothing where the description says that proof is needed.
    const expected = get.security === undefined ? 200 : 401
    assert.equal((await callInstance(instance.publicUrl + at, { ca })).status, expected, at)
  }
})

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
  const bundle = parseBundle(anna.read('pump.tar.gz.sigstore.json'))
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
    anna.countersign('log', 'prove', 'pump.tar.gz'),
    anna.countersign('log', 'audit', '--full'),
  ])
  expectRun(
    proved,
    0,
    `localhost holds it as entry ${bundle.entries[0]?.logIndex} of ${withoutAudit(before)[0]?.size};`,
  )
  expectRun(audited, 0, /^passed {2}audit /m)
  expectRun(await anna.countersign('verify', 'pump.tar.gz'), 0)
})
