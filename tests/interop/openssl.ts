import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import {
  type Certificate,
  parseCertificate,
  parsePemCertificates,
  toPem,
} from '@countersign/protocol/x509/certificate.ts'
import { callInstance } from '../support/callInstance.ts'
import type { InstalledTrust } from '../support/installTrust.ts'
import { mustRun, type RunResult, runProgram } from '../support/runProgram.ts'
import type { Matrix } from './matrix.ts'

/** What openssl judges. */
export interface OpensslSetting {
  readonly trust: InstalledTrust
  readonly folder: string
}

/** The rows and columns of the table. */
export const opensslRows = ['timestamp of the bundle', 'timestamp of its own request', 'chain', 'revocation lists']
export const opensslColumns = ['accepted', 'changed byte refused']

/**
 * Has openssl verify timestamps, chains and revocation lists, and refuse each with one byte changed. `signed` is a bundle
 * that somebody signed just now; its certificate is still valid.
 */
export async function judgeByOpenssl(setting: OpensslSetting, signed: string, matrix: Matrix): Promise<void> {
  const bundle: BundleJson = JSON.parse(readFileSync(signed, 'utf8'))
  await timestampOfBundle(setting, bundle, matrix)
  await timestampOfRequest(setting, matrix)
  await judgeCertificate(setting, leafOf(bundle), matrix)
}

/** The rows about one certificate, in a table of any name. */
export const certificateRows = ['chain', 'revocation lists']

/** The certificate with whose key a bundle is signed. */
export function leafOf({ verificationMaterial }: BundleJson): Certificate {
  return parseCertificate(fromBase64(verificationMaterial.certificate.rawBytes))
}

/** Asks openssl about a certificate with the newest revocation lists; rejects unless it says what is expected. */
export async function expectOnLists(
  setting: OpensslSetting,
  leaf: Certificate,
  expected: 'revoked' | 'not revoked',
): Promise<void> {
  const { chain, verify } = openChain(setting, leaf)
  const lists = await revocationLists(setting, [leaf, ...chain.slice(0, -1)])
  const answer = await verify(leaf.raw, withLists(lists.map((list) => list.good)))
  if (expected === 'revoked') refuse(answer, /certificate revoked/)
  else accept(answer, /: OK/)
}

async function timestampOfBundle(setting: OpensslSetting, bundle: BundleJson, matrix: Matrix): Promise<void> {
  const stamped = fromBase64(bundle.messageSignature.signature)
  const { signedTimestamp } = bundle.verificationMaterial.timestampVerificationData.rfc3161Timestamps[0] ?? {
    signedTimestamp: '',
  }
  const reply = keep(setting, 'bundle.tsr', fromBase64(signedTimestamp))
  const verify = (data: Uint8Array) =>
    openssl(setting, ['ts', '-verify', '-data', keep(setting, 'stamped', data), '-in', reply, ...stampAnchors(setting)])
  await matrix.fill('timestamp of the bundle', 'accepted', async () =>
    accept(await verify(stamped), /Verification: OK/),
  )
  await matrix.fill('timestamp of the bundle', 'changed byte refused', async () =>
    refuse(await verify(flip(stamped)), /message imprint mismatch/),
  )
}

async function timestampOfRequest(setting: OpensslSetting, matrix: Matrix): Promise<void> {
  const data = keep(setting, 'stamp-me', Buffer.from('stamped at the wish of openssl'))
  const query = path.join(setting.folder, 'query.tsq')
  await mustRun(['openssl', 'ts', '-query', '-data', data, '-sha512', '-cert', '-out', query])
  const { url } = setting.trust.anchors
  const headers = { 'content-type': 'application/timestamp-query' }
  const answer = await callInstance(`${url}/api/v1/timestamp`, {
    body: readFileSync(query),
    headers,
    ca: setting.trust.ca,
  })
  const verify = (bytes: Uint8Array) => {
    const reply = keep(setting, 'reply.tsr', bytes)
    return openssl(setting, ['ts', '-verify', '-queryfile', query, '-in', reply, ...stampAnchors(setting)])
  }
  await matrix.fill('timestamp of its own request', 'accepted', async () => {
    if (answer.status !== 200) throw new Error(`the timestamp authority answered ${answer.status}`)
    accept(await verify(answer.bytes), /Verification: OK/)
  })
  await matrix.fill('timestamp of its own request', 'changed byte refused', async () =>
    refuse(await verify(flipLast(answer.bytes)), /Verification: FAILED/),
  )
}

/** How openssl is asked about a certificate, with everything between it and the root. */
function openChain(setting: OpensslSetting, leaf: Certificate) {
  const authority = trustedRoot(setting).certificateAuthorities.find(({ certChain }) =>
    Buffer.from(leaf.issuer).equals(parseCertificate(firstOf(certChain)).subject),
  )
  if (authority === undefined) throw new Error('no authority of the trusted root issued the certificate')
  const chain = authority.certChain.certificates.map(({ rawBytes }) => parseCertificate(fromBase64(rawBytes)))
  const anchors = [
    ...['-x509_strict', '-CAfile', keepPem(setting, 'root.pem', chain.slice(-1))],
    ...['-untrusted', keepPem(setting, 'issuing.pem', chain.slice(0, -1))],
  ]
  const verify = (what: Uint8Array, more: readonly string[] = []) =>
    openssl(setting, ['verify', ...more, ...anchors, keep(setting, 'leaf.pem', Buffer.from(toPem(what)))])
  return { chain, verify }
}

