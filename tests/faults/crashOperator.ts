import { createPublicKey, generateKeyPairSync, hash, randomBytes, sign } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { call } from '@countersign/local/calls/call.ts'
import { enrol, renew } from '@countersign/local/calls/est.ts'
import { controlJobsRoute } from '@countersign/protocol/api/admin.ts'
import { addValidatorRoute, removeValidatorRoute } from '@countersign/protocol/api/certifications.ts'
import { assignRoute, changeDeviceRoute, createDeviceTicketRoute } from '@countersign/protocol/api/devices.ts'
import {
  addApproverRoute,
  approveRevocationRoute,
  listRevocationRequestsRoute,
  type RevocationRequest,
  requestRevocationRoute,
} from '@countersign/protocol/api/revocations.ts'
import { parseTicket } from '@countersign/protocol/api/ticket.ts'
import { decodeBase64 } from '@countersign/protocol/json/base64.ts'
import { revocationToSign } from '@countersign/protocol/revocation/envelope.ts'
import type { Crew } from './crashCrew.ts'
import { advise, asking, changeDistributed, type Developer, submit, untilEnded } from './crashJourney.ts'
import { change } from './crashOperations.ts'
import type { Packed } from './crashProduct.ts'

const withinMs = 300_000

/** Everything that an operator and approvers do along the journey besides releasing. */
export async function operate(crew: Crew, developer: Developer, waiting: Packed): Promise<void> {
  await receiveDevice(crew)
  await receiveValidator(crew)
  const approver = await newApprover(crew)
  await revokeByHand(crew, developer, approver)
  await approveAboveLimit(crew, developer, approver, waiting)
  await crew.admin(controlJobsRoute, { body: { do: 'run', job: 'client-certificates' } })
}

/** A device enrols by ticket, renews its certificate, moves, is assigned something, and is removed. */
async function receiveDevice(crew: Crew): Promise<void> {
  const device = `extra-${randomBytes(3).toString('hex')}`
  await change(crew, `devices ${device}`, 'invited', () => invite(crew, device))
  const ticket = parseTicket((await invite(crew, device)).ticket)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const request = { url: crew.client.url, deviceRootPem: crew.client.ca, name: device, privateKey }
  const { certificatePem } = await change(crew, `devices ${device}`, 'admitted', () =>
    crew.persist(() => enrol({ ...request, secret: ticket.secret ?? '' })),
  )
  const privateKeyPem = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
  await crew.persist(() => renew({ ...request, current: { certificatePem, privateKeyPem } }))
  await crew.admin(assignRoute, {
    body: { to: { kind: 'device', name: device }, assignment: { product: 'files', channel: 'stable' } },
  })
  await crew.admin(changeDeviceRoute, { body: { do: 'move', device, group: 'another' } })
  await change(crew, `devices ${device}`, 'removed', () =>
    crew.admin(changeDeviceRoute, { body: { do: 'remove', device } }),
  )
}

function invite(crew: Crew, device: string) {
  return crew.admin(createDeviceTicketRoute, { body: { device } })
}

/** A validator is let in, gets a second ticket before it has come, and is let go. */
async function receiveValidator(crew: Crew): Promise<void> {
  const name = `extra-${randomBytes(3).toString('hex')}`
  await change(crew, `validators ${name}`, 'invited', () => crew.admin(addValidatorRoute, { body: { name } }))
  await crew.admin(addValidatorRoute, { body: { name } })
  await change(crew, `validators ${name}`, 'removed', () => crew.admin(removeValidatorRoute, { body: { name } }))
}

/** Signs requests. */
interface Approver {
  readonly keyId: string
  signatureOf(request: RevocationRequest): string
}

async function newApprover(crew: Crew): Promise<Approver> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  const name = `approver-${randomBytes(3).toString('hex')}`
  const scopes = ['certifications', 'digest']
  await crew.admin(addApproverRoute, { body: { name, publicKey: spki.toString('base64'), scopes } })
  return {
    keyId: hash('sha256', spki, 'hex'),
    signatureOf: ({ payload }) =>
      sign('sha256', revocationToSign(decodeBase64(payload, 'the payload')), privateKey).toString('base64'),
  }
}

/** Ends trust in bytes that nobody certified. */
async function revokeByHand(crew: Crew, developer: Developer, approver: Approver): Promise<void> {
  const target = { scope: 'digest', digest: randomBytes(32).toString('hex') }
  const { request } = await asking(crew, developer, (instance, token) =>
    call(instance, requestRevocationRoute, { body: { target, reason: 'a test' }, token }),
  )
  if (request === undefined) throw new Error('a revocation was asked for, and no request was made')
  crew.journal.write({ what: 'done', fact: `request ${request.id}`, value: 'waiting' })
  await approve(crew, developer, approver, request)
}

async function approve(
  crew: Crew,
  developer: Developer,
  approver: Approver,
  request: RevocationRequest,
): Promise<void> {
  const body = { keyId: approver.keyId, signature: approver.signatureOf(request) }
  await change(crew, `request ${request.id}`, 'logged', () =>
    asking(crew, developer, async (instance, token) => {
      const { state } = await call(instance, approveRevocationRoute, { params: { id: request.id }, body, token })
      if (state !== 'logged') throw new Error(`the approved request is ${state}`)
    }),
  )
}

/** An advisory that would end more than the policy lets a validator end by itself is announced, and an approver decides. */
async function approveAboveLimit(crew: Crew, developer: Developer, approver: Approver, waiting: Packed): Promise<void> {
  await submit(crew, developer, waiting, { outcome: 'certified' })
  await setLimit(crew, { maxPercentOfCertifications: 1, minGroupDevices: 1 })
  await advise(crew, '1.15.4')
  await approve(crew, developer, approver, await waitingRequest(crew))
  await untilEnded(crew, waiting)
  await setLimit(crew, { maxPercentOfCertifications: 50, minGroupDevices: 50 })
  await advise(crew, '1.0.0')
}

async function waitingRequest(crew: Crew): Promise<RevocationRequest> {
  const deadline = Date.now() + withinMs
  while (Date.now() < deadline) {
    const { requests } = await crew.admin(listRevocationRequestsRoute, {})
    const found = requests.find(({ requestedBy }) => requestedBy === validatorName)
    if (found !== undefined) return found
    await sleep(100)
  }
  throw new Error(`no request waits for an approver\n${crew.output()}`)
}

/** The validator of the site. */
export const validatorName = 'lab'

function setLimit(crew: Crew, limit: { maxPercentOfCertifications: number; minGroupDevices: number }): Promise<void> {
  return changeDistributed(crew, ({ revokers, ...policy }) => ({
    ...policy,
    revokers: { ...revokers, reach: { ...revokers.reach, ...limit } },
  }))
}
