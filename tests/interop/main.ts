/**
 * `npm run test:interop`: other people's programs sign to, verify from and rebuild a running instance. Installs them itself.
 * Prints tables; ends with status 1 unless every announced cell ran and passed.
 */
import path from 'node:path'
import { installTrust } from '../support/installTrust.ts'
import { logIn } from '../support/logIn.ts'
import { PageVisitor } from '../support/pageVisitor.ts'
import { redeemInvitation } from '../support/people.ts'
import { startInstance } from '../support/startInstance.ts'
import { inTemporaryFolder } from '../support/temporaryFolder.ts'
import { judgeCertifications } from './certification.ts'
import { bundleOf, crossVerify } from './crossVerify.ts'
import { checkLog, fsckColumns, logsOf } from './fsck.ts'
import { withHostName } from './hostName.ts'
import { installJudges, type Judges } from './installJudges.ts'
import { Matrix } from './matrix.ts'
import { judgeByOpenssl, opensslColumns, opensslRows } from './openssl.ts'
import { judgeEnrolment, strongSwanColumns, strongSwanRows } from './strongSwan.ts'

const email = 'interop@example.org'

async function judge(judges: Judges, hostName: string, folder: string): Promise<Matrix[]> {
  console.log(`starting an instance on ${hostName}`)
  const instance = await startInstance({ dataFolder: path.join(folder, 'data'), hostName, validator: true })
  try {
    const trust = await installTrust(instance, folder)
    const browser = new PageVisitor(trust.ca)
    await redeemInvitation(browser, await instance.admin('people', 'invite', email))
    await logIn(trust, browser)

    const setting = { judges, trust, browser, email }
    const matrices = [
      ...(await crossVerify(setting, 'blob', folder)),
      ...(await crossVerify(setting, 'statement', folder)),
    ]
    console.log('  openssl verifies timestamps, chains and revocation lists')
    const openssl = new Matrix('openssl', opensslRows, opensslColumns)
    await judgeByOpenssl({ trust, folder }, bundleOf(folder, 'blob', 'countersign'), openssl)
    console.log('  strongSwan enrols as a device')
    const enrolment = new Matrix('strongSwan pki (EST)', strongSwanRows, strongSwanColumns)
    await judgeEnrolment({ trust, folder, instance }, enrolment)
    const certifications = await judgeCertifications({ judges, trust }, instance, folder)

    const logs = logsOf(trust)
    const names = logs.map(({ name }) => name)
    const fsck = new Matrix('fsck (certificates: TesseraCT; the others: Tessera)', names, fsckColumns)
    for (const log of logs) {
      console.log(`  fsck rebuilds the log ${log.name}`)
      await checkLog({ judges, trust, folder }, log, fsck)
    }
    await instance.stop()
    return [...matrices, openssl, enrolment, ...certifications, fsck]
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
