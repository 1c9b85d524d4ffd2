import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { configFolder } from '@countersign/local/files/appDirs.ts'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import type { Check } from '@countersign/protocol/bundle/verifyBundle.ts'
import { endedNumbers, signedLeaf, testRevoker, testRevokers } from '@countersign/protocol/decide/revokerFixture.ts'
import type { RevocationRecord } from '@countersign/protocol/revocation/record.ts'
import { testDay } from '@countersign/protocol/x509/authorityFixture.ts'
import { readIdentity } from '@countersign/protocol/x509/fulcio.ts'
import { certifyTestArtifact, validatorsOf } from '../../../../tests/vectors/bundle/certification.ts'
import { createTestInstance, signTestStatement, TEST_ARTIFACT } from '../../../../tests/vectors/bundle/fixture.ts'
import { recordingTerminal } from '../output/terminalFixture.ts'
import { askCertifications } from './renewSurroundings.ts'
import { type VerifyOptions, verify } from './verify.ts'
import { TestMachine } from './verifyFixture.ts'

const instance = createTestInstance()
const certified = certifyTestArtifact(instance, { notAfter: testDay(36_500) })
const validator = { name: 'embedded', issuer: validatorsOf(instance), subject: `${validatorsOf(instance)}/embedded` }
const approver = testRevoker('anna', ['certifications', 'digest'])
let folder: string
let artifact: string
let beside: string
let machine: TestMachine

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-verify-'))
  process.env.XDG_CONFIG_HOME = folder
  artifact = join(folder, 'artifact')
  beside = `${artifact}.certification.sigstore.json`
  writeFileSync(artifact, TEST_ARTIFACT)
  writeFileSync(`${artifact}.sigstore.json`, certified.signature)
})
after(() => rmSync(folder, { recursive: true }))
beforeEach(async () => {
  machine = new TestMachine(configFolder())
  const { issuer } = readIdentity(parseBundle(certified.signature).certificate)
  const changes = { validators: { required: 1, of: [validator] }, revokers: testRevokers([approver]) }
  await machine.trust(instance, machine.policy(issuer, changes))
  await machine.learn(new Date())
  writeFileSync(beside, certified.certification)
})

interface Result {
  readonly answer: string
  readonly checks: readonly Check[]
  readonly certifications: readonly { state: string; endings: readonly object[]; authority: string }[]
  readonly reasons: readonly string[]
}
async function run(options: VerifyOptions = {}) {
  const terminal = recordingTerminal()
  const exit = await verify(artifact, { offline: true, ...options }, terminal)
  const result = terminal.results[0] as unknown as Result
  return {
    exit,
    ...result,
    codes: result.checks.flatMap(({ code }) => code ?? []),
    text: terminal.lines.join('\n'),
    terminal,
  }
}

/** Ends this number of the instance's certification authority. */
async function end(number: bigint, more: Partial<RevocationRecord> = {}): Promise<void> {
  const { authority } = (await run()).certifications[0] as { authority: string }
  await machine.learn(new Date(), signedLeaf(endedNumbers([number], { authority, ...more } as object), approver))
}

test('yes: the certification beside the artifact; who, which number, by which data, and that one operator runs both', async () => {
  const { exit, certifications, text } = await run()
  assert.equal(exit, 0, text)
  assert.deepEqual(
    { ...certifications[0], authority: '', signedAt: '', notAfter: '' },
    {
      validator: validator.subject,
      number: 7n,
      authority: '',
      product: 'files',
      version: '1.1.0',
      state: 'active',
      signedAt: '',
      notAfter: '',
      sameOperator: true,
      advisories: { asOf: '2026-11-20T06:00:00Z', records: 5, sample: true, state: 3 },
      components: 1,
      accepted: { findings: [], gaps: [] },
      endings: [],
    },
  )
  for (const words of [
    'files 1.1.0 certified by',
    'number 7',
    '2026-11-20T06:00:00Z, sample, 5 records',
    'one operator runs',
  ]) {
    assert.ok(text.includes(words), words)
  }
})

test('yes: two validators are asked for, and the certification of each lies beside the artifact', async () => {
  const lab = { name: 'lab', issuer: validator.issuer, subject: `${validator.issuer}/lab` }
  const { issuer } = readIdentity(parseBundle(certified.signature).certificate)
  const validators = { required: 2, of: [validator, lab] }
  await machine.trust(instance, machine.policy(issuer, { validators, revokers: testRevokers([approver]) }))
  await machine.learn(new Date())
  assert.deepEqual((await run()).codes, ['decide.not-certified'])
  const claims = { signature: hash('sha256', certified.signature, 'hex') }
  const other = certifyTestArtifact(instance, { validator: 'lab', number: 8n, notAfter: testDay(36_500), claims })
  const second = `${artifact}.lab.certification.sigstore.json`
  writeFileSync(second, other.certification)
  try {
    const { exit, certifications } = await run()
    assert.deepEqual([exit, certifications.length], [0, 2])
  } finally {
    rmSync(second)
  }
})

