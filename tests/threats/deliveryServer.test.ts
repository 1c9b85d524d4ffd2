/**
 * Stolen: the delivery server, with its TLS key and the keys that say which metadata is the newest; in production the
 * targets key is not on it (design 8, 20). The thief withholds, and offers listed releases with a counter not below;
 * it cannot downgrade, cross products, or install what is not listed.
 */
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import type { Device } from '../journeys/demo/device.ts'
import { type StolenDelivery, stealDelivery } from './deliveryServer.ts'
import { type CertifiedProduct, openScene, type Scene, saidBy, until } from './scene.ts'
import { stolenKeys } from './stolenKeys.ts'
import { publishForged } from './tufThief.ts'

const WAIT_MS = 45_000

describe('the thief of the delivery server', () => {
  let scene: Scene
  let second: CertifiedProduct
  let tools: CertifiedProduct
  let unlisted: CertifiedProduct
  let front: Device
  let thief: StolenDelivery
  let pid: number

  before(async () => {
    scene = await openScene()
    const first = await scene.certify({ version: '1.0.0' })
    second = await scene.certify({ version: '1.1.0' })
    unlisted = await scene.certify({ version: '1.2.0' })
    tools = await scene.certify({ product: 'tools', version: '9.0.0' })
    await scene.instance.admin('groups', 'assign', 'shop', 'files')
    await scene.release(first)
    await scene.release(tools)
    front = await scene.device('front')
    pid = await front.runs('1.0.0')
    thief = await stealDelivery(scene, { product: 'files', channel: 'stable' })
  })
  after(() => scene?.close())

  const said = (words: RegExp) =>
    until(
      () => `${words} in:\n${saidBy(front)}`,
      WAIT_MS,
      () => words.test(saidBy(front)),
    )

  it('can withhold a release, and can offer it', async () => {
    await scene.release(second)
    await said(/notInstalled/)
    assert.equal(await front.runs('1.0.0'), pid)
    for (const file of filesOf(second)) thief.files.set(hash('sha256', file, 'hex'), file)
    pid = await front.runs('1.1.0')
  })

  it('cannot downgrade: a listed release below the highest counter is refused', async () => {
    thief.assignment = { product: 'files', channel: 'stable', pinned: '1.0.0' }
    await said(/notInstalled .*\(releases\.lower-counter\)/)
    assert.equal(await front.runs('1.1.0'), pid)
  })

  it('cannot take back the newest list, nor list anything: the targets key is not here', async () => {
    scene.network.lie(await publishForged(scene, { older: 1 }))
    await said(/trustNotRenewed .*\(anchors\.rolled-back\)/)
    const wrong = await (await stolenKeys(scene)).open('tuf-snapshot')
    scene.network.lie()
    scene.network.lie(
      await publishForged(scene, { targets: wrong, files: { 'releases/files/stable/66.json': Buffer.from('{}') } }),
    )
    await said(/trustNotRenewed .*\(anchors\.tampered\)/)
    scene.network.lie()
    assert.equal(await front.runs('1.1.0'), pid)
  })

  it('cannot install what is not listed', async () => {
    for (const file of filesOf(unlisted)) thief.files.set(hash('sha256', file, 'hex'), file)
    thief.assignment = { product: 'files', channel: 'stable', pinned: '1.2.0' }
    await said(/notInstalled .*\(releases\.none\)/)
    assert.equal(await front.runs('1.1.0'), pid)
  })

  it('cannot cross products', async () => {
    for (const file of filesOf(tools)) thief.files.set(hash('sha256', file, 'hex'), file)
    thief.assignment = { product: 'tools', channel: 'stable' }
    await said(/\(releases\.other-product\)/)
    assert.equal(await front.runs('1.1.0'), pid)
  })
})

function filesOf({ archive, signature, certification }: CertifiedProduct): (string | Uint8Array)[] {
  return [readFileSync(archive), signature, certification]
}
