import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import type { Catalogue } from '@countersign/protocol/sbom/catalogue.ts'
import { inspectorError } from '../inspector/errors.ts'
import {
  decidedSubmission,
  openTestValidator,
  type TestInstance,
  type TestValidator,
  testAdvisory,
  testCatalogue,
  testFolder,
  testInstance,
} from '../watch/validatorFixture.ts'
import { catalogueAgain } from './catalogueAgain.ts'
import { certify } from './certify.ts'
import type { CertifyDeps } from './certifyDeps.ts'
import { artifactPath } from './keepArtifact.ts'

const app = { name: 'left-pad', version: '1.0.0' }
const never = new AbortController().signal

let remove: () => Promise<void>
let instance: TestInstance
let validator: TestValidator
/** Digests that were inspected. */
let inspected: string[]

beforeEach(async () => {
  let folder: string
  ;({ folder, remove } = await testFolder())
  instance = testInstance()
  inspected = []
  validator = await openTestValidator(folder, instance)
  await validator.importWhole([testAdvisory('GHSA-0000-0000-0001', 'unrelated', '1.0.0')])
})

afterEach(async () => {
  await validator.close()
  await remove()
})

/** Certifies what the older inspector catalogued as one package, and keeps its bytes. Resolves with the digest. */
async function certified(id: string): Promise<string> {
  const row = await certify(
    validator.certifying,
    await decidedSubmission(validator, { ...app, id: id.repeat(32).slice(0, 32) }),
  )
  assert.equal(row.stage, 'certified')
  const path = artifactPath(validator.certifying.artifactsFolder, row.sha256)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, 'x')
  return row.sha256
}

/** What a newer inspector finds: one package more. */
function moreOf(sha256: string): Catalogue {
  const [old, more] = [
    testCatalogue(sha256, app.name, app.version),
    testCatalogue(sha256, 'follow-redirects', '1.15.3'),
  ]
  return { ...old, components: [...old.components, ...more.components], scanner: { ...old.scanner, version: '2' } }
}

function again(inspect: (sha256: string) => Catalogue, changes: Partial<CertifyDeps> = {}, signal = never) {
  const deps: CertifyDeps = {
    ...validator.certifying,
    scannerVersion: '2',
    inspect: async ({ sha256 }) => {
      inspected.push(sha256)
      return { catalogue: inspect(sha256), protections: [] }
    },
    ...changes,
  }
  return catalogueAgain(deps, validator.watch.watched, signal)
}

async function reach(): Promise<string[]> {
  await validator.advisories.receive([testAdvisory('GHSA-jchw-25xp-jwwc', 'follow-redirects', '1.15.4')])
  await validator.settled()
  return [...instance.ended]
}

test('an advisory reaches what only the newer inspector sees, once; the artifact is not catalogued a third time', async () => {
  const sha256 = await certified('a')
  await again(moreOf)
  await again(moreOf)
  assert.deepEqual(inspected, [sha256])
  assert.deepEqual(await reach(), ['1'])
})

test('the same inspector has nothing to catalogue again', async () => {
  await certified('a')
  await again(moreOf, { scannerVersion: '1' })
  assert.deepEqual(inspected, [])
  assert.deepEqual(await reach(), [])
})

test('an inspector that died or lost a component changes nothing: what it was is still watched', async () => {
  await certified('a')
  await again((sha256) => ({ ...moreOf(sha256), components: [] }))
  await validator.advisories.receive([testAdvisory('GHSA-old', app.name, '1.0.1')])
  await validator.settled()
  assert.deepEqual([...instance.ended], ['1'])
})

test('an artifact that is gone, or damaged where it is kept, does not keep the others from it', async () => {
  const [damaged, whole] = [await certified('a'), await certified('b')]
  await again((sha256) => {
    if (sha256 === damaged) throw inspectorError('inspector.artifact-changed', 'other bytes lie there')
    return moreOf(sha256)
  })
  assert.deepEqual(inspected, [damaged, whole])
  assert.deepEqual(await reach(), ['2'])
})

test('what ended is not catalogued again, and nothing is after the signal', async () => {
  await certified('a')
  await validator.advisories.receive([testAdvisory('GHSA-old', app.name, '1.0.1')])
  await validator.settled()
  await again(moreOf)
  await validator.advisories.receive([
    testAdvisory('GHSA-old', app.name, '0.0.1', { modified: new Date(Date.now() + 1000).toISOString() }),
  ])
  await validator.settled()
  await certified('b')
  await again(moreOf, {}, AbortSignal.abort())
  assert.deepEqual(inspected, [])
})
