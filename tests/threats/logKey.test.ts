/**
 * Stolen: the key of the revocation log, and the heartbeat key that lies beside it (design 8). The thief shows forks to
 * whoever has no memory and no other witness, and cannot end trust; where a witness of another operator is required,
 * nothing the thief shows is fresh.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { testSigner } from '@countersign/local/feed/logFixture.ts'
import { newMachine } from '../support/machine.ts'
import { endsNumbers, ownSigner, signedRecord, wholeSeconds } from './forge.ts'
import { type StolenLog, stealLog } from './logThief.ts'
import { type CertifiedProduct, codesOf, openScene, type Scene, type Verified } from './scene.ts'
import { stolenKeys, stolenValidator } from './stolenKeys.ts'

describe('the thief of a log key', () => {
  let scene: Scene
  let log: StolenLog
  let good: CertifiedProduct
  let ended: CertifiedProduct
  /** The record that really ended something. */
  let record: Uint8Array

  before(async () => {
    scene = await openScene()
    good = await scene.certify({ version: '1.2.0' })
    ended = await scene.certify({ version: '1.1.0', dependency: '1.15.3' })
    const { ended: numbers } = await scene.importAdvisories('recall')
    assert.deepEqual(numbers, [ended.number])
    log = await stealLog(scene)
    const [first] = log.entries
    assert.ok(first !== undefined && log.entries.length === 1)
    record = first
  })
  after(() => scene?.close())

  /** A machine that trusts the instance and has never asked it for news. */
  async function newcomer(name: string) {
    const machine = newMachine(`${scene.folder}/${name}`)
    const { ticket } = await scene.instance.admin<{ ticket: string }>('ticket')
    assert.equal((await machine.countersign('trust', 'add', ticket)).status, 0)
    return async ({ archive }: CertifiedProduct) => (await machine.ask<Verified>('verify', archive)).answer
  }

  it('can show a fork without the ending to whoever has no memory and no other witness', async () => {
    const honest = await newcomer('honest')
    assert.equal((await honest(ended)).answer, 'no')
    log.show([])
    const deceived = await newcomer('deceived')
    const { answer, reasons } = await deceived(ended)
    assert.equal(answer, 'yes', reasons.join('; '))
  })

  it('cannot undo what a machine knows: the fork is evidence', async () => {
    scene.network.mend()
    assert.equal((await scene.verify(ended)).answer, 'no')
    assert.equal((await scene.verify(good)).answer, 'yes')
    log.show([])
    assert.equal((await scene.verify(ended)).answer, 'no')
    const rolledBack = await scene.verify(good)
    assert.equal(rolledBack.answer, 'cannot tell')
    assert.ok(codesOf(rolledBack).includes('feed.rolled-back'), codesOf(rolledBack).join())
    log.show([Buffer.from('another history')])
    const forked = await scene.verify(good)
    assert.equal(forked.answer, 'cannot tell')
    assert.ok(codesOf(forked).includes('feed.forked'), codesOf(forked).join())
  })

  it('cannot end trust: a record counts for its signers, not for the log that holds it', async () => {
    const keys = await stolenKeys(scene)
    const logKey = await keys.open('log-revocations')
    const target = endsNumbers(good.authority, good.number)
    const blocked = {
      scope: 'digest',
      effect: 'blocked',
      digest: good.sha256,
      reason: 'x',
      issuedAt: wholeSeconds(),
    } as const
    for (const [name, leaf] of [
      ['nobody', await signedRecord(target)],
      ['log', await signedRecord(target, logKey)],
      ['stranger', await signedRecord(blocked, ownSigner())],
      ['online keys', await signedRecord(blocked, await keys.open('certifications-1'), await keys.open('tuf-targets'))],
    ] as const) {
      log.show([record, leaf])
      const verify = await newcomer(name.replace(' ', '-'))
      const { answer, reasons } = await verify(good)
      assert.equal(answer, 'yes', `${name}: ${reasons.join('; ')}`)
    }
    const { revoker } = await stolenValidator(scene)
    log.show([record, await signedRecord(target, revoker)])
    const verify = await newcomer('revoker')
    assert.equal((await verify(good)).answer, 'no', 'with the key of a revoker it would')
  })

  it('cannot stay fresh where a witness of another operator is required', async () => {
    scene.network.mend()
    const outside = testSigner('witness.example.net', 0x04)
    const of = [{ name: 'witness.example.net', vkey: outside.vkey, outside: true }]
    await scene.changePolicy({ witnesses: { quorum: 1, of } })
    log.show([record])
    const verify = await newcomer('careful')
    const unseen = await verify(good)
    assert.equal(unseen.answer, 'cannot tell')
    assert.ok(codesOf(unseen).includes('decide.endings-unknown'), codesOf(unseen).join())
    log.show([record], { witness: outside, time: new Date(Date.now() - 2 * 86_400_000) })
    const stale = await verify(good)
    assert.ok(codesOf(stale).includes('decide.stale'), codesOf(stale).join())
    log.show([record], { witness: outside })
    assert.equal((await verify(good)).answer, 'yes', 'the witness itself can say it')
  })
})
