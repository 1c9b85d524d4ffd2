import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Submission } from '@countersign/protocol/api/artifacts.ts'
import { type CallOptions, callForJson } from '../../support/callInstance.ts'
import { PageVisitor } from '../../support/pageVisitor.ts'
import { deviceToken, type InvitationLink, redeemInvitation } from '../../support/people.ts'
import { asDora } from './approvals.ts'
import { type BadInput, type Outcome, rowMaker } from './badInput.ts'
import { answerTo } from './commands.ts'
import { type Delivery, openSigner, renewToken } from './delivery.ts'
import { versionFile } from './devices.ts'
import type { Lab } from './lab.ts'
import type { Setting } from './setting.ts'
import { sha256 } from './signing.ts'

/** What must not be handed to validators, or be told by one. */
export async function artifactMailRows(setting: Setting, lab: Lab): Promise<BadInput[]> {
  const { delivery } = setting
  await renewToken(delivery)
  const file = versionFile(setting, 'pump 1.1.0')
  const other = versionFile(setting, 'pump 1.0.0')
  const mail = { sha256: digestOf(file), name: 'pump', signature: readFileSync(`${file}.sigstore.json`, 'utf8') }
  const certification = readFileSync(`${file}.certification.sigstore.json`, 'utf8')
  const unstored = path.join(setting.folder, 'unstored')
  await (await openSigner(delivery))(unstored, Buffer.from('nobody has stored this\n'))
  const unknown = { sha256: digestOf(unstored), signature: readFileSync(`${unstored}.sigstore.json`, 'utf8') }
  const submitted = await submitTo(delivery, mail, 'embedded')

  const byDora = asDora(delivery)
  const put = rowMaker('counted', (bytes: string, options: CallOptions) => putArtifact(delivery, bytes, options))
  const submit = rowMaker('counted', (change: object) =>
    answerTo(`${delivery.publicUrl}/api/v1/submissions`, { ...byDora, body: JSON.stringify({ ...mail, ...change }) }),
  )
  const get = rowMaker('counted', (name: string, options: CallOptions) =>
    answerTo(`${delivery.publicUrl}/api/v1/${name}`, options),
  )
  return [
    put('artifact that nobody stores', 'artifacts.token-missing', 401, 'bytes', { ca: delivery.ca }),
    put('artifact with other bytes than its digest', 'files.digest-wrong', 422, 'other bytes', byDora),
    submit('submission of bytes that are not stored', 'artifacts.unknown-artifact', 404, unknown),
    submit('submission with the signature of other bytes', 'artifacts.signature-wrong', 422, {
      sha256: digestOf(other),
    }),
    submit('submission with a certification in place of the signature', 'artifacts.signature-wrong', 422, {
      signature: certification,
    }),
    submit('submission to a validator that is none', 'artifacts.validator-unknown', 404, { validators: ['nobody'] }),
    get(
      'submission of somebody else',
      'artifacts.submission-unknown',
      404,
      `submissions/${submitted.id}`,
      await asEve(delivery),
    ),
    get('advisory that reaches nothing', 'artifacts.advisory-unknown', 404, 'affected/TEST-9999', byDora),
    ...(await reportRows(setting, lab, { mail, certification, foreign: submitted })),
  ]
}

/** What a validator must not tell. */
async function reportRows(
  { delivery }: Setting,
  lab: Lab,
  { mail, certification, foreign }: { mail: { sha256: string }; certification: string; foreign: Submission },
): Promise<BadInput[]> {
  const asLab = { ca: delivery.ca, client: lab.client, headers: { 'content-type': 'application/json' } }
  const reportUrl = ({ id }: Submission) => `${delivery.publicUrl}/api/v1/submissions/${id}/reports`
  const report = rowMaker('counted', (about: Submission, told: object) =>
    answerTo(reportUrl(about), { ...asLab, body: JSON.stringify(told) }),
  )
  const own = await submitTo(delivery, mail, 'lab')
  const certified = { state: 'certified', certification, sbom: certification, findings: certification }
  const early = report('certification without a decision', 'artifacts.state-passed', 409, own, certified)
  const advisories = { records: 1, sample: false, state: 1 }
  const verdict = { answer: 'clean', components: 1, findings: [], gaps: [], advisories, protections: [] }
  const decided = { state: 'decided', verdict, decision: { answer: 'certify', reasons: [] } }
  return [
    early,
    report('report about the submission of another validator', 'artifacts.submission-unknown', 404, foreign, {
      state: 'inspecting',
    }),
    {
      ...report(
        'certification of another validator, told as one’s own',
        'artifacts.certification-wrong',
        422,
        own,
        certified,
      ),
      // The decision is told first, and is on record.
      mayChange: /^delivery\/table artifacts_submissions$/,
      async run() {
        await callForJson(reportUrl(own), { ...asLab, body: JSON.stringify(decided) })
        return answerTo(reportUrl(own), { ...asLab, body: JSON.stringify(certified) })
      },
    },
    {
      input: 'artifact that a validator asks for and was not given',
      expectedCode: 'artifacts.unknown-artifact',
      expectedExit: 404,
      recorded: 'counted',
      run: () => answerTo(`${delivery.publicUrl}/api/v1/artifacts/${foreign.sha256.replace(/^./, 'f')}`, asLab),
    },
  ]
}

async function submitTo(delivery: Delivery, mail: object, validator: string): Promise<Submission> {
  const url = `${delivery.publicUrl}/api/v1/submissions`
  const body = JSON.stringify({ ...mail, validators: [validator] })
  const { submissions } = await callForJson<{ submissions: Submission[] }>(url, { ...asDora(delivery), body }, 201)
  const [submission] = submissions
  if (submission === undefined) throw new Error(`nothing was submitted to ${validator}`)
  return submission
}

async function putArtifact({ publicUrl }: Delivery, body: string, options: CallOptions): Promise<Outcome> {
  const headers = { ...options.headers, 'content-type': 'application/octet-stream' }
  const digest = sha256(Buffer.from('bytes')).toHex()
  return answerTo(`${publicUrl}/api/v1/artifacts/${digest}`, { ...options, method: 'PUT', headers, body })
}

/** How another person calls. */
async function asEve({ instance, ca, publicUrl }: Delivery): Promise<CallOptions> {
  const browser = new PageVisitor(ca)
  await redeemInvitation(browser, await instance.admin<InvitationLink>('people', 'invite', 'eve@example.org'))
  const { id_token: token } = await deviceToken(`${publicUrl}/oidc`, browser, ca)
  return { ca, headers: { authorization: `Bearer ${token}` } }
}

function digestOf(file: string): string {
  return sha256(readFileSync(file)).toHex()
}
