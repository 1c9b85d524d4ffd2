import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type ArtifactsFixture, certifyText, endCertification, openArtifactsFixture } from './artifactsFixture.ts'
import { type AffectedDeps, type Finding, readAffected, reportFindings } from './findings.ts'

let fixture: ArtifactsFixture
let sha256: string
/** What was asked about devices. */
const asked: unknown[] = []

before(async () => {
  fixture = await openArtifactsFixture()
  sha256 = (await certifyText(fixture, 'files 1.1.0', { number: 1n })).sha256
  await certifyText(fixture, 'files 1.2.0', { number: 2n, claims: { version: '1.2.0' } })
  await certifyText(fixture, 'files 1.1.0 again', { number: 3n, validator: 'lab' })
})
after(() => fixture.close())

const finding = (advisory: string, aliases: readonly string[] = []): Finding => ({
  advisory,
  aliases: [...aliases],
  component: 'pkg:npm/follow-redirects@1.15.3',
  path: ['pkg:generic/files@1.1.0', 'pkg:npm/http-server@14.1.1', 'pkg:npm/follow-redirects@1.15.3'],
  severity: 'medium',
  fixed: ['1.15.4'],
})

function tell(
  advisory: string,
  numbers: readonly (number | string)[],
  { validator = 'embedded', aliases = [] }: { validator?: string; aliases?: readonly string[] } = {},
) {
  const reached = numbers.map((number) => ({ number: String(number), finding: finding(advisory, aliases) }))
  return reportFindings(fixture.deps, validator, { advisory, aliases, reached })
}

function affected(name: string) {
  const deps: AffectedDeps = {
    database: fixture.deps.database,
    devicesOf: async (certification) => {
      asked.push(certification)
      return [{ name: 'front', group: 'default', isRunning: true }]
    },
  }
  return readAffected(deps, name, fixture.clock.now())
}

const numbersOf = async (name: string) => (await affected(name)).affected.map(({ number }) => number)

test('what an advisory reaches is told with artifact, path, state and devices, under its id and every alias', async () => {
  const aliases = ['CVE-2023-26159']
  assert.deepEqual(await tell('GHSA-jchw-25xp-jwwc', [1, 2], { aliases }), { reached: 2 })
  await endCertification(fixture, 2)
  const found = await affected('CVE-2023-26159')
  assert.deepEqual([found.advisory, found.aliases], ['GHSA-jchw-25xp-jwwc', aliases])
  assert.deepEqual(found.affected[0], {
    number: '1',
    validator: 'embedded',
    sha256,
    product: 'files',
    version: '1.1.0',
    state: 'active',
    finding: finding('GHSA-jchw-25xp-jwwc', aliases),
    devices: [{ name: 'front', group: 'default', isRunning: true }],
  })
  assert.deepEqual(
    found.affected.map(({ version, state }) => [version, state]),
    [
      ['1.1.0', 'active'],
      ['1.2.0', 'ended'],
    ],
  )
  const authority = fixture.instance.certifications.certificate.keyId
  assert.deepEqual(asked[0], { authority, number: 1n, sha256 })
  assert.deepEqual(await affected('GHSA-jchw-25xp-jwwc'), found)
})

test('a validator tells only of its own certifications, and in place of what it told before', async () => {
  assert.deepEqual(await tell('GHSA-own', [1, 2, 3, 99]), { reached: 2 })
  assert.deepEqual(await numbersOf('GHSA-own'), ['1', '2'])
  await tell('GHSA-own', [2])
  assert.deepEqual(await numbersOf('GHSA-own'), ['2'])
  assert.deepEqual(await tell('GHSA-own', [1, 3], { validator: 'lab' }), { reached: 1 })
  assert.deepEqual(await numbersOf('GHSA-own'), ['2', '3'])
  await tell('GHSA-own', [])
  assert.deepEqual(await numbersOf('GHSA-own'), ['3'])
})

test('a number counts once, however often and with however many zeros it is told', async () => {
  assert.deepEqual(await tell('GHSA-twice', [1, 1, '001', '0001']), { reached: 1 })
  assert.deepEqual(await numbersOf('GHSA-twice'), ['1'])
})

test('a certification that an advisory reaches through two components is told with both, and counts once', async () => {
  const one = finding('GHSA-both')
  const other = { ...one, component: 'pkg:npm/follow-redirects@1.14.0', path: ['pkg:npm/follow-redirects@1.14.0'] }
  const reached = [one, other, one].map((found) => ({ number: '1', finding: found }))
  const report = { advisory: 'GHSA-both', aliases: [], reached }
  assert.deepEqual(await reportFindings(fixture.deps, 'embedded', report), { reached: 1 })
  assert.deepEqual(
    (await affected('GHSA-both')).affected.map(({ number, finding: found }) => [number, found]),
    [
      ['1', other],
      ['1', one],
    ],
  )
})

test('an alias that is told no more leads nowhere', async () => {
  await tell('GHSA-renamed', [1], { aliases: ['CVE-1', 'CVE-1', 'GHSA-renamed'] })
  assert.deepEqual(await numbersOf('CVE-1'), ['1'])
  await tell('GHSA-renamed', [1], { aliases: ['CVE-2'] })
  assert.deepEqual(await numbersOf('CVE-2'), ['1'])
  await assert.rejects(affected('CVE-1'), { code: 'artifacts.advisory-unknown' })
})

test('artifacts.advisory-unknown: nobody told of it, or what was told reaches nothing here any more', async () => {
  await assert.rejects(affected('GHSA-nobody'), { code: 'artifacts.advisory-unknown' })
  await tell('GHSA-gone', [1])
  assert.deepEqual(await tell('GHSA-gone', []), { reached: 0 })
  await assert.rejects(affected('GHSA-gone'), { code: 'artifacts.advisory-unknown' })
  assert.deepEqual(await tell('GHSA-gone', [99]), { reached: 0 })
  await assert.rejects(affected('GHSA-gone'), { code: 'artifacts.advisory-unknown' })
})

test('the longest report that the route takes is one transaction of many statements', async () => {
  const numbers = Array.from({ length: 50_000 }, (_, index) => index + 1)
  assert.deepEqual(await tell('GHSA-long', numbers), { reached: 2 })
  assert.deepEqual(await numbersOf('GHSA-long'), ['1', '2'])
})
