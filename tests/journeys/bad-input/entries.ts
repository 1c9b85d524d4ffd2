import { sign } from 'node:crypto'
import { type BadInput, rowMaker } from './badInput.ts'
import { announceJson, answerTo, postJson } from './commands.ts'
import { certificateOfSize } from './forgedCertificate.ts'
import type { Setting } from './setting.ts'
import { type CertifiedKey, entryRequest, sha256 } from './signing.ts'

const artifact = Buffer.from('logged\n')

/** What the artifact log and the timestamp authority must not take. */
export async function entryRows({ production: { publicUrl, ca } }: Setting): Promise<BadInput[]> {
  const url = `${publicUrl}/api/v2/log/entries`
  const entry = rowMaker('counted', (body: unknown) => postJson(url, ca, body))
  const longEntry = rowMaker('counted', (body: unknown) => announceJson(url, ca, body))
  const stamp = rowMaker('counted', (body: string) =>
    answerTo(`${publicUrl}/api/v1/timestamp`, {
      ...{ ca, headers: { 'content-type': 'application/timestamp-query' }, body },
    }),
  )
  const sound = signedEntry(certificateOfSize(500))
  const { hashedRekordRequestV002: inner } = sound
  const withDigest = (digest: Uint8Array) => ({ hashedRekordRequestV002: { ...inner, digest: digest.toBase64() } })
  const otherDigest = withDigest(sha256(Buffer.from('another artifact\n')))
  const comment = 'a'.repeat(4_300_000)
  return [
    entry('signature over another digest', 'log.signature-wrong', 400, otherDigest),
    entry('entry of more than 65,535 bytes', 'log.entry-too-large', 413, signedEntry(certificateOfSize(60_000))),
    longEntry('request to log of more than 4 MiB', 'http.too-large', 413, { ...sound, comment }),
    entry('entry, unknown field', 'log.request-malformed', 400, { ...sound, comment: 'trust me' }),
    entry('entry of a kind that is not logged', 'log.request-malformed', 400, { intotoRequestV002: inner }),
    entry('digest of the wrong length', 'log.digest-wrong', 400, withDigest(new Uint8Array(20))),
    entry('entry that ends in the middle', 'json.syntax', 400, '{"hashedRekordRequestV002":'),
    stamp('timestamp request that is none', 'timestamp.bad-request', 400, 'no DER'),
  ]
}

function signedEntry({ privateKey, certificate }: CertifiedKey) {
  return entryRequest(sha256(artifact), new Uint8Array(sign('sha256', artifact, privateKey)), certificate)
}