test('no: not certified', async () => {
  rmSync(beside)
  assert.deepEqual((await run()).codes, ['decide.not-certified'])
})

test('yes: files that are named with --certification, of which one is enough', async () => {
  rmSync(beside)
  const file = join(folder, 'other.json')
  writeFileSync(file, certified.certification)
  const broken = join(folder, 'broken.json')
  writeFileSync(broken, '{')
  const { exit, codes } = await run({ certification: [broken, file] })
  assert.deepEqual([exit, codes], [0, ['json.syntax']])
  await assert.rejects(run({ certification: [join(folder, 'absent')] }), { code: 'files.not-found' })
})

test('no: an ended certification says why, since when, which record and what replaces it', async () => {
  await end(8n)
  assert.equal((await run()).exit, 0)
  await end(7n, { replacement: 'files 1.2.0' })
  const { exit, codes, certifications, reasons, text } = await run()
  assert.deepEqual([exit, codes, certifications[0]?.state], [1, ['decide.certification-ended'], 'ended'])
  assert.deepEqual(certifications[0]?.endings, [
    {
      covers: 'certification',
      effect: 'ended',
      since: '2026-03-01T00:00:00.000Z',
      record: 1n,
      origin: 'sign.example.com/development/revocations',
      by: ['anna'],
      reason: 'follow-redirects before 1.15.4',
      advisories: ['GHSA-jchw-25xp-jwwc'],
      severity: 'medium',
      replacement: 'files 1.2.0',
    },
  ])
  for (const words of ['GHSA-jchw-25xp-jwwc', '2026-03-01T00:00:00Z', 'record 1 of', 'use files 1.2.0']) {
    assert.ok(reasons.join().includes(words) && text.includes(words), words)
  }
})

test('no: the artifact was ended by its digest', async () => {
  const { sha256 } = certified.claims
  const reason = 'it phones home'
  const record: RevocationRecord = { scope: 'digest', effect: 'blocked', digest: sha256, reason, issuedAt: testDay(0) }
  await machine.learn(new Date(), signedLeaf(record, approver))
  const { exit, codes, text } = await run()
  assert.deepEqual([exit, codes], [1, ['decide.certification-ended', 'decide.ended']])
  assert.ok(text.includes(reason))
})

test('a record that nobody with the right to it signed ends nothing', async () => {
  const { authority } = (await run()).certifications[0] as { authority: string }
  const leaf = signedLeaf(endedNumbers([7n], { authority } as object), testRevoker('eve', ['certifications']))
  await machine.learn(new Date(), leaf)
  assert.equal((await run()).exit, 0)
})

test('no: a statement of a mere identity is no certification', async () => {
  writeFileSync(beside, signTestStatement(instance))
  const { exit, codes } = await run()
  assert.equal(exit, 1)
  assert.ok(codes.includes('decide.not-certified') && codes.includes('statement.not-certification-authority'))
})

test("no: a certification in the place of the developer's signature", async () => {
  assert.ok((await run({ bundle: beside })).codes.includes('decide.certification-as-signature'))
})

let server: Server
async function serving(status: number, body: string): Promise<string[]> {
  server = createServer((request, reply) => {
    asked.push(request.url ?? '')
    reply.writeHead(status)
    reply.end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    return await askCertifications({ ...(await openAnchors()), url }, 'ab'.repeat(32), terminal)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}
let asked: string[]
let terminal = recordingTerminal()
beforeEach(() => {
  asked = []
  terminal = recordingTerminal()
})

test('the instance is asked for the certifications of the digest; only their bundles are looked at', async () => {
  const body = {
    certifications: [{ certification: 'one', state: 'active' }, { certification: 'two' }, {}],
    signatures: [],
  }
  assert.deepEqual(await serving(200, JSON.stringify(body)), ['one', 'two'])
  assert.deepEqual(asked, [`/api/v1/artifacts/${'ab'.repeat(32)}/certifications`])
  assert.deepEqual(terminal.notes, [])
  assert.deepEqual(await serving(404, ''), [])
  assert.equal(
    (await serving(200, JSON.stringify({ certifications: Array(99).fill(body.certifications[0]) }))).length,
    32,
  )
})

for (const [status, body] of [
  [500, ''],
  [200, 'hello'],
  [200, '{}'],
  [200, 'null'],
  [200, '{"certifications":null}'],
] as const) {
  test(`an instance that answers ${status} ${body} is as good as none, and a note says so`, async () => {
    assert.deepEqual(await serving(status, body), [])
    const code = body === 'hello' ? /\(json\.[a-z-]+\)$/ : /\(cli\.no-certifications\)$/
    assert.match(terminal.notes.join(), /^certifications were not asked for/)
    assert.match(terminal.notes.join(), code)
  })
}

test('on-line without an instance to reach: no certification, and a note says so', async () => {
  rmSync(beside)
  const { exit, terminal } = await run({ offline: false })
  assert.equal(exit, 1)
  assert.ok(terminal.notes.some((note) => note.startsWith('certifications were not asked for')))
})
