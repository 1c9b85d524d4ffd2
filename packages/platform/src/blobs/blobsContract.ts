import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Blobs } from './blobs.ts'

const ONE = new Uint8Array([1])
const TWO = new Uint8Array([2, 2])
const POINT = { point: 'test.blobs' }

/** The promises of `Blobs`, as tests over one implementation. `open` gives an empty store every time. */
export function blobsContract(name: string, open: () => Promise<Blobs>): void {
  test(`${name}: an object is read back as written`, async () => {
    const blobs = await open()
    await blobs.putOnce('a/b/c.p/12', ONE, POINT)
    await blobs.replace('a/b/d', TWO, POINT)
    assert.deepEqual(Uint8Array.from((await blobs.get('a/b/c.p/12')) ?? []), ONE)
    assert.deepEqual(Uint8Array.from((await blobs.get('a/b/d')) ?? []), TWO)
    assert.deepEqual(await blobs.stat('a/b/d'), { sizeBytes: 2 })
  })

  test(`${name}: an empty object is an object`, async () => {
    const blobs = await open()
    await blobs.putOnce('empty', new Uint8Array(), POINT)
    assert.equal((await blobs.get('empty'))?.length, 0)
    assert.deepEqual(await blobs.stat('empty'), { sizeBytes: 0 })
  })

  test(`${name}: what is not there is undefined, also where others lie below it`, async () => {
    const blobs = await open()
    await blobs.putOnce('a/b', ONE, POINT)
    for (const key of ['x', 'x/y', 'a', 'a/b/c']) {
      assert.equal(await blobs.get(key), undefined, key)
      assert.equal(await blobs.stat(key), undefined, key)
    }
  })

  test(`${name}: putting the same bytes again succeeds, other bytes are a conflict and change nothing`, async () => {
    const blobs = await open()
    await blobs.putOnce('a', ONE, POINT)
    await blobs.putOnce('a', ONE, POINT)
    await assert.rejects(blobs.putOnce('a', TWO, POINT), { code: 'blobs.conflict' })
    assert.deepEqual(Uint8Array.from((await blobs.get('a')) ?? []), ONE)
  })

  test(`${name}: several objects are put together, those that are there already among them`, async () => {
    const blobs = await open()
    await blobs.putOnce('a/1', ONE, POINT)
    const objects = [
      { key: 'a/1', bytes: ONE },
      { key: 'a/2', bytes: TWO },
      { key: 'b', bytes: ONE },
    ]
    await blobs.putAllOnce(objects, POINT)
    for (const { key, bytes } of objects) assert.deepEqual(Uint8Array.from((await blobs.get(key)) ?? []), bytes, key)
    await blobs.putAllOnce([], POINT)
    await assert.rejects(blobs.putAllOnce([{ key: 'b', bytes: TWO }], POINT), { code: 'blobs.conflict' })
    assert.deepEqual(Uint8Array.from((await blobs.get('b')) ?? []), ONE)
  })

  test(`${name}: of two writers at once, one wins and the other is told`, async () => {
    const blobs = await open()
    const outcomes = await Promise.allSettled([blobs.putOnce('a', ONE, POINT), blobs.putOnce('a', TWO, POINT)])
    assert.deepEqual(outcomes.map((outcome) => outcome.status).sort(), ['fulfilled', 'rejected'])
  })

  test(`${name}: replacing and deleting work on what is there and on what is not`, async () => {
    const blobs = await open()
    await blobs.replace('a', ONE, POINT)
    await blobs.replace('a', TWO, POINT)
    assert.deepEqual(Uint8Array.from((await blobs.get('a')) ?? []), TWO)
    await blobs.delete('a', POINT)
    await blobs.delete('a', POINT)
    await blobs.delete('never/there', POINT)
    assert.equal(await blobs.get('a'), undefined)
    await blobs.putOnce('a', ONE, POINT)
  })

  test(`${name}: listing goes by whole segments and sees every level`, async () => {
    const blobs = await open()
    for (const key of ['log/a', 'log/tile/x001/002', 'log/tile/x001/002.p/7', 'logs/b', 'c']) {
      await blobs.putOnce(key, ONE, POINT)
    }
    const listed = async (prefix: string) => (await Array.fromAsync(blobs.list(prefix))).sort()
    assert.deepEqual(await listed('log'), ['log/a', 'log/tile/x001/002', 'log/tile/x001/002.p/7'])
    assert.deepEqual(await listed(''), ['c', 'log/a', 'log/tile/x001/002', 'log/tile/x001/002.p/7', 'logs/b'])
    assert.deepEqual(await listed('nothing/here'), [])
  })

  test(`${name}: keys that could leave the store are refused`, async () => {
    const blobs = await open()
    const bad = [
      '',
      '/',
      '/a',
      'a/',
      'a//b',
      '..',
      'a/../b',
      '.a',
      'a/.b',
      'a\\b',
      'a\0b',
      'a b',
      'ä',
      'a'.repeat(1025),
    ]
    for (const key of bad) {
      await assert.rejects(async () => blobs.get(key), { code: 'blobs.bad-key' }, key)
      await assert.rejects(async () => blobs.putOnce(key, ONE, POINT), { code: 'blobs.bad-key' }, key)
      await assert.rejects(async () => blobs.delete(key, POINT), { code: 'blobs.bad-key' }, key)
    }
  })
}
