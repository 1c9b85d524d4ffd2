import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, test } from 'node:test'
import {
  type CertificationPolicy,
  defaultCertificationPolicy,
} from '@countersign/protocol/policy/certificationPolicy.ts'
import type { Catalogue } from '@countersign/protocol/sbom/catalogue.ts'
import { catalogueAgain } from '../certify/catalogueAgain.ts'
import { certify } from '../certify/certify.ts'
import { artifactPath } from '../certify/keepArtifact.ts'
import { type FlowDeps, scheduledWork } from '../flow.ts'
import { endCatalogued } from './endCatalogued.ts'
import {
  decidedSubmission,
  openTestValidator,
  type TestInstance,
  type TestValidator,
  testAdvisory,
  testCatalogue,
  testFolder,
  testInstance,
} from './validatorFixture.ts'
import type { WatchDeps } from './watchDeps.ts'
import { cataloguedAgain } from './watchStore.ts'

const UNRELATED = testAdvisory('GHSA-0000-0000-0001', 'unrelated', '1.0.0')
const KNOWN = testAdvisory('GHSA-jchw-25xp-jwwc', 'follow-redirects', '1.15.4')
const app = { name: 'left-pad', version: '1.0.0' }

let folder: string
let remove: () => Promise<void>
let instance: TestInstance
let validator: TestValidator

beforeEach(async () => {
  ;({ folder, remove } = await testFolder())
  instance = testInstance()
  validator = await openTestValidator(folder, instance)
  await validator.importWhole([UNRELATED, KNOWN])
})

afterEach(async () => {
  await validator.close()
  await remove()
})

/** Certifies what the older inspector catalogued as one package, and keeps its bytes. */
async function certified(id: string): Promise<void> {
  const decided = await decidedSubmission(validator, { ...app, id: id.repeat(32).slice(0, 32) })
  const row = await certify(validator.certifying, decided)
  assert.equal(row.stage, 'certified')
  const { artifactsFolder } = validator.certifying
  mkdirSync(artifactsFolder, { recursive: true })
  writeFileSync(artifactPath(artifactsFolder, row.sha256), 'x')
}

/** What a newer inspector finds: one package more, which an advisory reaches that has been known all the time. */
function moreOf(sha256: string): Catalogue {
  const [old, more] = [app, { name: 'follow-redirects', version: '1.15.3' }].map((one) =>
    testCatalogue(sha256, one.name, one.version),
  ) as [Catalogue, Catalogue]
  return { ...old, components: [...old.components, ...more.components], scanner: { ...old.scanner, version: '2' } }
}

/** Runs the newer inspector, and nothing else. */
async function again(find: (sha256: string) => Catalogue): Promise<void> {
  const inspect = async ({ sha256 }: { sha256: string }) => ({ catalogue: find(sha256), protections: [] })
  const deps = { ...validator.certifying, scannerVersion: '2', inspect }
  await catalogueAgain(deps, validator.watch.watched, new AbortController().signal)
}

function by(changes: Partial<CertificationPolicy>): WatchDeps {
  const policy = { ...defaultCertificationPolicy(), ...changes }
  return { ...validator.watch, policy: () => ({ policy, sha256: 'c'.repeat(64) }) }
}

async function doubts(): Promise<string[]> {
  const found = await cataloguedAgain(validator.watch.database)
  return found.flatMap((one) => JSON.parse(one.doubts ?? '[]') as string[])
}

test('a known advisory ends what only a newer inspector shows it to reach, and the instance is told by which way', async () => {
  await certified('a')
  const flow = { watch: validator.watch, catalogueAgain: () => again(moreOf) } as unknown as FlowDeps
  const job = scheduledWork(flow).find(({ name }) => name === 'catalogue-again')
  await job?.run(new AbortController().signal)
  await validator.settled()
  assert.deepEqual([...instance.ended], ['1'])
  const [told] = instance.findings
  assert.deepEqual(
    [told?.advisory, told?.reached.map(({ finding }) => finding.component)],
    ['GHSA-jchw-25xp-jwwc', ['pkg:npm/follow-redirects@1.15.3']],
  )
  assert.deepEqual(await cataloguedAgain(validator.watch.database), [])
})

test('the process ends between cataloguing and deciding: the next one decides', async () => {
  await certified('a')
  await again(moreOf)
  await validator.close()
  validator = await openTestValidator(folder, instance)
  await endCatalogued(validator.watch)
  assert.deepEqual([...instance.ended], ['1'])
})

test('what ends for the same reason ends by one record, so that the reach limit sees it whole', async () => {
  for (const id of ['a', 'b', 'c']) await certified(id)
  let records = 0
  instance.hold = async (step, when) => {
    if (step === 'addRevocation' && when === 'after') records++
  }
  await again(moreOf)
  await endCatalogued(validator.watch)
  assert.deepEqual([records, [...instance.ended]], [1, ['1', '2', '3']])
})

test('more than the policy lets one change end waits, until the policy says otherwise', async () => {
  for (const id of ['a', 'b']) await certified(id)
  await again(moreOf)
  await endCatalogued(by({ maxEndedByOneChange: 1 }))
  assert.deepEqual([...instance.ended], [])
  assert.match((await doubts())[0] ?? '', /known flaws in 2 certifications/)
  await endCatalogued(by({ maxEndedByOneChange: 2 }))
  assert.deepEqual([...instance.ended], ['1', '2'])
})

test('a finding that the policy certifies ends nothing', async () => {
  await certified('a')
  await again(moreOf)
  await endCatalogued(by({ findings: { ...defaultCertificationPolicy().findings, high: 'certify' } }))
  assert.deepEqual([[...instance.ended], await cataloguedAgain(validator.watch.database)], [[], []])
})

test('a new gap ends nothing and is a doubt that a person is told of, until the policy accepts it', async () => {
  const gap = { code: 'gap.unattributed-code', path: 'x.js', detail: 'nobody knows whose', closedBy: '' }
  const withGap = (sha256: string): Catalogue => {
    const { scanner, ...old } = testCatalogue(sha256, app.name, app.version)
    return { ...old, gaps: [gap], scanner: { ...scanner, version: '2' } }
  }
  await certified('a')
  await again(withGap)
  await endCatalogued(validator.watch)
  assert.deepEqual([...instance.ended], [])
  assert.deepEqual(await doubts(), ['gap.unattributed-code at x.js: nobody knows whose'])
  const accepted = { code: gap.code, product: '*', path: 'x.js', reason: 'looked at', expires: '2999-12-31' }
  await endCatalogued(by({ acceptedGaps: [accepted] }))
  assert.deepEqual(await cataloguedAgain(validator.watch.database), [])
})
