/**
 * Stolen: the account of a developer, that is the kept sign-in of a machine (design 8). The thief signs and submits as that
 * person until the identity is ended, and cannot certify, release, or except what a validator found.
 */
import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { tlsTrust } from '@countersign/local/anchors/trustedRequest.ts'
import { call } from '@countersign/local/calls/call.ts'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { logKey } from '@countersign/local/feed/logKey.ts'
import { openLogReader } from '@countersign/local/feed/logReader.ts'
import { issueCertificationRoute } from '@countersign/protocol/api/certifications.ts'
import { publishReleaseRoute } from '@countersign/protocol/api/devices.ts'
import { openCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import { defaultCertificationPolicy } from '@countersign/protocol/policy/certificationPolicy.ts'
import { openAuthority } from 'countersign-validator/certify/authority.ts'
import { certify } from '../journeys/bad-input/signing.ts'
import { distributedPolicy } from '../support/distributedPolicy.ts'
import { expectRun } from '../support/expectRun.ts'
import { runWithDeviceFlow } from '../support/logIn.ts'
import { type Machine, newMachine } from '../support/machine.ts'
import { countersign, countersignValidator } from '../support/programs.ts'
import { mustRun } from '../support/runProgram.ts'
import { forgedClaims, ownSigner, signedRecord, statementBundle, wholeSeconds } from './forge.ts'
import { stealLog } from './logThief.ts'
import { type CertifiedProduct, codesOf, DEVELOPER, openScene, type Scene } from './scene.ts'

const component = 'pkg:npm/follow-redirects@1.15.3'

describe("the thief of a developer's account", () => {
  let scene: Scene
  let thief: Machine
  let good: CertifiedProduct
  let evil: CertifiedProduct
  /** The artifact log before the thief came. */
  let untouched: { readonly from: Date; readonly logs: readonly { readonly origin: string; readonly size: bigint }[] }

  before(async () => {
    scene = await openScene()
    await scene.importAdvisories('recall')
    good = await scene.certify({ version: '1.0.0' })
    untouched = await artifactLogNow(scene)
    thief = newMachine(path.join(scene.folder, 'thief'))
    cpSync(String(scene.developer.env.HOME), String(thief.env.HOME), { recursive: true })
  })
  after(() => scene?.close())

  it('can sign and submit as that person', async () => {
    const packed = await scene.sign({ version: '6.6.6' }, thief)
    expectRun(await thief.countersign('submit', packed.archive, '--wait'), 0, 'certified')
    const verified = await scene.verify(packed)
    assert.equal(verified.answer, 'yes', verified.reasons.join('; '))
    evil = { ...good, ...packed }
  })

  it('cannot certify: neither the token nor a statement of its own counts for anything', async () => {
    const token = await scene.token()
    const body = { publicKey: 'A'.repeat(44), proofOfPossession: 'A'.repeat(44), sha256: evil.sha256, notAfter: 'x' }
    await assert.rejects(call(scene.target, issueCertificationRoute, { body, token }), {
      code: 'http.certificate-missing',
    })
    const bad = await signedVulnerable()
    const anchors = await scene.anchors()
    const services = openAuthority({ clock: systemClock, anchors: () => anchors, target: () => scene.target })
    const key = await certify({ publicUrl: scene.target.url, ca: scene.ca }, token, DEVELOPER)
    const payload = forgedClaims(bad, `${scene.target.url}/validators/embedded`)
    const file = scene.file('own-statement.json', await statementBundle(services, key, payload))
    const { answer, ...verified } = await scene.verify(bad, '--certification', file)
    assert.equal(answer, 'no')
    assert.ok(codesOf({ answer, ...verified }).includes('statement.not-certification-authority'))
  })

  it('cannot except what was found, not even where the policy takes exceptions of that person', async () => {
    const bad = await signedVulnerable()
    const submit = () => thief.countersign('submit', bad.archive, '--wait')
    await setExceptionsOf(DEVELOPER)
    expectRun(await submit(), 1, 'refused')
    assert.equal((await scene.verify(bad)).answer, 'no')
    await setExceptionsOf('sec@example.org')
    expectRun(await submit(), 0, 'certified')
    assert.equal((await scene.verify(bad)).answer, 'yes', 'of somebody else it would count')
  })

  it('cannot release, and cannot end trust by asking for it', async () => {
    const token = await scene.token()
    const body = { sha256: evil.sha256, channel: 'stable' }
    await assert.rejects(call(scene.target, publishReleaseRoute, { body, token }), { code: 'http.not-found' })
    expectRun(await thief.countersign('revoke', good.archive, '--reason', 'because the thief says so'), 0)
    assert.equal((await scene.verify(good)).answer, 'yes')
  })

  it('cannot go on unnoticed with a copied sign-in: once its owner signs, it ends for both', async () => {
    expectRun(await thief.countersign('sign', evil.archive, '--yes'), 0)
    expectRun(await scene.developer.countersign('sign', good.archive, '--yes'), 1, 'cli.not-signed-in')
    expectRun(await thief.countersign('sign', evil.archive, '--yes'), 1, 'cli.not-signed-in')
    await runWithDeviceFlow([...countersign, 'login'], scene.browser, thief.env)
    expectRun(await thief.countersign('sign', evil.archive, '--yes'), 0)
  })

  it('can do all that only until the identity is ended, and what was signed before stays', async () => {
    await scene.instance.admin('people', 'remove', DEVELOPER)
    expectRun(await thief.countersign('sign', evil.archive, '--yes'), 1, 'cli.not-signed-in')
    const approver = ownSigner()
    const { revokers, identities } = await distributedPolicy(scene.instance)
    const key = { name: 'anna', spki: approver.spki.toBase64(), scopes: ['identity' as const] }
    await scene.changePolicy({ revokers: { ...revokers, keys: [...revokers.keys, key] } })
    const identity = { issuer: identities[0]?.issuer ?? '', subject: DEVELOPER }
    const reason = 'the account was stolen'
    const record = {
      scope: 'identity',
      effect: 'distrusted',
      identity,
      ...untouched,
      reason,
      issuedAt: wholeSeconds(),
    } as const
    const log = await stealLog(scene)
    log.show([...log.entries, await signedRecord(record, approver)])
    const ended = await scene.verify(evil)
    assert.equal(ended.answer, 'no')
    assert.ok(codesOf(ended).includes('decide.ended'), codesOf(ended).join())
    const { answer, reasons } = await scene.verify(good)
    assert.equal(answer, 'yes', reasons.join('; '))
  })

  async function signedVulnerable() {
    return scene.sign({ version: '1.1.0', dependency: '1.15.3' }, thief)
  }

  async function setExceptionsOf(author: string): Promise<void> {
    const statement = { author, product: 'files', advisory: 'GHSA-jchw-25xp-jwwc', component }
    const policy = {
      ...defaultCertificationPolicy(),
      exceptions: {
        authors: [{ author, products: ['files'] }],
        statements: [{ ...statement, justification: 'vulnerable_code_not_in_execute_path' }],
      },
    }
    const file = path.join(scene.developer.folder, scene.file('certification-policy.json', JSON.stringify(policy)))
    await mustRun([...countersignValidator, 'policy', 'set', file, '--data', scene.validatorFolder])
  }
})

/** This second, and how large the artifact log is: what an approver writes into a record. */
async function artifactLogNow(scene: Scene) {
  const { policy, ...anchors } = await scene.anchors()
  const logs = await Promise.all(
    policy.logs.artifacts.map(async (log) => {
      const reader = openLogReader(log.url, { clock: systemClock, timeoutMs: 5000, trust: tlsTrust(anchors) })
      const { size } = openCheckpoint((await reader.checkpoint()).note, logKey(log, 'artifacts'))
      return { origin: log.origin, size }
    }),
  )
  return { from: new Date(wholeSeconds().getTime() + 1000), logs }
}
