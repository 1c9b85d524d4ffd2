import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { blobsContract } from './blobsContract.ts'
import { folderBlobs } from './folderBlobs.ts'

const made: string[] = []

async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-blobs-'))
  made.push(folder)
  return folder
}

after(async () => {
  for (const folder of made) await rm(folder, { recursive: true })
})

blobsContract('folder', async () => folderBlobs(join(await freshFolder(), 'blobs')))

test('what an interrupted write left is not listed, and a refused write leaves nothing', async () => {
  const folder = await freshFolder()
  const blobs = folderBlobs(folder)
  await writeFile(join(folder, '.a.012345.tmp'), 'half')
  await blobs.putOnce('a', new Uint8Array([1]), { point: 'test.once' })
  await assert.rejects(blobs.putOnce('a', new Uint8Array([2]), { point: 'test.once' }))
  assert.deepEqual(await Array.fromAsync(blobs.list('')), ['a'])
  assert.deepEqual((await readdir(folder)).sort(), ['.a.012345.tmp', 'a'])
})
