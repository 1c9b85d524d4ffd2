/**
 * Anna signs what she made, and Ben, who only trusts the same instance, can tell that it is hers. One instance and two machines
 * for the whole file; the tests follow one another.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { parseTicket } from '@countersign/protocol/api/ticket.ts'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import type { Check } from '@countersign/protocol/bundle/verifyBundle.ts'
import { decodeBase64 } from '@countersign/protocol/json/base64.ts'
import { leafHash, verifyInclusion } from '@countersign/protocol/log/merkle.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { callInstance } from '../support/callInstance.ts'
import { distributedPolicy } from '../support/distributedPolicy.ts'
import { expectRun } from '../support/expectRun.ts'
import { runWithDeviceFlow } from '../support/logIn.ts'
import { type Machine, newMachine } from '../support/machine.ts'
import { PageVisitor } from '../support/pageVisitor.ts'
import { redeemInvitation } from '../support/people.ts'
import { countersign } from '../support/programs.ts'
import { type Instance, startInstance } from '../support/startInstance.ts'

/** What `verify --json` answers. */
interface Verified {
  readonly answer: 'yes' | 'no' | 'cannot tell'
  readonly artifact: string
  readonly digest: string
  readonly signer?: { readonly subject: string; readonly issuer: string }
  readonly signedAt?: string
  readonly log?: { readonly origin: string; readonly index: string }
  readonly checks: readonly Check[]
  readonly reasons: readonly string[]
}

interface Refused {
  readonly error: { readonly code: string; readonly message: string; readonly whatToDo: string }
}

const publicFacts = ['your e-mail address', 'SHA-256 digest of what you sign', 'which never forget']

let folder: string
let instance: Instance
let anna: Machine
let ben: Machine
let ticket: string

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'countersign-signing-'))
  anna = newMachine(path.join(folder, 'anna'))
  ben = newMachine(path.join(folder, 'ben'))
  const dataFolder = path.join(folder, 'instance')
  instance = await startInstance({ dataFolder, arguments: ['--first-person', 'anna@example.org'] })
})

after(async () => {
  await instance?.kill()
  rmSync(folder, { recursive: true, force: true })
})

const verify = async (by: Machine, ...command: readonly string[]) => {
  const { status, answer } = await by.ask<Verified>('verify', ...command)
  assert.equal(status, { yes: 0, no: 1, 'cannot tell': 2 }[answer.answer], JSON.stringify(answer))
  return answer
}

const failed = ({ checks }: Verified) => checks.filter(({ result }) => result === 'failed').map(({ code }) => code)

/** The policy that the instance distributes, changed, as a file on a machine. */
async function writePolicy(on: Machine, name: string, change: (policy: VerificationPolicy) => object): Promise<void> {
  const policy = await distributedPolicy(instance)
  on.write(name, JSON.stringify({ ...policy, ...change(policy) }))
}

test('before any instance is trusted there is no answer, only where trust comes from', async () => {
  anna.write('pump.tar.gz', 'pump 1.0')
  expectRun(await anna.countersign('verify', 'pump.tar.gz'), 1, 'anchors.none', 'countersign trust add <ticket>')
})

test('trust comes by a ticket of the operator, and can be looked at', async () => {
  const made = await instance.admin<{ ticket: string }>('ticket')
  ticket = made.ticket
  const root = parseTicket(ticket).rootSha256
  const added = await Promise.all([anna, ben].map((one) => one.countersign('trust', 'add', ticket)))
  for (const run of added) expectRun(run, 0, `Trusting ${instance.publicUrl} (development), root ${root}.`)

  expectRun(await anna.countersign('trust', 'list'), 0, `${root.slice(0, 16)}  development  ${instance.publicUrl}`)
  const shown = await anna.ask<object>('trust', 'show')
  assert.partialDeepStrictEqual(shown, {
    status: 0,
    answer: { url: instance.publicUrl, httpUrl: instance.publicHttpUrl, environment: 'development', rootSha256: root },
  })
})

test('signing without a sign-in is refused, and says what to do', async () => {
  ben.write('valve.tar.gz', 'valve 1.0')
  expectRun(await ben.countersign('sign', 'valve.tar.gz', '--yes'), 1, 'cli.not-signed-in', 'Run: countersign login')
  const { status, answer } = await ben.ask<Refused>('whoami')
  assert.deepEqual([status, answer.error.code], [1, 'cli.not-signed-in'])
  assert.equal(ben.has('valve.tar.gz.sigstore.json'), false)
})

