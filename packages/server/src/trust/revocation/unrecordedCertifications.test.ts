import assert from 'node:assert/strict'
import { test } from 'node:test'
import { issueCertification } from '../authority/issueCertification.ts'
import { certificationRequest } from '../revocationFixture.ts'
import { approve, ask, certify, digestOf, restart, site, siteForEachTest, stateOf } from './testRevocations.ts'

siteForEachTest()

/** Certifies under `number` with the keys of the authority and behind the back of its database. */
async function forge(number: bigint): Promise<void> {
  const { certifications } = site().running.trust
  const store = { ...certifications.store, addIntent: async () => 0, addResult: async () => {} }
  const asked = certificationRequest(site().running, { validator, sha256: digestOf(66) })
  await issueCertification({ ...certifications, store, takeNumber: () => number }, validator, asked)
}

const validator = { name: 'one', sameOperator: true }
const compare = () => site().running.trust.revokeUnrecorded()
const open = () => site().running.trust.unrecordedCertifications()
const target = (number: bigint) =>
  ({ scope: 'certifications', authority: site().authority, numbers: [String(number)] }) as const

test('a certification that is logged and was never issued is listed until approvers have ended it', async () => {
  await certify()
  await forge(40n)
  assert.deepEqual(await open(), [])
  assert.equal((await compare()).length, 1)
  const [found, ...more] = await open()
  assert.deepEqual(more, [])
  assert.deepEqual([found?.number, found?.authority, found?.sha256], ['40', site().authority, digestOf(66)])
  assert.match(found?.subject ?? '', /\/validators\/one$/)
  await restart()
  assert.equal((await open()).length, 1)
  const { request } = await ask({ target: target(40n) })
  assert.ok(request)
  assert.equal((await approve(request.id, request.payload)).state, 'logged')
  assert.deepEqual(await open(), [])
})

test('a number that nobody has used is still a slip of the pen', async () => {
  await forge(40n)
  await compare()
  await assert.rejects(ask({ target: target(41n) }), { code: 'trust.certification-unknown' })
})

test('a forged number that was issued as well is said to be so, and both end', async () => {
  const [number] = (await certify()) as [bigint]
  await forge(number)
  await compare()
  assert.deepEqual(
    (await open()).map((one) => [one.number, one.isNumberIssued]),
    [[String(number), true]],
  )
  const { request } = await ask({ target: target(number) })
  assert.ok(request)
  await approve(request.id, request.payload)
  assert.equal(await stateOf(number), 'ended')
  assert.deepEqual(await open(), [])
})

test('a forged number is not given out any more, also after a restart', async () => {
  const [number] = (await certify()) as [bigint]
  await forge(number + 1n)
  await forge(number + 3n)
  await compare()
  assert.deepEqual(await certify(), [number + 2n])
  await restart()
  assert.deepEqual(await certify(), [number + 4n])
})

test('blocked bytes end the forged certifications of them', async () => {
  await forge(40n)
  await compare()
  const { request } = await ask({ target: { scope: 'digest', digest: digestOf(66), blocked: true } })
  assert.ok(request)
  await approve(request.id, request.payload)
  assert.deepEqual(await open(), [])
})
