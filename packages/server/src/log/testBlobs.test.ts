import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blobsContract } from '@countersign/platform/blobs/blobsContract.ts'
import { testBlobs } from './testBlobs.ts'

const POINT = { point: 'test.blobs' }

blobsContract('policed', async () => testBlobs())

test('it notes what no writer may do', async () => {
  const blobs = testBlobs()
  await blobs.putOnce('a', new Uint8Array([1]), POINT)
  await assert.rejects(blobs.putOnce('a', new Uint8Array([2]), POINT))
  await blobs.delete('a', POINT)
  await blobs.putOnce('a', new Uint8Array([3]), POINT)
  await blobs.replace('a', new Uint8Array([1]), POINT)
  assert.equal(blobs.violations.length, 3)
})

test('a planned fault loses the write, or stores it and says nothing', async () => {
  const blobs = testBlobs()
  const error = new Error('planned')
  blobs.plan = (_, key) => ({ fault: key === 'lost' ? 'lost' : 'stored', error })
  for (const key of ['lost', 'kept']) await assert.rejects(blobs.putOnce(key, new Uint8Array([1]), POINT), error)
  assert.deepEqual([...blobs.objects.keys()], ['kept'])
})
