import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { RevocationRecord } from '@countersign/protocol/revocation/record.ts'
import { parseCertificate } from '@countersign/protocol/x509/certificate.ts'
import { parseCrl } from '@countersign/protocol/x509/crl.ts'
import type { LogEntry } from '../../log/transparencyLog.ts'
import { crlShard } from '../authority/serial.ts'
import { signedLeaf } from '../revocationFixture.ts'
import type { TrustTables } from '../trustTables.ts'
import { crlBlobKey } from './publishCrls.ts'
import { listRequests } from './requestStore.ts'
import {
  add,
  anna,
  approve,
  certify,
  digestOf,
  events,
  logged,
  own,
  recordOf,
  restart,
  setRevokers,
  site,
  siteForEachTest,
  stateOf,
  stranger,
} from './testRevocations.ts'

siteForEachTest()

test('a validator ends its own certification: logged, ended, on its list from its beginning, event, on record', async () => {
  const [one, two] = (await certify(2)) as [bigint, bigint]
  site().place.clock.advance(1000)
  const added = await add(signedLeaf(recordOf([one]), own))
  assert.equal(added.state, 'logged')
  assert.equal(added.record, 0n)
  assert.deepEqual(added.reach, { certifications: 1, activeCertifications: 2, devices: 0, groups: [], above: [] })
  assert.deepEqual(await Promise.all([one, two].map(stateOf)), ['ended', 'active'])
  const [leaf] = await logged()
  assert.deepEqual(leaf?.record, { ...recordOf([one]), issuedAt: leaf?.record.issuedAt })
  assert.deepEqual(await events(), [{ record: '0', authority: site().authority, numbers: [String(one)] }])
  assert.ok(site().running.audited.some(({ kind }) => kind === 'revocation.recorded'))
  await site().running.trust.publishCrls()
  const certificates = await site()
    .place.database.tables<TrustTables>()
    .selectFrom('trust_certificate_results')
    .selectAll()
    .orderBy('id')
    .execute()
  const [ended, other] = certificates.map(({ certificate }) => certificate)
  for (const [der, isListed] of [
    [ended, true],
    [other, false],
  ] as const) {
    const certificate = parseCertificate(new Uint8Array(der as Uint8Array))
    const shard = crlShard(certificate.serial, 64)
    const crl = parseCrl((await site().place.blobs.get(crlBlobKey(site().authority, shard))) as Uint8Array)
    const entry = crl.entries.find(({ serial }) => Buffer.from(serial).toString('hex') === certificate.serialHex)
    assert.equal(entry !== undefined, isListed)
    if (entry === undefined) continue
    assert.deepEqual(entry.revocationDate, certificate.notBefore)
    assert.deepEqual(entry.invalidityDate, certificate.notBefore)
  }
})

test('the same payload again, with the same or another signature, gets the same answer and no second entry', async () => {
  const [one] = await certify()
  const record = recordOf([one!])
  const first = await add(signedLeaf(record, own))
  assert.deepEqual(await add(signedLeaf(record, own)), first)
  assert.equal(site().running.logs.revocations.head().size, 1n)
  assert.equal((await events()).length, 1)
})

const refused: readonly (readonly [string, (numbers: bigint[]) => Promise<unknown>, string])[] = [
  ['the key is no revoker’s', ([one]) => add(signedLeaf(recordOf([one!]), stranger)), 'revocation.unauthorised'],
  ['nobody signed', ([one]) => add(signedLeaf(recordOf([one!]))), 'revocation.unauthorised'],
  [
    'another validator brings it',
    ([one]) => add(signedLeaf(recordOf([one!]), own), {}, {}, 'two'),
    'trust.revocation-kind',
  ],
  ['an approver signed it', ([one]) => add(signedLeaf(recordOf([one!]), anna)), 'trust.revocation-kind'],
  [
    'no advisory',
    ([one]) => add(signedLeaf(recordOf([one!], { advisories: undefined }), own)),
    'revocation.no-advisory',
  ],
  [
    'another authority',
    ([one]) => add(signedLeaf(recordOf([one!], { authority: 'ab'.repeat(32) }), own)),
    'revocation.not-own-certifications',
  ],
  ['a number nobody has', ([one]) => add(signedLeaf(recordOf([one!, 99n]), own)), 'trust.certification-unknown'],
  [
    'a number beyond all doubles',
    ([one]) => add(signedLeaf(recordOf([one!, 2n ** 60n]), own)),
    'trust.certification-unknown',
  ],
  [
    'a certification of another validator',
    async ([one]) => add(signedLeaf(recordOf([one!, ...(await certify(1, 'two'))]), own)),
    'trust.certification-unknown',
  ],
  [
    'a date in the future',
    ([one]) =>
      add(signedLeaf(recordOf([one!], { issuedAt: new Date(site().place.clock.now().getTime() + 3_600_000) }), own)),
    'trust.date-in-future',
  ],
  [
    'a digest',
    () => {
      const { numbers: _, ...rest } = recordOf([1n]) as { numbers: unknown } & RevocationRecord
      return add(signedLeaf({ ...rest, scope: 'digest', digest: digestOf(0), upTo: 1n } as never, own))
    },
    'revocation.scope-not-allowed',
  ],
  ['no envelope', () => add('{}'), 'revocation.record-unknown'],
]
for (const [what, attempt, code] of refused) {
  test(`${code}: ${what}; nothing is logged and nothing ends`, async () => {
    const numbers = await certify()
    await assert.rejects(attempt(numbers), { code })
    assert.equal(site().running.logs.revocations.head().size, 0n)
    assert.equal(await stateOf(numbers[0]!), 'active')
  })
}

