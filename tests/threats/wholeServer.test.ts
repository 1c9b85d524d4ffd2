/**
 * Stolen: the whole embedded server, that is its data folder with the validator's in it and its key file (design 8). The
 * thief can do everything except what outside witnesses, offline roots and approvers' keys guard; the docs say so.
 */
import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { testSigner } from '@countersign/local/feed/logFixture.ts'
import type { SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { softwareKeyStore } from '@countersign/platform/keystore/softwareKeys.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { certify, signBundle } from '../journeys/bad-input/signing.ts'
import { distributedPolicy } from '../support/distributedPolicy.ts'
import { newMachine } from '../support/machine.ts'
import { countersignValidator } from '../support/programs.ts'
import { runProgram } from '../support/runProgram.ts'
import { forgeCertification, ownSigner, signedRecord, wholeSeconds } from './forge.ts'
import { type StolenLog, stealLog } from './logThief.ts'
import { type PackedProduct, packProduct } from './product.ts'
import { type CertifiedProduct, codesOf, DEVELOPER, openScene, type Scene, until, type Verified } from './scene.ts'
import { instanceWrap, stolenKey, stolenKeys, stolenValidator } from './stolenKeys.ts'
import { publishForged } from './tufThief.ts'

/** The validator looks every half minute. */
const NOTICED_MS = 120_000

/** What the status of a validator tells, as far as it is asked for. */
interface Told {
  readonly attention: readonly { readonly code: string; readonly message: string }[]
}

describe('the thief of the whole embedded server', () => {
  let scene: Scene
  let good: CertifiedProduct
  let forged: PackedProduct
  let forgery: { readonly number: bigint; readonly authority: string }
  let log: StolenLog
  /** The policy that a careful machine keeps for itself. */
  let honest: VerificationPolicy

  before(async () => {
    scene = await openScene()
    good = await scene.certify({ version: '1.0.0' })
    log = await stealLog(scene)
    honest = await distributedPolicy(scene.instance)
  })
  after(() => scene?.close())

  it('can sign as anybody, and certify it', async () => {
    forged = await packProduct(scene.folder, { version: '6.6.6', dependency: '1.15.3' })
    const key = await certify({ publicUrl: scene.target.url, ca: scene.ca }, await mintToken(scene), DEVELOPER)
    const bytes = readFileSync(forged.archive)
    const signature = await signBundle({ publicUrl: scene.target.url, ca: scene.ca }, bytes, key)
    writeFileSync(`${forged.archive}.sigstore.json`, signature)
    const { bundle, ...certified } = await forgeCertification(await stolenValidator(scene), { ...forged, signature })
    forgery = certified
    const verified = await scene.verify(forged, '--certification', scene.file('forged.json', bundle))
    assert.equal(verified.answer, 'yes', verified.reasons.join('; '))
  })

  it('cannot certify unnoticed: the validator in whose name it did says so, and how approvers end it', async () => {
    const status = [...countersignValidator, 'status', '--data', scene.validatorFolder, '--json']
    let said: string[] = []
    await until(
      () => `the validator has noticed: ${said.join('; ')}`,
      NOTICED_MS,
      async () => {
        const { told } = JSON.parse((await runProgram(status)).stdout) as { readonly told: Told }
        said = told.attention.filter(({ code }) => code === 'certificate-forged').map(({ message }) => message)
        return said.length > 0
      },
    )
    const [message, ...more] = said
    assert.deepEqual(more, [], 'its own certification is not taken for a forged one')
    const { number, authority } = forgery
    assert.ok(message?.includes(`countersign revoke --certification ${number} --authority ${authority} --reason`))
  })

  it('cannot open the offline roots, and no device takes a root that they did not sign', async () => {
    const root = softwareKeyStore({
      ...{ folder: path.join(scene.dataFolder, 'keys', 'root'), clock: systemClock },
      wrap: await instanceWrap(scene.dataFolder),
    })
    for (const name of ['tuf-root-1', 'code-signing-root-1', 'device-root-1']) {
      await assert.rejects(root.open(name), { code: 'keystore.wrong-key' })
    }
    const keys = await stolenKeys(scene)
    scene.network.lie(await publishForged(scene, { root: await keys.open('tuf-targets') }))
    await assert.rejects(scene.anchors(), { code: 'anchors.tampered' })
    assert.equal((await scene.verify(good)).answer, 'cannot tell')
    scene.network.lie()
    assert.equal((await scene.verify(good)).answer, 'yes')
  })

  it('cannot be fresh for a machine whose policy asks for a witness of another operator', async () => {
    const outside = testSigner('witness.example.net', 0x04)
    const of = [{ name: 'witness.example.net', vkey: outside.vkey, outside: true }]
    const careful = scene.file('careful.json', JSON.stringify({ ...honest, witnesses: { quorum: 1, of } }))
    const verified = await scene.verify(good, '--policy', careful)
    assert.equal(verified.answer, 'cannot tell')
    assert.ok(codesOf(verified).includes('decide.endings-unknown'), codesOf(verified).join())
  })

  it('cannot sign for an approver: a record by all of its own keys ends no bytes', async () => {
    const keys = await stolenKeys(scene)
    const signers: SigningKey[] = []
    for (const { name, algorithm } of await keys.list()) {
      if (algorithm === 'ecdsa-p256') signers.push(await keys.open(name))
    }
    const { revoker } = await stolenValidator(scene)
    const record = {
      scope: 'digest',
      effect: 'blocked',
      digest: good.sha256,
      reason: 'x',
      issuedAt: wholeSeconds(),
    } as const
    assert.ok(signers.length > 5)
    const approver = ownSigner()
    const named = { name: 'anna', spki: approver.spki.toBase64(), scopes: ['digest' as const] }
    const revokers = { ...honest.revokers, keys: [...honest.revokers.keys, named] }
    await scene.changePolicy({ revokers })
    honest = { ...honest, revokers }
    const machine = newMachine(path.join(scene.folder, 'listener'))
    cpSync(String(scene.developer.env.HOME), String(machine.env.HOME), { recursive: true })
    const verify = async () => (await machine.ask<Verified>('verify', good.archive)).answer.answer
    const byServer = await signedRecord(record, revoker, ...signers.slice(0, 10))
    log.show([...log.entries, byServer])
    assert.equal(await verify(), 'yes')
    log.show([...log.entries, byServer, await signedRecord(record, approver)])
    assert.equal(await verify(), 'no', 'with the key of the approver it would')
    scene.network.lie()
  })

  it('can distribute another policy, which a machine with a policy of its own does not take', async () => {
    const keys = await stolenKeys(scene)
    const own = ownSigner()
    const named = { name: 'mallory', spki: own.spki.toBase64(), scopes: ['digest' as const] }
    const policy = {
      ...honest,
      ...{ validators: { ...honest.validators, required: 0 } },
      revokers: { ...honest.revokers, keys: [named] },
    }
    const uncertified = await scene.sign({ version: '2.0.0' })
    assert.equal((await scene.verify(uncertified)).answer, 'no')
    scene.network.lie(await publishForged(scene, { targets: await keys.open('tuf-targets'), policy }))
    assert.equal((await scene.verify(uncertified)).answer, 'yes', 'whoever takes the distributed policy is deceived')
    const pinned = scene.file('policy.json', JSON.stringify(honest))
    assert.equal((await scene.verify(uncertified, '--policy', pinned)).answer, 'no')
  })

  it('is what the docs say', () => {
    const docs = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'architecture.md'), 'utf8')
    const promise = "everything except what outside witnesses, offline roots and approvers' keys guard"
    assert.ok(docs.replaceAll('’', "'").includes(promise))
  })
})

/** An identity token of the developer by the issuer's own key, made from one that was real a moment ago. */
async function mintToken(scene: Scene): Promise<string> {
  const [header = '', claims = ''] = (await scene.token()).split('.')
  const now = Math.floor(Date.now() / 1000)
  const told = JSON.parse(Buffer.from(claims, 'base64url').toString())
  const again = Buffer.from(JSON.stringify({ ...told, iat: now, exp: now + 300 })).toString('base64url')
  const key = { key: await stolenKey(scene, 'oidc-tokens'), dsaEncoding: 'ieee-p1363' } as const
  return `${header}.${again}.${sign('sha256', Buffer.from(`${header}.${again}`), key).toString('base64url')}`
}
