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
    { group: 'large', devices: 100, reached: 20 },
    { group: 'small', devices: 49, reached: 49 },
  ]) {
    site().running.groups = [group]
    assert.equal((await add(signedLeaf(recordOf([numbers.shift()!]), own))).state, 'logged')
  }
  site().running.groups = [{ group: 'g', devices: 100, reached: 100 }]
  await setRevokers({
    reach: { maxPercentOfGroup: 20, minGroupDevices: 50, maxPercentOfCertifications: 50, passes: ['malware'] },
  })
  const envelope = signedLeaf(recordOf(numbers, { advisories: ['GHSA-jchw-25xp-jwwc', 'MAL-2026-1'] }), own)
  assert.equal((await add(envelope, {}, { malware: true })).state, 'logged')
})

for (const [kind, prefix] of [
  ['malware', 'MAL-'],
  ['knownExploited', 'CVE-'],
] as const) {
  test(`what the policy lets pass as ${kind} has to name an advisory ${prefix}…, and to be declared as such`, async () => {
    site().running.groups = [{ group: 'g', devices: 100, reached: 100 }]
    await setRevokers({
      reach: { maxPercentOfGroup: 20, minGroupDevices: 50, maxPercentOfCertifications: 50, passes: [kind] },
    })
    const [one] = (await certify()) as [bigint]
    const named = (advisory: string) => signedLeaf(recordOf([one], { advisories: [advisory] }), own)
    assert.equal((await add(named('GHSA-jchw-25xp-jwwc'), {}, { [kind]: true })).state, 'waiting')
    assert.equal((await add(named(`${prefix}2026-1`))).state, 'waiting')
    assert.equal(await stateOf(one), 'active')
    assert.equal((await add(named(`${prefix}2026-2`), {}, { [kind]: true })).state, 'logged')
  })
}

const LIMITS = { maxPercentOfGroup: 20, minGroupDevices: 10, maxPercentOfCertifications: 50, passes: [] }

test('many small records of one day count together: what is split waits as the whole would', async () => {
  await setRevokers({ reach: LIMITS })
  const numbers = await certify(12)
  const states: string[] = []
  for (const number of numbers) {
    const { state, reach } = await add(signedLeaf(recordOf([number]), own))
    states.push(state)
    if (states.length === 7) assert.deepEqual(reach.above, ['7 of 12 active certifications within a day: over 50 %'])
  }
  assert.deepEqual(states, [...Array(6).fill('logged'), ...Array(6).fill('waiting')])
})

test('devices of a group count together, whatever they run after the first record', async () => {
  await setRevokers({ reach: LIMITS })
  const [one, two, three] = (await certify(3)) as [bigint, bigint, bigint]
  site().running.groups = [{ group: 'pumps', devices: 100, reached: 15 }]
  assert.equal((await add(signedLeaf(recordOf([one]), own))).state, 'logged')
  const { state, reach } = await add(signedLeaf(recordOf([two]), own))
  assert.equal(state, 'waiting')
  assert.deepEqual(reach.above, ['30 of the 100 devices of pumps within a day: over 20 %'])
  site().running.groups = [
    { group: 'pumps', devices: 100, reached: 0 },
    { group: 'valves', devices: 100, reached: 15 },
  ]
  assert.equal((await add(signedLeaf(recordOf([three]), own))).state, 'logged', 'another group has a limit of its own')
})

test('two records at once are not each weighed alone', async () => {
  await setRevokers({ reach: LIMITS })
  const numbers = await certify(12)
  const halves = [numbers.slice(0, 6), numbers.slice(6)]
  const added = await Promise.all(halves.map((half) => add(signedLeaf(recordOf(half), own))))
  assert.deepEqual(added.map(({ state }) => state).sort(), ['logged', 'waiting'])
})

test('what is written and not logged yet counts, and a day later the count begins anew', async () => {
  await setRevokers({ reach: LIMITS })
  const numbers = await certify(20)
  const append = () => Promise.reject(new Error('disk full'))
  await assert.rejects(add(signedLeaf(recordOf(numbers.slice(0, 10)), own), { log: { append } }), /disk full/)
  assert.equal((await add(signedLeaf(recordOf(numbers.slice(10, 11)), own))).state, 'waiting')
  site().place.clock.advance(86_400_001)
  assert.equal((await add(signedLeaf(recordOf(numbers.slice(11, 12)), own))).state, 'logged')
})

test('what approvers have ended does not count towards the limit of the validator', async () => {
  await setRevokers({ reach: LIMITS })
  const numbers = await certify(40)
  const { request = '' } = await add(signedLeaf(recordOf(numbers.slice(0, 25)), own))
  const tables = site().place.database.tables<TrustTables>()
  const [waiting] = await listRequests(tables, { all: false, limit: 10 })
  assert.equal((await approve(request, waiting?.payload ?? '')).state, 'logged')
  assert.equal((await add(signedLeaf(recordOf(numbers.slice(25, 30)), own))).state, 'logged')
})

test('more than half of many certifications waits', async () => {
  await setRevokers({
    reach: { maxPercentOfGroup: 20, minGroupDevices: 4, maxPercentOfCertifications: 50, passes: ['malware'] },
  })
  const numbers = await certify(4)
  const waiting = await add(signedLeaf(recordOf(numbers.slice(0, 3)), own), {}, { malware: true })
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
  const first = await certifyMany(count)
  site().place.clock.advance(1000)
  const numbers = Array.from({ length: count }, (_, at) => first + BigInt(at))
  const halves = [numbers.slice(0, count / 2), numbers.slice(count / 2)].map((half) => signedLeaf(recordOf(half), own))
  const [within, above] = [await add(halves[0]!), await add(halves[1]!)]
  assert.deepEqual([within.state, above.state, above.reach.certifications], ['logged', 'waiting', count / 2])
  assert.deepEqual(above.reach.above, ['50000 of 50000 active certifications within a day: over 50 %'])
  const [request] = await listRequests(site().place.database.tables<TrustTables>(), { all: false, limit: 10 })
  assert.equal((await approve(above.request!, request!.payload)).state, 'logged')
  assert.deepEqual(await Promise.all([first, first + BigInt(count - 1)].map(stateOf)), ['ended', 'ended'])
  await site().running.trust.publishCrls()
  let listed = 0
  for (let shard = 0; shard < 64; shard++) {
    const der = await site().place.blobs.get(crlBlobKey(site().authority, shard))
    listed += parseCrl(der as Uint8Array).entries.length
  }
  assert.equal(listed, count)
})