test('she redeems her invitation, and confirms the code of her login in the same browser', async () => {
  const browser = new PageVisitor(await anna.deviceRoot())
  assert.ok(instance.invitation)
  await redeemInvitation(browser, instance.invitation)
  const output = await runWithDeviceFlow([...countersign, 'login'], browser, anna.env)
  for (const fact of publicFacts) assert.ok(output.includes(fact), output)
  assert.match(output, /Signed in to https:\S+ as anna@example\.org\./)
  expectRun(await anna.countersign('whoami'), 0, `anna@example.org at ${instance.publicUrl} (development)`)
})

test('only she can read what her sign-in is kept in', { skip: process.platform === 'win32' }, () => {
  const kept = anna.keptSignIn()
  assert.equal(statSync(kept).mode & 0o777, 0o600)
  assert.equal(statSync(path.dirname(kept)).mode & 0o777, 0o700)
})

test('before the first signature it says what becomes public, and stops where nobody agrees', async () => {
  const asked = await anna.countersign('sign', 'pump.tar.gz')
  expectRun(asked, 1, ...publicFacts, 'cli.not-confirmed', 'sign again with --yes')
  assert.equal(anna.has('pump.tar.gz.sigstore.json'), false)
})

test('once she agreed it signs, writes the bundle beside the file, and does not say it again', async () => {
  const first = await anna.countersign('sign', 'pump.tar.gz', '--yes')
  expectRun(
    first,
    0,
    ...publicFacts,
    /signed {2}pump\.tar\.gz {2}pump\.tar\.gz\.sigstore\.json {2}\(localhost, entry \d+\)/,
  )
  anna.write('seal.tar.gz', 'seal 1.0')
  const second = await anna.countersign('sign', 'seal.tar.gz')
  expectRun(second, 0, 'signed  seal.tar.gz')
  assert.equal(second.stderr, '')
})

test('whoever trusts the instance gets a yes, with every check and who signed when', async () => {
  ben.bring(anna, 'pump.tar.gz', 'pump.tar.gz.sigstore.json')
  const [verified, text] = await Promise.all([verify(ben, 'pump.tar.gz'), ben.countersign('verify', 'pump.tar.gz')])
  const { signedAt = '', log, checks, ...rest } = verified
  assert.deepEqual(rest, {
    answer: 'yes',
    artifact: 'pump.tar.gz',
    digest: createHash('sha256').update('pump 1.0').digest('hex'),
    signer: { subject: 'anna@example.org', issuer: `${instance.publicUrl}/oidc` },
    certifications: [],
    endings: [],
    reasons: [],
  })
  assert.ok(Math.abs(Date.parse(signedAt) - Date.now()) < 120_000, signedAt)
  assert.equal(log?.origin, 'localhost')
  assert.match(log.index, /^\d+$/)
  assert.deepEqual(failed(verified), [])
  const names = [
    'timestamp',
    'certificate chain',
    'certificate log',
    'inclusion proof',
    'signature',
    'identity',
    'clock',
  ]
  for (const name of names)
    assert.ok(
      checks.some((check) => check.name === name && check.result === 'passed'),
      name,
    )

  expectRun(text, 0, /^yes {2}pump\.tar\.gz\n/, 'signed by anna@example.org')
  for (const { name } of checks) assert.ok(text.stdout.includes(`  ${name} `), name)
  expectRun(text, 0, 'not certified; this policy does not ask for it')
})

test('many files are signed at once; one that is missing does not stop the others', async () => {
  const names = ['a.bin', 'b.bin', 'c.bin', 'd.bin', 'e.bin']
  for (const name of names) anna.write(name, `the bytes of ${name}`)
  const { status, answer } = await anna.ask<{
    signed: { artifact: string; bundle?: string; error?: { code: string } }[]
  }>(...['sign', ...names, 'nowhere.bin'])
  assert.equal(status, 1)
  const found = new Map(answer.signed.map((one) => [one.artifact, one.bundle ?? one.error?.code]))
  assert.deepEqual(
    found,
    new Map([...names.map((name) => [name, `${name}.sigstore.json`] as const), ['nowhere.bin', 'files.not-found']]),
  )
  const [first, last] = await Promise.all([verify(anna, 'a.bin'), verify(anna, 'e.bin')])
  assert.deepEqual([first.answer, last.answer], ['yes', 'yes'])
})

