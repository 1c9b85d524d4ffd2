/**
 * `npm run test:interop`: other people's programs sign to, verify from and rebuild a running instance. Installs them itself.
 * Prints tables; ends with status 1 unless every announced cell ran and passed.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { installTrust } from '../support/installTrust.ts'
import { logIn } from '../support/logIn.ts'
import { PageVisitor } from '../support/pageVisitor.ts'
import { redeemInvitation } from '../support/people.ts'
import { startInstance } from '../support/startInstance.ts'
import { inTemporaryFolder } from '../support/temporaryFolder.ts'
import { type ClientSetting, type SigningClient, signingClients } from './clients.ts'
import { checkLog, fsckColumns, logsOf } from './fsck.ts'
import { withHostName } from './hostName.ts'
import { installJudges, type Judges } from './installJudges.ts'
import { Matrix } from './matrix.ts'
import { judgeByOpenssl, opensslColumns, opensslRows } from './openssl.ts'

const email = 'interop@example.org'

/** Signs one file per client, then lets every client verify every bundle, whole and with one byte changed. */
async function signAndVerify(setting: ClientSetting, folder: string): Promise<Matrix[]> {
  const clients = signingClients(setting)
  const names = clients.map(({ name }) => name)
  const signed = new Matrix('signs to the instance', names, ['signed'])
  const accepted = new Matrix('verifies the bundle of … (rows verify, columns signed)', names, names)
  const changedFile = new Matrix('refuses it when one byte of the file is changed', names, names)
  const changedBundle = new Matrix('refuses it when one byte of the signature is changed', names, names)
  for (const signer of clients) {
    const file = path.join(folder, `signed-by-${signer.name}.bin`)
    writeFileSync(file, `signed by ${signer.name}\n`)
    await signed.fill(signer.name, 'signed', () => signer.sign(file, bundleOf(file)))
    writeChanged(file)
    for (const verifier of clients) {
      console.log(`  ${verifier.name} verifies what ${signer.name} signed`)
      const isAccepted = await accepted.fill(verifier.name, signer.name, () => accepts(verifier, file, bundleOf(file)))
      // Who does not even accept the whole one shows nothing by refusing a changed one.
      if (!isAccepted) continue
      await changedFile.fill(verifier.name, signer.name, () => refuses(verifier, `${file}.changed`, bundleOf(file)))
      await changedBundle.fill(verifier.name, signer.name, () =>
        refuses(verifier, file, `${file}.changed.sigstore.json`),
      )
    }
  }
  return [signed, accepted, changedFile, changedBundle]
}

function bundleOf(file: string): string {
  return `${file}.sigstore.json`
}

/** Beside a signed file and its bundle, writes each again with one byte changed. */
function writeChanged(file: string): void {
  const bytes = readFileSync(file)
  bytes[0] = (bytes[0] ?? 0) ^ 1
  writeFileSync(`${file}.changed`, bytes)
  const bundle = JSON.parse(readFileSync(bundleOf(file), 'utf8'))
  const signature = Uint8Array.fromBase64(bundle.messageSignature.signature)
  // A byte of the first number, so that the encoding stays right and only the signature is wrong.
  signature[12] = (signature[12] ?? 0) ^ 1
  bundle.messageSignature.signature = signature.toBase64()
  writeFileSync(`${file}.changed.sigstore.json`, JSON.stringify(bundle))
}

async function accepts(verifier: SigningClient, file: string, bundle: string): Promise<void> {
  const { status, stdout, stderr } = await verifier.verify(file, bundle)
  if (status !== 0) throw new Error(`exit status ${status}: ${stdout}${stderr}`)
}

async function refuses(verifier: SigningClient, file: string, bundle: string): Promise<void> {
  const answer = await verifier.verify(file, bundle)
  if (!verifier.isRefusal(answer)) throw new Error(`exit status ${answer.status}: ${answer.stdout}${answer.stderr}`)
}

async function judge(judges: Judges, hostName: string, folder: string): Promise<Matrix[]> {
  console.log(`starting an instance on ${hostName}`)
  const instance = await startInstance({ dataFolder: path.join(folder, 'data'), hostName })
  try {
    const trust = await installTrust(instance, folder)
    const browser = new PageVisitor(trust.ca)
    await redeemInvitation(browser, await instance.admin('people', 'invite', email))
    await logIn(trust, browser)

    const matrices = await signAndVerify({ judges, trust, browser, email }, folder)
    console.log('  openssl verifies timestamps, chains and revocation lists')
    const openssl = new Matrix('openssl', opensslRows, opensslColumns)
    const bundle = bundleOf(path.join(folder, 'signed-by-countersign.bin'))
    await judgeByOpenssl({ trust, folder, bundle }, openssl)

    const logs = logsOf(trust)
    const names = logs.map(({ name }) => name)
    const fsck = new Matrix('fsck (certificates: TesseraCT; the others: Tessera)', names, fsckColumns)
    for (const log of logs) {
      console.log(`  fsck rebuilds the log ${log.name}`)
      await checkLog({ judges, trust, folder }, log, fsck)
    }
    await instance.stop()
    return [...matrices, openssl, fsck]
  } finally {
    await instance.kill()
  }
}

const judges = await installJudges()
const matrices = await withHostName('sign.countersign.test', (hostName) =>
  inTemporaryFolder('countersign-interop-', (folder) => judge(judges, hostName, folder)),
)
console.log(`\n${judges.report.join('\n')}`)
for (const matrix of matrices) console.log(`\n${matrix}`)
const cells = matrices.flatMap((matrix) => matrix.cells().map((cell) => ({ ...cell, title: matrix.title })))
const failed = cells.filter((cell) => !cell.passed)
for (const { title, row, column, detail } of failed) console.log(`\nFAILED ${title}: ${row} × ${column}\n${detail}`)
console.log(`\ninterop: cells ${cells.length}, passed ${cells.length - failed.length}`)
process.exitCode = failed.length === 0 ? 0 : 1
