import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { writeStatementBundle } from '@countersign/protocol/bundle/writeBundle.ts'
import { integerValue } from '@countersign/protocol/der/derValues.ts'
import { readDer } from '@countersign/protocol/der/readDer.ts'
import { integer, sequence } from '@countersign/protocol/der/writeDer.ts'
import { pae } from '@countersign/protocol/log/pae.ts'
import type { BadInput } from './badInput.ts'
import { versionFile } from './devices.ts'
import type { Setting } from './setting.ts'
import { type Api, logSignature, sha256, stamp } from './signing.ts'

/** The parts of a certification's bundle that anybody can read and log again. */
interface CertificationJson {
  readonly verificationMaterial: { readonly certificate: { readonly rawBytes: string } }
  readonly dsseEnvelope: {
    readonly payload: string
    readonly payloadType: string
    readonly signatures: readonly [{ readonly sig: string }]
  }
}

/** The order of the group of P-256 (SEC 2, 2.4.2). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** A certification that an advisory has ended, and what a developer makes of it who wants it back. */
export async function loggedAnewRows(setting: Setting): Promise<BadInput[]> {
  const { delivery, folder } = setting
  const ended = versionFile(setting, 'valve 1.1.0')
  const again = path.join(folder, 'valve-logged-anew.tar.gz')
  for (const end of ['', '.sigstore.json']) copyFileSync(`${ended}${end}`, `${again}${end}`)
  const bundle = await logAnew(delivery, readFileSync(`${ended}.certification.sigstore.json`, 'utf8'))
  writeFileSync(`${again}.certification.sigstore.json`, bundle)
  // Follows the logs to the new entry, and the instance to its newest releases.
  await delivery.client.run('verify', ended)
  const verify = (input: string, file: string, ...more: readonly string[]): BadInput => ({
    ...{ input, expectedCode: 'decide.certification-ended', expectedExit: 1, recorded: 'nothing' },
    run: () => delivery.client.run('verify', file, ...more),
  })
  return [
    verify('certification that an advisory ended', ended),
    verify('the same, its signature turned to (r, n-s), stamped and logged anew', again),
  ]
}

/**
 * Makes the same certification with another valid signature, another timestamp and another place in the log. It takes no key
 * at all: ECDSA signatures can be turned by anybody, and timestamps and log entries are given to everybody.
 */
async function logAnew(api: Api, text: string): Promise<string> {
  const { dsseEnvelope, verificationMaterial } = JSON.parse(text) as CertificationJson
  const { payloadType } = dsseEnvelope
  const payload = Uint8Array.fromBase64(dsseEnvelope.payload)
  const certificate = Uint8Array.fromBase64(verificationMaterial.certificate.rawBytes)
  const signature = turned(Uint8Array.fromBase64(dsseEnvelope.signatures[0].sig))
  const timestamps = [await stamp(api, signature)]
  const entry = await logSignature(api, sha256(pae(payloadType, payload)), signature, certificate)
  return writeStatementBundle({ certificate, payloadType, payload, signature, entry, timestamps })
}

/** (r, s) as (r, n-s), which verifies just as well. */
function turned(signature: Uint8Array): Uint8Array {
  const [r, s] = readDer(signature).children.map((part) => integerValue(part, 'part of the signature'))
  if (r === undefined || s === undefined) throw new Error('the signature is not one of ECDSA')
  return sequence(integer(r), integer(ORDER - s))
}
