/**
 * Stolen: the keys of a validator (design 8). The thief certifies what a named developer signed, and cannot sign as the
 * developer, release, or end what another validator certified; where two validators are asked for, nothing comes of it.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { call } from '@countersign/local/calls/call.ts'
import { signingCertificateRoute } from '@countersign/protocol/api/authority.ts'
import { publishReleaseRoute } from '@countersign/protocol/api/devices.ts'
import { certificateRequest, newKey, signBundle } from '../journeys/bad-input/signing.ts'
import { distributedPolicy } from '../support/distributedPolicy.ts'
import { certificationKey, endsNumbers, type ForgedProduct, forgeCertification, signedRecord } from './forge.ts'
import { stealLog } from './logThief.ts'
import { codesOf, DEVELOPER, openScene, type Scene } from './scene.ts'
import { type StolenValidator, secondValidator, stolenValidator } from './stolenKeys.ts'

describe('the thief of a validator key', () => {
  let scene: Scene
  let thief: StolenValidator
  let other: StolenValidator
  let vulnerable: ForgedProduct
  let forged: string

  before(async () => {
    scene = await openScene()
    await scene.importAdvisories('recall')
    thief = await stolenValidator(scene)
    vulnerable = await scene.sign({ version: '1.1.0', dependency: '1.15.3' })
  })
  after(() => scene?.close())

  it('can certify what a named developer signed, although the validator itself refuses it', async () => {
    const { answer } = await scene.developer.ask<{ submissions: { state: string }[] }>(
      'submit',
      vulnerable.archive,
      '--wait',
    )
    assert.equal(answer.submissions[0]?.state, 'refused')
    assert.equal((await scene.verify(vulnerable)).answer, 'no')
    forged = scene.file('forged.json', (await forgeCertification(thief, vulnerable)).bundle)
    const certified = await scene.verify(vulnerable, '--certification', forged)
    assert.equal(certified.answer, 'yes', certified.reasons.join('; '))
  })

  it('cannot sign as a developer: what its certificates sign is no signature of anybody', async () => {
    const bytes = readFileSync(vulnerable.archive)
    const own = await signBundle(apiOf(scene), bytes, await certificationKey(thief, vulnerable.sha256))
    const signature = scene.file('own-signature.json', own)
    const verified = await scene.verify(vulnerable, '--bundle', signature, '--certification', forged)
    assert.equal(verified.answer, 'no')
    assert.ok(codesOf(verified).includes('decide.certification-as-signature'), codesOf(verified).join(', '))
  })

  it('cannot get the certificate of a developer for being a validator', async () => {
    const key = newKey()
    const body = certificateRequest('no.token.here', DEVELOPER, key)
    await assert.rejects(call(thief.target, signingCertificateRoute, { body }), { code: 'account.token-malformed' })
  })

  it('cannot release', async () => {
    const body = { sha256: vulnerable.sha256, channel: 'stable' }
    await assert.rejects(call(thief.target, publishReleaseRoute, { body }), { code: 'http.not-found' })
  })

  it('cannot do anything where two validators are asked for', async () => {
    other = await secondValidator(scene, 'lab')
    const { validators } = await distributedPolicy(scene.instance)
    await scene.changePolicy({ validators: { ...validators, required: 2 } })
    const again = scene.file('again.json', (await forgeCertification(thief, vulnerable)).bundle)
    const alone = await scene.verify(vulnerable, ...offered(forged, again))
    assert.equal(alone.answer, 'no')
    assert.match(alone.reasons.join(), /2 of 2 validators are asked for/)
    const second = scene.file('second.json', (await forgeCertification(other, vulnerable)).bundle)
    const both = await scene.verify(vulnerable, ...offered(forged, second))
    assert.equal(both.answer, 'yes', `two can: ${both.reasons.join('; ')}`)
    await scene.changePolicy({ validators })
  })

  it("cannot end another validator's certification, neither through the instance nor with the log's help", async () => {
    const good = await scene.sign({ version: '1.2.0' })
    const byLab = await forgeCertification(other, good)
    const file = scene.file('by-lab.json', byLab.bundle)
    assert.equal((await scene.verify(good, '--certification', file)).answer, 'yes')
    const leaf = await signedRecord(endsNumbers(byLab.authority, byLab.number), thief.revoker)
    const envelope = new TextDecoder().decode(leaf)
    await assert.rejects(thief.authority.addRevocation({ envelope, knownExploited: true, malware: true }), {
      code: 'trust.certification-unknown',
    })

    // Even a log that takes it: what the record ends is certified by this validator, and nothing of it is the other's.
    const log = await stealLog(scene)
    log.show([...log.entries, leaf])
    const { answer, reasons } = await scene.verify(good, '--certification', file)
    assert.equal(answer, 'yes', reasons.join('; '))
    const own = await forgeCertification(thief, good)
    const ownFile = scene.file('own.json', own.bundle)
    assert.equal((await scene.verify(good, '--certification', ownFile)).answer, 'yes')
    log.show([...log.entries, leaf, await signedRecord(endsNumbers(own.authority, own.number), thief.revoker)])
    assert.equal((await scene.verify(good, '--certification', ownFile)).answer, 'no', 'its own it may end')
    assert.equal((await scene.verify(good, '--certification', file)).answer, 'yes')
    scene.network.mend()
  })
})

/** Files with certifications, as `countersign verify` takes them. */
function offered(...files: readonly string[]): string[] {
  return files.flatMap((file) => ['--certification', file])
}

function apiOf({ target, ca }: Scene) {
  return { publicUrl: target.url, ca }
}
