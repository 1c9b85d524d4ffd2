import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { fixtureRepository, fixtureSpec, TufServer } from '@countersign/local/anchors/repositoryFixture.ts'
import { sha256Hex } from '@countersign/local/anchors/tufMetadata.ts'
import { verifyRepository } from '@countersign/local/anchors/verifyRepository.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { releaseTargetName, writeReleaseTarget } from '@countersign/protocol/release/releaseTarget.ts'
import { emptyState, type StoredState } from '../state/storedState.ts'
import { chooseRelease, requireSameProduct } from './chooseRelease.ts'

const sha256 = 'ab'.repeat(32)
const artifacts = [{ sha256, sizeBytes: 10, signature: sha256, certifications: [sha256] }]
const release = (counter: number, version: string, product = 'files') =>
  writeReleaseTarget({ product, channel: 'stable', counter, version, artifacts })
const others = {
  [releaseTargetName('files', 'stable', 1)]: release(1, '1.0.0'),
  [releaseTargetName('files', 'stable', 2)]: release(2, '1.1.0'),
  [releaseTargetName('files', 'stable', 10)]: release(10, '1.2.0'),
  [releaseTargetName('pumps', 'stable', 11)]: release(11, '9.0.0', 'pumps'),
  // Signed metadata that says two things: its own name, and another product.
  [releaseTargetName('mixed', 'stable', 1)]: release(1, '1.0.0'),
}
const repository = fixtureRepository(fixtureSpec(new Date(), { others }))
const { otherTargets } = verifyRepository(repository, sha256Hex(repository.roots[0] as Uint8Array))
let server: TufServer

before(async () => {
  server = await TufServer.start()
  server.serve(repository)
  for (const [name, bytes] of Object.entries(others)) server.addTarget(name, bytes)
})
after(() => server.stop())

function choose(product: string, pinned?: string, highest = 0) {
  const known = highest === 0 ? [] : [{ product, channel: 'stable', counter: highest }]
  const state: StoredState = { ...emptyState(new Date(0), false), highest: known }
  const anchors = { httpUrl: server.url, otherTargets } as unknown as Anchors
  return chooseRelease(anchors, { product, channel: 'stable', ...(pinned !== undefined && { pinned }) }, state)
}

const refuses = (choosing: Promise<unknown>, code: string) =>
  assert.rejects(choosing, (error) => hasCode(error, code) || assert.fail(String(error)))

test('the newest release of the assigned product is the one with the highest counter', async () => {
  assert.equal((await choose('files')).version, '1.2.0')
})

test('a pinned device gets the newest release of that version', async () => {
  assert.equal((await choose('files', '1.0.0')).counter, 1)
})

test('releases.lower-counter: nobody leads a device below what it has had, pinned or not', async () => {
  await refuses(choose('files', undefined, 11), 'releases.lower-counter')
  await refuses(choose('files', '1.0.0', 2), 'releases.lower-counter')
  assert.equal((await choose('files', undefined, 10)).counter, 10)
})

test('releases.other-product: a device stays with the product that it has had, whatever it is told', () => {
  const state = emptyState(new Date(0), false)
  const had = { ...state, highest: [{ product: 'files', channel: 'stable', counter: 2 }] }
  requireSameProduct({ product: 'pumps', channel: 'stable' }, state)
  requireSameProduct({ product: 'files', channel: 'beta' }, had)
  assert.throws(() => requireSameProduct({ product: 'pumps', channel: 'stable' }, had), {
    code: 'releases.other-product',
  })
})

test('releases.none: another product, a version that was not released', async () => {
  await refuses(choose('valves'), 'releases.none')
  await refuses(choose('files', '3.0.0'), 'releases.none')
})

test('releases.disagrees: a target that is not what its name says', () =>
  refuses(choose('mixed'), 'releases.disagrees'))
