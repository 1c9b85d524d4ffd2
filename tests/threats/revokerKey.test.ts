/**
 * Stolen: the key with which a validator revokes by itself, and the client key that brings its records in (design 5, 8).
 * The thief stops what the validator certified, up to the reach limit; digests, identities, certificates and lifting are
 * for approvers alone.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { call } from '@countersign/local/calls/call.ts'
import { addRevocationRoute } from '@countersign/protocol/api/revocations.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import { leafHash } from '@countersign/protocol/log/merkle.ts'
import type { RevocationRecord } from '@countersign/protocol/revocation/record.ts'
import { type Device, isAlive } from '../journeys/demo/device.ts'
import { distributedPolicy } from '../support/distributedPolicy.ts'
import { endsNumbers, signedRecord, wholeSeconds } from './forge.ts'
import { stealLog } from './logThief.ts'
import { type CertifiedProduct, DEVELOPER, openScene, type Scene, until } from './scene.ts'
import { type StolenValidator, stolenValidator } from './stolenKeys.ts'

const WAIT_MS = 30_000

describe("the thief of an automatic revoker's key", () => {
  let scene: Scene
  let thief: StolenValidator
  let first: CertifiedProduct
  let second: CertifiedProduct
  let front: Device
  let pid: number
  const certified: { readonly authority: string; readonly number: string }[] = []

  before(async () => {
    scene = await openScene()
    thief = await stolenValidator(scene)
    first = await scene.certify({ version: '1.0.0' })
    second = await scene.certify({ version: '1.1.0' })
    await scene.instance.admin('groups', 'assign', 'shop', 'files')
    await scene.release(first)
    front = await scene.device('front')
    await front.runs('1.0.0')
    await scene.release(second)
    await front.runs('1.1.0')
  })
  after(() => scene?.close())

  const envelope = async (record: RevocationRecord) =>
    new TextDecoder().decode(await signedRecord(record, thief.revoker))
  const bring = async (record: RevocationRecord, malware = false) =>
    thief.authority.addRevocation({ envelope: await envelope(record), knownExploited: malware, malware })

  it('can stop what the validator certified, within the reach limit', async () => {
    const { state, reach } = await bring(endsNumbers(second.authority, second.number))
    assert.deepEqual([state, reach.above], ['logged', []])
    pid = await front.runs('1.0.0')
    assert.equal((await scene.verify(second)).answer, 'no')
  })

  it('cannot bring a record in without the client key', async () => {
    const body = {
      envelope: await envelope(endsNumbers(first.authority, first.number)),
      knownExploited: false,
      malware: false,
    }
    await assert.rejects(call(scene.target, addRevocationRoute, { body }), { code: 'http.certificate-missing' })
  })

  it('cannot stop anything above the reach limit, whatever it is called: it is announced and waits', async () => {
    const { revokers } = await distributedPolicy(scene.instance)
    const reach = { ...revokers.reach, minGroupDevices: 1, passes: [] }
    await scene.changePolicy({ revokers: { ...revokers, reach } })
    const { state, reach: found } = await bring(endsNumbers(first.authority, first.number), true)
    assert.equal(state, 'waiting')
    assert.match(found.above.join(), /1 of the 1 devices of shop within a day: over 20 %/)
    await until('the device has heard of it', WAIT_MS, async () => (await acknowledged(front)) === '2')
    assert.equal(await front.runs('1.0.0'), pid)
    assert.equal((await scene.verify(first)).answer, 'yes')
  })

  it('cannot pass the limit by calling an ordinary advisory malware or known to be exploited', async () => {
    const { revokers } = await distributedPolicy(scene.instance)
    const reach = { ...revokers.reach, minGroupDevices: 1, passes: ['malware' as const, 'knownExploited' as const] }
    await scene.changePolicy({ revokers: { ...revokers, reach } })
    const record = { ...endsNumbers(first.authority, first.number), reason: 'it is malware, believe me' }
    assert.equal((await bring(record, true)).state, 'waiting')
    assert.equal((await scene.verify(first)).answer, 'yes')
  })

  it('cannot get past the limit with many small records', async () => {
    const { revokers } = await distributedPolicy(scene.instance)
    const reach = { ...revokers.reach, minGroupDevices: 4, maxPercentOfCertifications: 50, passes: [] }
    await scene.changePolicy({ revokers: { ...revokers, reach } })
    const states: string[] = []
    // One ended before, within the limit; with it and the first that stands there are six.
    for (const version of ['2.0.0', '2.1.0', '2.2.0', '2.3.0']) {
      const { authority, number } = await scene.certify({ version })
      certified.push({ authority, number })
    }
    for (const { authority, number } of certified) states.push((await bring(endsNumbers(authority, number))).state)
    assert.deepEqual(states, ['logged', 'logged', 'waiting', 'waiting'])
  })

  it('cannot reach digests, identities or certificates, and cannot lift or narrow, not even with the help of the log', async () => {
    const log = await stealLog(scene)
    const [ended] = log.entries
    assert.ok(ended)
    const { policy } = await scene.anchors()
    const since = {
      from: new Date(Date.UTC(2024, 0)),
      logs: policy.logs.artifacts.map(({ origin }) => ({ origin, size: 0n })),
    }
    const common = {
      reason: 'because the thief says so',
      issuedAt: wholeSeconds(),
      advisories: ['GHSA-jchw-25xp-jwwc'],
    }
    const [identity] = policy.identities
    assert.ok(identity)
    const records: readonly RevocationRecord[] = [
      {
        ...common,
        scope: 'digest',
        effect: 'ended',
        digest: first.sha256,
        authority: first.authority,
        upTo: BigInt(first.number),
      },
      { ...common, scope: 'digest', effect: 'blocked', digest: first.sha256 },
      {
        ...common,
        ...since,
        scope: 'identity',
        effect: 'distrusted',
        identity: { issuer: identity.issuer, subject: DEVELOPER },
      },
      {
        ...common,
        ...since,
        scope: 'certificate',
        effect: 'distrusted',
        authority: first.authority,
        certificate: '01',
      },
      { ...common, scope: 'certifications', effect: 'lifted', amends: toHex(leafHash(ended)) },
      {
        ...common,
        ...{ scope: 'certifications', effect: 'narrowed', amends: toHex(leafHash(ended)) },
        ...{ authority: first.authority, numbers: [BigInt(first.number)] },
      },
    ]
    for (const record of records) {
      await assert.rejects(bring(record), { code: 'revocation.scope-not-allowed' }, `${record.scope} ${record.effect}`)
    }
    const { advisories: _none, ...unfounded } = endsNumbers(first.authority, first.number)
    await assert.rejects(bring(unfounded as RevocationRecord), { code: 'revocation.no-advisory' })

    const leaves = await Promise.all(records.map((record) => signedRecord(record, thief.revoker)))
    log.show([...log.entries, ...leaves])
    const size = String(log.entries.length + leaves.length)
    await until('the device has read them all', WAIT_MS, async () => (await acknowledged(front)) === size)
    assert.equal(await front.runs('1.0.0'), pid)
    assert.ok(isAlive(pid))
    assert.equal((await scene.verify(first)).answer, 'yes')
    assert.equal((await scene.verify(second)).answer, 'no', 'nothing was lifted')

    log.show([...log.entries, ...leaves, await signedRecord(endsNumbers(first.authority, first.number), thief.revoker)])
    await until('the log and the key together stop it', WAIT_MS, () => !isAlive(pid))
  })
})

async function acknowledged(device: Device): Promise<string> {
  const { news } = (await device.status()) as { readonly news?: { readonly acknowledged: string } }
  return news?.acknowledged ?? ''
}
