import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { fetchReleaseTarget, listReleaseTargets } from './releaseTargets.ts'
import { fixtureRepository, fixtureSpec, TufServer } from './repositoryFixture.ts'
import { sha256Hex } from './tufMetadata.ts'
import { verifyRepository } from './verifyRepository.ts'

const name = 'releases/files/stable/2.json'
const release = new Uint8Array(Buffer.from('{"v":1}'))
const repository = fixtureRepository(
  fixtureSpec(new Date(), { others: { [name]: release, 'releases/files/0.json': release, 'notes.txt': release } }),
)
const { otherTargets } = verifyRepository(repository, sha256Hex(repository.roots[0] as Uint8Array))
let server: TufServer

before(async () => {
  server = await TufServer.start()
})
after(() => server.stop())

function fetchFrom(bytes: Uint8Array) {
  server.serve(repository)
  server.files.set(`targets/releases/files/stable/${sha256Hex(release)}.2.json`, bytes)
  return fetchReleaseTarget({ httpUrl: server.url, otherTargets }, name, {})
}

test('a release is listed by product, channel and counter; other targets are no releases', () => {
  assert.deepEqual(listReleaseTargets({ otherTargets }), [{ name, product: 'files', channel: 'stable', counter: 2 }])
})

test('the bytes of a release are the ones that the metadata names', async () => {
  assert.deepEqual(await fetchFrom(release), release)
})

test('other bytes of the same length are refused', async () => {
  const forged = new Uint8Array(Buffer.from('{"v":2}'))
  await assert.rejects(fetchFrom(forged), (error) => hasCode(error, 'anchors.tampered'))
})

test('a release that the metadata does not list is refused before anything is fetched', async () => {
  const anchors = { httpUrl: 'http://127.0.0.1:1', otherTargets }
  const fetching = fetchReleaseTarget(anchors, 'releases/files/stable/3.json', {})
  await assert.rejects(fetching, (error) => hasCode(error, 'anchors.tampered'))
})

test('a release that cannot be fetched is unreachable, not tampered with', async () => {
  server.serve(repository)
  const fetching = fetchReleaseTarget({ httpUrl: server.url, otherTargets }, name, {})
  await assert.rejects(fetching, (error) => hasCode(error, 'anchors.unreachable'))
})
