/**
 * `npm run demo:check`, beside `npm run demo -- --keep`: openssl and @sigstore/verify judge what the demo left, no code of
 * ours does. Every check must pass, and must fail once one byte is changed in any of the files it reads.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { readKeptDemo } from './keptDemo.ts'

interface Check {
  readonly name: string
  /** Everything it reads, by file name. */
  readonly files: Readonly<Record<string, Uint8Array>>
  /** Where a file is changed; its middle where not given. The trusted root names authorities that one check does not use. */
  readonly changeAt?: Readonly<Record<string, number>>
  /** Whether it is as it should be, with the files in `folder`. A file that cannot be read is a failure. */
  passes(folder: string): boolean
}

interface BundleJson {
  readonly dsseEnvelope: { readonly payload: string; readonly signatures: readonly { readonly sig: string }[] }
  readonly verificationMaterial: {
    readonly certificate: { readonly rawBytes: string }
    readonly timestampVerificationData: { readonly rfc3161Timestamps: readonly { readonly signedTimestamp: string }[] }
  }
}

interface Chain {
  readonly certChain: { readonly certificates: readonly { readonly rawBytes: string }[] }
}

const demo = readKeptDemo(process.argv[2])
const trustedRootText = readFileSync(demo.trustedRoot)
const trusted = JSON.parse(trustedRootText.toString()) as Record<
  'certificateAuthorities' | 'timestampAuthorities',
  readonly Chain[]
> & { readonly tlogs: readonly { readonly publicKey: { readonly rawBytes: string } }[] }

function openssl(folder: string, ...command: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('openssl', command, { cwd: folder, encoding: 'utf8' })
  if (status === null) throw new Error('openssl could not be started')
  return `${stdout}${stderr}`
}

function pem(certificates: readonly { readonly rawBytes: string }[]): Uint8Array {
  const block = ({ rawBytes }: { readonly rawBytes: string }) =>
    `-----BEGIN CERTIFICATE-----\n${rawBytes.match(/.{1,64}/g)?.join('\n')}\n-----END CERTIFICATE-----\n`
  return Buffer.from(certificates.map(block).join(''))
}

/** Root and what is between it and the leaf, as openssl wants them. */
function anchors({ certChain: { certificates } }: Chain): Record<'root.pem' | 'between.pem', Uint8Array> {
  return { 'root.pem': pem(certificates.slice(-1)), 'between.pem': pem(certificates.slice(0, -1)) }
}

function bundleOf(file: string): BundleJson {
  return JSON.parse(readFileSync(file, 'utf8')) as BundleJson
}

function timestampCheck(version: string, bundle: BundleJson): Check {
  const [authority] = trusted.timestampAuthorities
  if (authority === undefined) throw new Error('the trusted root names no timestamp authority')
  const { signedTimestamp } = bundle.verificationMaterial.timestampVerificationData.rfc3161Timestamps[0] ?? {}
  return {
    name: `openssl ts: the certification of ${version} was signed when it says`,
    files: {
      'reply.tsr': Buffer.from(signedTimestamp ?? '', 'base64'),
      stamped: Buffer.from(bundle.dsseEnvelope.signatures[0]?.sig ?? '', 'base64'),
      ...anchors(authority),
    },
    passes: (folder) =>
      /Verification: OK/.test(
        openssl(
          folder,
          ...['ts', '-verify', '-data', 'stamped', '-in', 'reply.tsr', '-CAfile', 'root.pem'],
          ...['-untrusted', 'between.pem', '-check_ss_sig'],
        ),
      ),
  }
}