for (const when of ['before', 'after'] as const) {
  test(`a crash ${when} the log has the record: the next start logs the same bytes, once, and it takes effect`, async () => {
    const [one] = (await certify()) as [bigint]
    const envelope = signedLeaf(recordOf([one]), own)
    const append = async (entry: LogEntry) => {
      if (when === 'after') await site().running.logs.revocations.append(entry)
      throw new Error('power lost')
    }
    await assert.rejects(add(envelope, { log: { append } }), /power lost/)
    assert.equal(await stateOf(one), 'active')
    await restart()
    assert.equal(await stateOf(one), 'ended')
    assert.equal(site().running.logs.revocations.head().size, 1n)
    assert.equal((await add(envelope)).record, 0n)
    assert.equal(await site().running.revocations.finish(), 0)
    assert.equal((await events()).length, 1)
  })
}

test('above the reach limit a record is announced, ends nothing, and waits; an approver has it logged', async () => {
  site().running.groups = [{ group: 'pumps', devices: 100, reached: 21 }]
  const [one] = (await certify()) as [bigint]
  const envelope = signedLeaf(recordOf([one]), own)
  const waiting = await add(envelope)
  assert.equal(waiting.state, 'waiting')
  assert.deepEqual(waiting.reach.above, ['21 of the 100 devices of pumps: over 20 %'])
  assert.equal(waiting.reach.devices, 21)
  assert.deepEqual(await add(envelope), waiting)
  assert.equal(await stateOf(one), 'active')
  const [announcement] = await logged()
  assert.equal(announcement?.record.action, 'inform')
  assert.deepEqual(announcement?.signatures, [])
  const [request] = await listRequests(site().place.database.tables<TrustTables>(), { all: false, limit: 10 })
  assert.equal(request?.id, waiting.request)
  assert.equal(request?.required, 1)
  const approved = await approve(waiting.request!, request!.payload)
  assert.deepEqual([approved.state, approved.record], ['logged', '1'])
  assert.equal(await stateOf(one), 'ended')
  assert.deepEqual((await add(envelope)).record, 1n)
})

test('a group at the limit, or too small, does not hold a record back; the policy may let the worst pass', async () => {
  const numbers = await certify(3)
  for (const group of [
    { group: 'g', devices: 100, reached: 20 },
    { group: 'g', devices: 49, reached: 49 },
  ]) {
    site().running.groups = [group]
    assert.equal((await add(signedLeaf(recordOf([numbers.shift()!]), own))).state, 'logged')
  }
  site().running.groups = [{ group: 'g', devices: 100, reached: 100 }]
  await setRevokers({
    reach: { maxPercentOfGroup: 20, minGroupDevices: 50, maxPercentOfCertifications: 50, passes: ['malware'] },
  })
  const envelope = signedLeaf(recordOf(numbers), own)
  assert.equal((await add(envelope, {}, { malware: true })).state, 'logged')
})

test('more than half of many certifications waits', async () => {
  await setRevokers({
    reach: { maxPercentOfGroup: 20, minGroupDevices: 4, maxPercentOfCertifications: 50, passes: ['malware'] },
  })
  const numbers = await certify(4)
  const waiting = await add(signedLeaf(recordOf(numbers.slice(0, 3)), own), {}, { knownExploited: true })
  assert.deepEqual(waiting.reach.above, ['3 of 4 active certifications: over 50 %'])
  assert.equal((await add(signedLeaf(recordOf(numbers.slice(0, 2)), own))).state, 'logged')
})

/** As if `count` certifications had been issued, without the work of issuing them. Resolves with the first number. */
async function certifyMany(count: number): Promise<bigint> {
  const first = Number(site().running.trust.certifications.takeNumber())
  const now = site().place.clock.now().getTime()
  await site().place.database.transaction<TrustTables, void>('test', async (trx) => {
    for (let from = 0; from < count; from += 1000) {
      const ids = Array.from({ length: Math.min(1000, count - from) }, (_, at) => first + from + at)
      const intents = ids.map((id) => ({
        id,
        serial: createHash('sha1').update(`serial ${id}`).digest('hex').replace(/^../, '4f'),
        issuer_key_id: site().authority,
        identity_issuer: '',
        identity_subject: '',
        not_after_ms: now + 1e9,
        sct_time_ms: now,
        precertificate: new Uint8Array(),
      }))
      await trx.insertInto('trust_certificate_intents').values(intents).execute()
      const certifications = ids.map((id) => ({
        id,
        authority: site().authority,
        number: id,
        key_id: `key ${id}`,
        sha256: digestOf(id),
        validator: 'one',
        not_before_ms: now - 1000,
        not_after_ms: now + 1e9,
        ended_by: null,
      }))
      await trx.insertInto('trust_certifications').values(certifications).execute()
    }
  })
  return BigInt(first)
}

test('fifty thousand certifications end by two records, and every list is published', async () => {
  const count = 50_000
  await setRevokers({
    reach: { maxPercentOfGroup: 20, minGroupDevices: 50, maxPercentOfCertifications: 50, passes: ['knownExploited'] },
  })
  const first = await certifyMany(count)
  site().place.clock.advance(1000)
  const numbers = Array.from({ length: count }, (_, at) => first + BigInt(at))
  for (const half of [numbers.slice(0, count / 2), numbers.slice(count / 2)]) {
    const added = await add(signedLeaf(recordOf(half), own), {}, { knownExploited: true })
    assert.equal(added.reach.certifications, count / 2)
  }
  assert.deepEqual(await Promise.all([first, first + BigInt(count - 1)].map(stateOf)), ['ended', 'ended'])
  await site().running.trust.publishCrls()
  let listed = 0
  for (let shard = 0; shard < 64; shard++) {
    const der = await site().place.blobs.get(crlBlobKey(site().authority, shard))
    listed += parseCrl(der as Uint8Array).entries.length
  }
  assert.equal(listed, count)
})