test('standard input and a digest are signed without a file', async () => {
  const digest = `sha256:${createHash('sha256').update('valve 1.0').digest('hex')}`
  const [piped, digested] = await Promise.all([
    anna.pipe('from a pipe', 'sign', '-', '--bundle', 'pipe.sigstore.json'),
    anna.countersign('sign', '--digest', digest, '--bundle', 'valve.tar.gz.sigstore.json'),
  ])
  expectRun(piped, 0, 'signed  -  pipe.sigstore.json')
  expectRun(digested, 0, `signed  ${digest}  valve.tar.gz.sigstore.json`)

  ben.bring(anna, 'pipe.sigstore.json', 'valve.tar.gz.sigstore.json')
  const [ofPipe, ofFile, ofDigest] = await Promise.all([
    ben.pipe('from a pipe', 'verify', '-', '--bundle', 'pipe.sigstore.json'),
    ben.countersign('verify', 'valve.tar.gz'),
    ben.countersign('verify', digest, '--bundle', 'valve.tar.gz.sigstore.json', '--offline'),
  ])
  expectRun(ofPipe, 0, /^yes {2}-\n/)
  expectRun(ofFile, 0, /^yes {2}valve\.tar\.gz\n/)
  expectRun(ofDigest, 0, `yes  ${digest}`)
  const alone = await anna.ask<Refused>('sign', '--digest', digest)
  assert.deepEqual([alone.status, alone.answer.error.code], [64, 'cli.usage'])
})

test('one changed byte is a no; the checks that do not depend on it still say what they found', async () => {
  ben.write('changed.tar.gz', 'pump 1.1')
  const changed = await verify(ben, 'changed.tar.gz', '--bundle', 'pump.tar.gz.sigstore.json')
  assert.equal(changed.answer, 'no')
  assert.deepEqual(failed(changed), ['bundle.digest-wrong', 'bundle.signature-wrong'])
  assert.equal(changed.signer, undefined)
  for (const name of ['certificate chain', 'inclusion proof', 'checkpoint']) {
    assert.equal(changed.checks.find((check) => check.name === name)?.result, 'passed', name)
  }
  assert.match(changed.reasons.join('\n'), /artifact digest/)
})

test('an artifact without its bundle has no answer, and the missing file is named', async () => {
  ben.write('unsigned.tar.gz', 'whatever')
  const { status, answer } = await ben.ask<Refused>('verify', 'unsigned.tar.gz')
  assert.deepEqual([status, answer.error.code], [1, 'files.not-found'])
  assert.match(answer.error.message, /unsigned\.tar\.gz\.sigstore\.json/)
})

test('asking for one person and one issuer narrows the answer', async () => {
  const issuer = `${instance.publicUrl}/oidc`
  const [hers, notHers, notIts] = await Promise.all([
    verify(ben, 'pump.tar.gz', '--identity', 'anna@example.org', '--issuer', issuer),
    verify(ben, 'pump.tar.gz', '--identity', 'eve@example.org'),
    verify(ben, 'pump.tar.gz', '--issuer', 'https://accounts.example.net'),
  ])
  assert.equal(hers.answer, 'yes')
  for (const other of [notHers, notIts]) {
    assert.equal(other.answer, 'no')
    assert.deepEqual(failed(other), ['cli.other-identity'])
    assert.match(other.reasons.join('\n'), /signed by anna@example\.org/)
  }
})

test('a policy of his own narrows it further: other people, production only', async () => {
  const issuer = `${instance.publicUrl}/oidc`
  await writePolicy(ben, 'others.json', () => ({ identities: [{ issuer, subject: { exact: 'eve@example.org' } }] }))
  await writePolicy(ben, 'production.json', () => ({ environment: 'production', anchors: [] }))
  const [others, production] = await Promise.all([
    verify(ben, 'pump.tar.gz', '--policy', 'others.json'),
    verify(ben, 'pump.tar.gz', '--policy', 'production.json'),
  ])
  assert.deepEqual([others.answer, ...failed(others)], ['no', 'decide.identity-not-trusted'])
  assert.equal(production.answer, 'no')
  assert.ok(failed(production).includes('decide.development-anchors'))
})

test('the log proves that it holds the signature, in a file that proves it to anybody', async () => {
  const bundle = parseBundle(anna.read('pump.tar.gz.sigstore.json'))
  const entry = bundle.entries[0]
  assert.ok(entry)
  const proved = await ben.countersign('log', 'prove', 'pump.tar.gz', '--out', 'pump.tlog-proof')
  expectRun(proved, 0, `localhost holds it as entry ${entry.logIndex} of `)

  const [proof = '', checkpoint = ''] = ben.read('pump.tlog-proof').toString().split('\n\n', 2)
  const [version, index, ...hashes] = proof.split('\n')
  assert.deepEqual([version, index], ['c2sp.org/tlog-proof@v1', `index ${entry.logIndex}`])
  const [origin, size = '', root = ''] = checkpoint.split('\n')
  assert.equal(origin, 'localhost')
  verifyInclusion({
    leaf: leafHash(entry.canonicalizedBody),
    index: entry.logIndex,
    size: BigInt(size),
    proof: hashes.map((one) => decodeBase64(one, 'a hash')),
    root: decodeBase64(root, 'the root'),
  })
})

