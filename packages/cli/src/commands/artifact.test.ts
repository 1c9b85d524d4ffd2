import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { readArtifact } from './artifact.ts'

const LIMIT_BYTES = 4 * 1024 * 1024
let folder = ''

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-artifact-'))
})

after(() => rm(folder, { recursive: true }))

for (const size of [0, 1, LIMIT_BYTES, LIMIT_BYTES + 1]) {
  test(`a file of ${size} bytes is ${size > LIMIT_BYTES ? 'only hashed' : 'hashed and kept'}`, async () => {
    const bytes = new Uint8Array(size).fill(7)
    const path = join(folder, String(size))
    await writeFile(path, bytes)
    const artifact = await readArtifact(path, 'sha384')
    assert.deepEqual(artifact.digest, new Uint8Array(hash('sha384', bytes, 'buffer')))
    assert.equal(artifact.bundlePath, `${path}.sigstore.json`)
    assert.equal(artifact.bytes?.length, size > LIMIT_BYTES ? undefined : size)
    if (artifact.bytes) assert.ok(Buffer.compare(artifact.bytes, bytes) === 0)
  })
}

test('of a digest nothing else is known', async () => {
  const hex = hash('sha256', 'x', 'hex')
  const artifact = await readArtifact(`sha256:${hex}`)
  assert.deepEqual(artifact, { name: `sha256:${hex}`, digest: Uint8Array.fromHex(hex) })
})

test('a digest of another length, and a file that is not there, are refused', async () => {
  await assert.rejects(readArtifact('sha256:00'), { code: 'cli.usage' })
  await assert.rejects(readArtifact(join(folder, 'absent')), { code: 'files.not-found' })
})
