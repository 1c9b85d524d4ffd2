import { hash, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { canonicalJson } from '@countersign/protocol/json/canonicalJson.ts'
import { REVOCATION_PAYLOAD_TYPE, revocationToSign } from '@countersign/protocol/revocation/envelope.ts'
import { type RevocationRecord, writeRecord } from '@countersign/protocol/revocation/record.ts'
import { distributedPolicy } from '../../support/distributedPolicy.ts'
import { countersignValidator } from '../../support/programs.ts'
import { type Approver, addApprover, approve, askToEnd, newApprover } from './approvals.ts'
import { type BadInput, type Outcome, rowMaker } from './badInput.ts'
import { answerTo, outcomeOf } from './commands.ts'
import { type Delivery, importAdvisories, renewToken, writeAdvisories } from './delivery.ts'
import type { Lab } from './lab.ts'
import type { Setting } from './setting.ts'

/** A certification of the embedded validator. */
const NOT_OF_LAB = 1n

/** Who must not end trust, or not so much of it. */
export async function revocationRows(setting: Setting, lab: Lab): Promise<BadInput[]> {
  const { delivery } = setting
  await renewToken(delivery)
  const narrow = await addApprover(delivery, 'narrow', ['certifications'])
  const wide = await addApprover(delivery, 'wide', ['digest'])
  const stranger = newApprover()
  const request = await askToEnd(delivery, hash('sha256', 'bytes whose end is asked for'))
  const asked = Buffer.from(request.payload, 'base64')
  const another = Buffer.from(request.payload.replace(/^./, 'f'), 'base64')

  const record = rowMaker('entry', (payload: Uint8Array, by: Approver) => sendRecord(delivery, lab, payload, by))
  const approval = rowMaker('counted', (by: Approver, payload: Uint8Array) => approve(delivery, request, by, payload))
  const { authority, revoker } = lab
  const common = { reason: 'the test needs it', issuedAt: new Date(), severity: 'high', action: 'stop' } as const
  const ended = { ...common, scope: 'certifications', effect: 'ended', authority, numbers: [NOT_OF_LAB] } as const
  const write = (more: object) => writeRecord({ ...ended, advisories: ['TEST-0004'], ...more } as RevocationRecord)
  const digest = writeRecord({ ...common, scope: 'digest', effect: 'blocked', digest: '0'.repeat(64) })
  const newer = canonicalJson({ ...JSON.parse(Buffer.from(write({})).toString('utf8')), v: 2 })
  return [
    record('record by a validator about bytes', 'revocation.scope-not-allowed', 403, digest, revoker),
    record(
      'record by a validator about the certification of another',
      'trust.certification-unknown',
      404,
      write({}),
      revoker,
    ),
    record('record by a validator that names no advisory', 'revocation.no-advisory', 422, writeRecord(ended), revoker),
    record('record by nobody whom the policy names', 'revocation.unauthorised', 403, write({}), stranger),
    // No refusal: the server is too old to read it.
    {
      ...record('record of an unknown version', 'revocation.record-unknown', 503, newer, revoker),
      recorded: 'nothing',
    },
    approval('approval by a key without that scope', 'revocation.scope-not-allowed', 403, narrow, asked),
    approval('approval by a key that nobody knows', 'revocation.unauthorised', 403, stranger, asked),
    approval('approval of another record than the one asked for', 'revocation.signature-wrong', 422, wide, another),
    await aboveReachLimit(setting),
  ]
}

function sendRecord(delivery: Delivery, lab: Lab, payload: Uint8Array, by: Approver): Promise<Outcome> {
  const sig = sign('sha256', revocationToSign(payload), by.privateKey).toString('base64')
  const signatures = [{ keyid: by.keyId, sig }]
  const envelope = canonicalJson({ payloadType: REVOCATION_PAYLOAD_TYPE, payload: payload.toBase64(), signatures })
  return answerTo(`${delivery.publicUrl}/api/v1/revocations`, {
    ...{ ca: delivery.ca, client: lab.client, headers: { 'content-type': 'application/json' } },
    body: JSON.stringify({ envelope: Buffer.from(envelope).toString('utf8') }),
  })
}

/** An advisory about every version of a package that all products contain: announced, and nothing ends before approval. */
async function aboveReachLimit({ delivery, folder }: Setting): Promise<BadInput> {
  const policy = await distributedPolicy(delivery.instance)
  const file = path.join(folder, 'policy-small-reach.json')
  const revokers = { ...policy.revokers, reach: { ...policy.revokers.reach, minGroupDevices: 1 } }
  writeFileSync(file, JSON.stringify({ ...policy, revokers }))
  await delivery.instance.admin('policy', 'set', file)
  const flaw = { id: 'TEST-0005', package: 'ms', modified: new Date().toISOString() }
  const place = writeAdvisories(folder, 'advisories-above-reach', flaw)
  return {
    input: 'revocation above the reach limit',
    expectedCode: 'revocation-waits',
    expectedExit: 1,
    recorded: { kinds: ['revocation.held'] },
    mayChange: announcement,
    async run() {
      const ended = await importAdvisories(delivery, place)
      if (ended.length > 0) throw new Error(`it ended ${ended.join(', ')}`)
      return outcomeOf([...countersignValidator, 'status', '--json', '--data', delivery.validatorFolder])
    },
  }
}

/** Advisory, signed record, announcement and request. Certifications, certificates, CRLs and the policy are not among it. */
const announcement = new RegExp(
  [
    'validator/table (?:advisories_|watch_|outbox|certify_certifications$|sqlite_sequence$)',
    'delivery/data/blobs/logs/revocations/',
    'delivery/table (?:trust_revocation|artifacts_(?:reached|advisor)|log$|log_key_tile$|outbox|sqlite_sequence$)',
  ].join('|'),
)