/** The authority whose chain verifies the leaf; the trusted root names one for people and one for certifications. */
function authorityOf(leaf: Uint8Array): Chain {
  const folder = mkdtempSync(path.join(tmpdir(), 'countersign-check-'))
  try {
    for (const authority of trusted.certificateAuthorities) {
      const files = { ...anchors(authority), 'leaf.pem': leaf }
      for (const [name, bytes] of Object.entries(files)) writeFileSync(path.join(folder, name), bytes)
      if (/: OK/.test(openssl(folder, ...verifyChain))) return authority
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
  throw new Error('no authority of the trusted root issued the certificate')
}

const verifyChain = [
  ...['verify', '-x509_strict', '-check_ss_sig', '-CAfile', 'root.pem', '-untrusted', 'between.pem'],
  'leaf.pem',
]

function chainCheck(version: string, leaf: Uint8Array): Check {
  return {
    name: `openssl verify: the certificate of ${version} leads to the code signing root`,
    files: { ...anchors(authorityOf(leaf)), 'leaf.pem': leaf },
    passes: (folder) => /: OK/.test(openssl(folder, ...verifyChain)),
  }
}

async function revocationCheck(version: string, leaf: Uint8Array, isRevoked: boolean): Promise<Check> {
  const said = execFileSync('openssl', ['x509', '-noout', '-ext', 'crlDistributionPoints'], { input: leaf }).toString()
  const url = /URI:(\S+)/.exec(said)?.[1]
  if (url === undefined) throw new Error(`the certificate of ${version} names no revocation list`)
  const reply = await fetch(url)
  if (!reply.ok) throw new Error(`${url} answered ${reply.status}`)
  const list = execFileSync('openssl', ['crl', '-inform', 'DER'], { input: await reply.bytes() })
  const wanted = isRevoked ? /certificate revoked/ : /: OK/
  return {
    name: `openssl verify -crl_check: the certificate of ${version} is ${isRevoked ? 'revoked' : 'not revoked'}`,
    files: { ...anchors(authorityOf(leaf)), 'leaf.pem': leaf, 'list.pem': list },
    passes: (folder) =>
      wanted.test(openssl(folder, ...verifyChain.slice(0, -1), '-crl_check', '-CRLfile', 'list.pem', 'leaf.pem')),
  }
}

function sigstoreCheck(name: string, bundle: Uint8Array, artifact: Uint8Array): Check {
  return {
    name: `@sigstore/verify: ${name}`,
    files: { 'bundle.json': bundle, artifact, 'trusted_root.json': trustedRootText },
    // In the key of the artifact log, which every bundle is proved by; its DER begins with 12 bytes that say what it is.
    changeAt: { 'trusted_root.json': trustedRootText.indexOf(trusted.tlogs[0]?.publicKey.rawBytes ?? '') + 32 },
    passes(folder) {
      const read = (file: string) => readFileSync(path.join(folder, file))
      try {
        const root = TrustedRoot.fromJSON(JSON.parse(read('trusted_root.json').toString()))
        const signed = JSON.parse(read('bundle.json').toString()) as Partial<BundleJson>
        new Verifier(toTrustMaterial(root)).verify(toSignedEntity(bundleFromJSON(signed), read('artifact')))
        return signed.dsseEnvelope === undefined || isAbout(signed.dsseEnvelope.payload, read('artifact'))
      } catch {
        return false
      }
    },
  }
}

/** @sigstore/verify leaves the comparison of a statement's subject with the artifact to its caller. */
function isAbout(payload: string, artifact: Uint8Array): boolean {
  const { subject } = JSON.parse(Buffer.from(payload, 'base64').toString()) as {
    readonly subject: readonly { readonly digest: { readonly sha256?: string } }[]
  }
  return subject.some(({ digest }) => digest.sha256 === createHash('sha256').update(artifact).digest('hex'))
}

async function allChecks(): Promise<Check[]> {
  const checks: Check[] = []
  for (const [version, { archive }] of Object.entries(demo.releases)) {
    const file = `${archive}.certification.sigstore.json`
    const certification = bundleOf(file)
    const leaf = pem([certification.verificationMaterial.certificate])
    const artifact = readFileSync(archive)
    checks.push(
      timestampCheck(version, certification),
      chainCheck(version, leaf),
      await revocationCheck(version, leaf, version === '1.1.0'),
      sigstoreCheck(`the developer’s signature of ${version}`, readFileSync(`${archive}.sigstore.json`), artifact),
      sigstoreCheck(`the validator’s certification of ${version}`, readFileSync(file), artifact),
    )
  }
  return checks
}

/** The same bytes with one changed. */
function flip(bytes: Uint8Array, at = Math.floor(bytes.length / 2)): Uint8Array {
  return bytes.map((byte, here) => (here === at ? byte ^ 1 : byte))
}

/** Runs one check in a folder of its own, with one of its files changed where `changed` names it. */
function judge(check: Check, changed?: string): boolean {
  const folder = mkdtempSync(path.join(tmpdir(), 'countersign-check-'))
  try {
    for (const [name, bytes] of Object.entries(check.files)) {
      writeFileSync(path.join(folder, name), name === changed ? flip(bytes, check.changeAt?.[name]) : bytes)
    }
    return check.passes(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

let failures = 0
function say(isGood: boolean, what: string): void {
  if (!isGood) failures++
  console.log(`${isGood ? 'ok    ' : 'FAILED'}  ${what}`)
}

let changes = 0
for (const check of await allChecks()) {
  say(judge(check), check.name)
  for (const name of Object.keys(check.files)) {
    changes++
    if (judge(check, name)) say(false, `${check.name}: still passes with one byte of ${name} changed`)
  }
}
const isGone = spawnSync('kill', ['-0', String(demo.endedPid)]).status !== 0
say(isGone, `the process of 1.1.0 (${demo.endedPid}) is gone`)
const answer = await (await fetch(`${demo.front}/version.txt`)).text()
say(answer.trim() === 'files 1.2.0', `${demo.front} answers as 1.2.0`)
console.log(`${changes} changed bytes, each turned its check red: ${failures === 0 ? 'yes' : 'see above'}`)
process.exitCode = failures === 0 ? 0 : 1