function withLists(files: readonly string[]): string[] {
  return ['-crl_check_all', ...files.flatMap((file) => ['-CRLfile', file])]
}

/** Has openssl verify a certificate that is not revoked, its chain and every list, and refuse each with one byte changed. */
export async function judgeCertificate(setting: OpensslSetting, leaf: Certificate, matrix: Matrix): Promise<void> {
  const { chain, verify } = openChain(setting, leaf)
  await matrix.fill('chain', 'accepted', async () => accept(await verify(leaf.raw), /: OK/))
  await matrix.fill('chain', 'changed byte refused', async () =>
    refuse(await verify(flipLast(leaf.raw)), /signature failure/),
  )

  const lists = await revocationLists(setting, [leaf, ...chain.slice(0, -1)])
  await matrix.fill('revocation lists', 'accepted', async () => {
    refuse(await verify(leaf.raw, withLists([])), /unable to get certificate CRL/)
    accept(await verify(leaf.raw, withLists(lists.map((list) => list.good))), /: OK/)
  })
  await matrix.fill('revocation lists', 'changed byte refused', async () => {
    for (const list of lists) {
      const files = lists.map((other) => (other === list ? other.bad : other.good))
      refuse(await verify(leaf.raw, withLists(files)), /CRL signature failure/)
    }
  })
}

/** The list that each certificate names, fetched from the address in it, and again with its last byte changed. */
function revocationLists(
  setting: OpensslSetting,
  certificates: readonly Certificate[],
): Promise<{ good: string; bad: string }[]> {
  return Promise.all(
    certificates.map(async ({ crlUrls, subjectText }, at) => {
      const [url] = crlUrls
      if (url === undefined) throw new Error(`no revocation list in the certificate of "${subjectText}"`)
      const { status, bytes } = await callInstance(url)
      if (status !== 200) throw new Error(`${url} answered ${status}`)
      const asPem = async (name: string, der: Uint8Array) => {
        const out = path.join(setting.folder, `${name}.pem`)
        await mustRun(['openssl', 'crl', '-inform', 'DER', '-in', keep(setting, `${name}.crl`, der), '-out', out])
        return out
      }
      return { good: await asPem(`list-${at}`, bytes), bad: await asPem(`list-${at}-changed`, flipLast(bytes)) }
    }),
  )
}

interface ChainJson {
  readonly certChain: { readonly certificates: readonly { readonly rawBytes: string }[] }
}

interface BundleJson {
  readonly messageSignature: { readonly signature: string }
  readonly verificationMaterial: {
    readonly certificate: { readonly rawBytes: string }
    readonly timestampVerificationData: { readonly rfc3161Timestamps: readonly { readonly signedTimestamp: string }[] }
  }
}

function trustedRoot(setting: OpensslSetting): Record<'certificateAuthorities' | 'timestampAuthorities', ChainJson[]> {
  return JSON.parse(readFileSync(setting.trust.files.trustedRoot, 'utf8'))
}

function firstOf(chain: ChainJson['certChain']): Uint8Array {
  return fromBase64(chain.certificates[0]?.rawBytes ?? '')
}

function stampAnchors(setting: OpensslSetting): string[] {
  const chains = trustedRoot(setting).timestampAuthorities.map(({ certChain }) =>
    certChain.certificates.map(({ rawBytes }) => parseCertificate(fromBase64(rawBytes))),
  )
  const roots = chains.flatMap((chain) => chain.slice(-1))
  const others = chains.flatMap((chain) => chain.slice(0, -1))
  return [
    '-CAfile',
    keepPem(setting, 'stamp-root.pem', roots),
    '-untrusted',
    keepPem(setting, 'stamp-chain.pem', others),
  ]
}

function openssl(setting: OpensslSetting, command: readonly string[]): Promise<RunResult> {
  return runProgram(['openssl', ...command], { cwd: setting.folder })
}

function accept({ status, stdout, stderr }: RunResult, says: RegExp): void {
  if (status !== 0 || !says.test(stdout + stderr)) throw new Error(`not accepted: ${stdout}${stderr}`)
}

function refuse({ status, stdout, stderr }: RunResult, says: RegExp): void {
  if (status === 0 || !says.test(stdout + stderr)) throw new Error(`not refused as expected: ${stdout}${stderr}`)
}

function keep(setting: OpensslSetting, name: string, bytes: Uint8Array): string {
  const file = path.join(setting.folder, name)
  writeFileSync(file, bytes)
  return file
}

function keepPem(setting: OpensslSetting, name: string, certificates: readonly Certificate[]): string {
  const pem = certificates.map(({ raw }) => toPem(raw)).join('')
  if (parsePemCertificates(pem).length !== certificates.length) throw new Error(`${name} is not what was written`)
  return keep(setting, name, Buffer.from(pem))
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.fromBase64(text)
}

/** The same bytes with one changed in the middle. */
function flip(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, at) => (at === Math.floor(bytes.length / 2) ? byte ^ 1 : byte))
}

/** The same bytes with the last one changed, which in a certificate, list or timestamp belongs to the signature. */
function flipLast(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte))
}