test('every log can be read from its first entry, and continues what was seen before', async () => {
  const [full, again] = await Promise.all([ben.countersign('log', 'audit', '--full'), anna.countersign('log', 'audit')])
  for (const log of ['artifacts', 'certificates', 'revocations', 'audit']) {
    expectRun(full, 0, new RegExp(`^passed {2}${log} .* entries, all read again, `, 'm'))
    expectRun(again, 0, new RegExp(`^passed {2}${log} .* entries, consistent, `, 'm'))
  }
})

test('a policy can be checked and explained before anything rests on it', async () => {
  const docs = path.resolve(import.meta.dirname, '..', '..', 'docs', 'policies')
  const bad = path.join(docs, 'bad', 'policy.unknown-field.json')
  const [checked, explained, wrong, newer] = await Promise.all([
    ben.countersign('policy', 'check', path.join(docs, 'new-instance.json')),
    ben.countersign('policy', 'explain', path.join(docs, 'two-of-three-validators.json')),
    ben.ask<Refused>('policy', 'check', bad),
    ben.ask<Refused>('policy', 'check', path.join(docs, 'bad', 'policy.version-newer.json')),
  ])
  expectRun(checked, 0, 'is a verification policy, version 1, for production.')
  expectRun(explained, 0, /2 of .*validators/i)
  assert.deepEqual([wrong.status, wrong.answer.error.code], [1, 'policy.unknown-field'])
  assert.deepEqual([newer.status, newer.answer.error.code], [2, 'policy.version-newer'])
})

test('a second instance is trusted beside the first, and neither speaks for the other', async () => {
  const second = await startInstance({
    dataFolder: path.join(folder, 'second'),
    arguments: ['--first-person', 'x@example.org'],
  })
  try {
    const made = await second.admin<{ ticket: string }>('ticket')
    expectRun(await ben.countersign('trust', 'add', made.ticket), 0, `Trusting ${second.publicUrl}`)
    const [listed, unnamed, first, other] = await Promise.all([
      ben.countersign('trust', 'list'),
      ben.ask<Refused>('verify', 'pump.tar.gz'),
      verify(ben, 'pump.tar.gz', '--instance', instance.publicUrl),
      verify(ben, 'pump.tar.gz', '--instance', second.publicUrl),
    ])
    expectRun(listed, 0, instance.publicUrl, second.publicUrl)
    assert.deepEqual([unnamed.status, unnamed.answer.error.code], [64, 'anchors.ambiguous'])
    assert.match(unnamed.answer.error.whatToDo, /--instance/)
    assert.deepEqual([first.answer, other.answer], ['yes', 'no'])
    assert.deepEqual(failed(other), ['timestamp.unknown-authority', 'bundle.log-untrusted'])

    expectRun(await ben.countersign('trust', 'remove', second.publicUrl), 0, `No longer trusting ${second.publicUrl}.`)
    const left = await ben.ask<{ trusted: { url: string }[] }>('trust', 'list')
    assert.deepEqual(
      left.answer.trusted.map(({ url }) => url),
      [instance.publicUrl],
    )
  } finally {
    await second.stop()
  }
})

test('after she signed out, her sign-in is worth nothing, here and at the issuer', async () => {
  const { refreshToken } = JSON.parse(readFileSync(anna.keptSignIn(), 'utf8')) as { refreshToken: string }
  expectRun(await anna.countersign('logout'), 0, `anna@example.org is signed out of ${instance.publicUrl}.`)
  expectRun(await anna.countersign('sign', 'pump.tar.gz'), 1, 'cli.not-signed-in', 'countersign login')
  const form = { grant_type: 'refresh_token', client_id: 'sigstore', refresh_token: refreshToken }
  const refused = await callInstance(`${instance.publicUrl}/oidc/token`, { form, ca: await anna.deviceRoot() })
  assert.equal(refused.status, 400)
  assert.match(refused.bytes.toString(), /invalid_grant/)
})

test('while the instance is away, what a machine knows still answers, as long as the policy takes old news', async () => {
  await writePolicy(ben, 'strict.json', () => ({ maxStaleness: '1s', onStale: 'refuseInstalls' }))
  await instance.stop()
  const [online, offline, strict] = await Promise.all([
    ben.countersign('verify', 'pump.tar.gz'),
    verify(ben, 'pump.tar.gz', '--offline'),
    verify(ben, 'pump.tar.gz', '--offline', '--policy', 'strict.json'),
  ])
  expectRun(online, 0, 'trust was not renewed', 'no news of localhost', /^yes {2}pump\.tar\.gz\n/)
  assert.equal(offline.answer, 'yes')
  assert.equal(strict.answer, 'cannot tell')
  assert.deepEqual(failed(strict), ['decide.stale'])
  assert.match(strict.reasons.join('\n'), /freshness: .*longer ago than 1 second/)
})
