import { sign } from 'node:crypto'
import type { BadInput } from './badInput.ts'
import { answerTo, postJson } from './commands.ts'
import { certificateOfSize } from './forgedCertificate.ts'
import type { Setting } from './setting.ts'
import { entryRequest, sha256 } from './signing.ts'

const LIMITS = 'the limit on the request answers before anything is read; the caller does the same: send less'
const UNREADABLE = 'the caller does the same: send what the description of the API says'

/** What the artifact log and the timestamp authority must not take. */
export async function entryRows({ production: { publicUrl, ca } }: Setting): Promise<BadInput[]> {
  const artifact = Buffer.from('logged\n')
  const [key, large] = [certificateOfSize(500), certificateOfSize(60_000)]
  const signed = (certified: typeof key) => {
    const signature = new Uint8Array(sign('sha256', artifact, certified.privateKey))
    return entryRequest(sha256(artifact), signature, certified.certificate)
  }
  const sound = signed(key)
  const { hashedRekordRequestV002: inner } = sound
  const row = (input: string, expectedCode: string, expectedExit: number, body: unknown): BadInput => ({
    ...{ input, expectedCode, expectedExit, recorded: 'counted' },
    run: () => postJson(`${publicUrl}/api/v2/log/entries`, ca, body),
  })
  const otherDigest = sha256(Buffer.from('another artifact\n')).toBase64()
  return [
    row('signature over another digest', 'log.signature-wrong', 400, {
      hashedRekordRequestV002: { ...inner, digest: otherDigest },
    }),
    row('entry of more than 65,535 bytes', 'log.entry-too-large', 413, signed(large)),
    {
      ...row('request to log of more than 4 MiB', 'http.too-large', 413, { ...sound, comment: 'a'.repeat(4_300_000) }),
      sharesCodeBecause: LIMITS,
    },
    {
      ...row('entry with a field that nobody knows', 'log.request-malformed', 400, { ...sound, comment: 'trust me' }),
      sharesCodeBecause: UNREADABLE,
    },
    {
      ...row('entry of a kind that is not logged', 'log.request-malformed', 400, { intotoRequestV002: inner }),
      sharesCodeBecause: UNREADABLE,
    },
    row('digest of the wrong length', 'log.digest-wrong', 400, {
      hashedRekordRequestV002: { ...inner, digest: Buffer.alloc(20).toString('base64') },
    }),
    row('entry that is no JSON', 'json.syntax', 400, '{"hashedRekordRequestV002":'),
    {
      ...{ input: 'timestamp request that is none', expectedCode: 'timestamp.bad-request', expectedExit: 400 },
      recorded: 'counted',
      run: () =>
        answerTo(`${publicUrl}/api/v1/timestamp`, {
          ...{ ca, headers: { 'content-type': 'application/timestamp-query' }, body: 'no DER' },
        }),
    },
  ]
}
