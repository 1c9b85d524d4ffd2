import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'node:test'
import { decodeEntryBundle } from '@countersign/protocol/log/entryBundle.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { parseRevocationLeaf } from '@countersign/protocol/revocation/envelope.ts'
import type { RevocationRecord } from '@countersign/protocol/revocation/record.ts'
import { certificationState } from '../authority/certifications.ts'
import { issueCertification } from '../authority/issueCertification.ts'
import {
  certificationRequest,
  distribute,
  type RunningTrust,
  revokerPolicy,
  signPayload,
  startTrust,
  testKey,
} from '../revocationFixture.ts'
import { openTrustFixture, type TrustFixture } from '../trustFixture.ts'
import { type AddedRevocation, type AutomaticDeps, addRevocation } from './addRevocation.ts'
import { approveRevocation } from './approveRevocation.ts'
import { REVOCATION_LOGGED } from './logRevocation.ts'
import { type RequestedRevocation, requestRevocation } from './requestRevocation.ts'
import type { RevocationDeps } from './revocationDeps.ts'

/** Key of the validator one. */
export const own = testKey()
/** An approver’s key. */
export const anna = testKey()
/** Another approver’s. */
export const bert = testKey()
/** Nobody’s key. */
export const stranger = testKey()
const validator = { name: 'one', sameOperator: true }

/** A place with a running authority, anew for every test of a file. */
export interface RevocationSite {
  readonly place: TrustFixture
  readonly running: RunningTrust
  /** Key id of the certifications authority. */
  readonly authority: string
}

let opened: RevocationSite | undefined

/** The site of the test that runs. */
export function site(): RevocationSite {
  assert.ok(opened)
  return opened
}

/** Opens a site before each test of the file, with the revokers of `setRevokers`, and removes it afterwards. */
export function siteForEachTest(): void {
  beforeEach(async () => {
    const place = await openTrustFixture(mkdtempSync(join(tmpdir(), 'countersign-revoke-')), new Date())
    const running = await startTrust(place)
    opened = { place, running, authority: running.trust.certifications.template.issuer.keyId }
    await setRevokers()
  })
  afterEach(async () => {
    const { running, place } = site()
    await running.stop()
    await place.close()
    rmSync(place.folder, { recursive: true })
  })
}

/** Stops everything and starts it again, as after a crash. */
export async function restart(): Promise<void> {
  const { place, running, authority } = site()
  await running.stop()
  opened = { place, authority, running: await startTrust(place) }
}

/** Distributes a policy that names the validator one and the approvers anna and bert. */
export function setRevokers(changes: Partial<VerificationPolicy['revokers']> = {}): Promise<void> {
  const approver = (name: string, { spki }: { spki: string }) => ({
    name,
    spki,
    scopes: ['certifications', 'digest'] as ('certifications' | 'digest')[],
  })
  const validatorKey = {
    name: 'one',
    spki: own.spki,
    scopes: ['certifications'] as const,
    validator: { name: 'one', authority: site().authority },
  }
  const keys = [
    { ...validatorKey, scopes: ['certifications' as const] },
    approver('anna', anna),
    approver('bert', bert),
  ]
  return distribute(site().running, revokerPolicy(site().running.logs.revocations, keys, changes))
}

/** Certifies the artifacts 0 to `count` - 1 and gives their numbers. */
export async function certify(count = 1, name = 'one'): Promise<bigint[]> {
  const numbers: bigint[] = []
  for (let made = 0; made < count; made++) {
    const by = { ...validator, name }
    const asked = certificationRequest(site().running, { validator: by, sha256: digestOf(made) })
    numbers.push((await issueCertification(site().running.trust.certifications, by, asked)).number)
  }
  return numbers
}

/** Of a test artifact, hex. */
export const digestOf = (artifact: number) => createHash('sha256').update(`artifact ${artifact}`).digest('hex')

/** A record as a validator writes it. */
export function recordOf(numbers: readonly bigint[], changes: object = {}): RevocationRecord {
  return {
    scope: 'certifications',
    effect: 'ended',
    authority: site().authority,
    numbers,
    advisories: ['GHSA-jchw-25xp-jwwc'],
    reason: 'follow-redirects before 1.15.4',
    severity: 'medium',
    action: 'goBack',
    issuedAt: site().place.clock.now(),
    ...changes,
  } as RevocationRecord
}

/** Has the validator one bring a signed record. */
export function add(
  envelope: string,
  as: Partial<AutomaticDeps> = {},
  kind = {},
  name = 'one',
): Promise<AddedRevocation> {
  return addRevocation({ ...site().running.revocations, ...as }, name, {
    envelope,
    knownExploited: false,
    malware: false,
    ...kind,
  })
}

/** Asks by hand. */
export const ask = (request: Partial<RequestedRevocation> & Pick<RequestedRevocation, 'target'>) =>
  requestRevocation(site().running.revocations, 'me@example.test', {
    reason: 'withdrawn',
    advisories: [],
    severity: 'unknown',
    action: 'goBack',
    dryRun: false,
    ...request,
  })

/** Signs a request and brings the signature. */
export function approve(id: string, payload: string, key = anna, as: Partial<RevocationDeps> = {}) {
  const signature = Buffer.from(signPayload(Uint8Array.fromBase64(payload), key)).toString('base64')
  return approveRevocation({ ...site().running.revocations, ...as }, 'me@example.test', id, {
    keyId: key.keyId,
    signature,
  })
}

/** What became of a number. */
export const stateOf = (number: bigint) =>
  certificationState(site().place.database, { authority: site().authority, number }, site().place.clock.now())

/** Every leaf of the log, in order. */
export async function logged() {
  const { size } = site().running.logs.revocations.head()
  if (size === 0n) return []
  const bundle = (await site().running.logs.revocations.readEntries(0n, Number(size))) as Uint8Array
  return decodeEntryBundle(bundle, { maxEntries: 256 }).map((leaf) => parseRevocationLeaf(leaf))
}

/** Payloads of the events about logged records. */
export async function events(): Promise<unknown[]> {
  const rows = await site()
    .place.database.tables<{ outbox: { kind: string; payload: string } }>()
    .selectFrom('outbox')
    .selectAll()
    .where('kind', '=', REVOCATION_LOGGED)
    .execute()
  return rows.map(({ payload }) => JSON.parse(payload))
}
