import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parseTicket } from '@countersign/protocol/api/ticket.ts'
import type { InstalledTrust } from '../support/installTrust.ts'
import { mustRun, type RunResult, runProgram } from '../support/runProgram.ts'
import type { Instance } from '../support/startInstance.ts'
import type { Matrix } from './matrix.ts'

/** A running instance, and who trusts it. */
export interface EnrolmentSetting {
  readonly trust: InstalledTrust
  readonly folder: string
  readonly instance: Instance
}

/** The rows and columns of the table. */
export const strongSwanRows = ['device']
export const strongSwanColumns = ['CA certificates', 'enrolled', 'renewed', 'used secret refused']

/** Has strongSwan's `pki` enrol as a device by EST (RFC 7030) with a ticket's secret, and renew under mutual TLS. */
export async function judgeEnrolment(setting: EnrolmentSetting, matrix: Matrix): Promise<void> {
  const { trust, folder, instance } = setting
  const { ticket } = await instance.admin<{ ticket: string }>('devices', 'ticket', 'pump', '--group', 'shop')
  const { secret } = parseTicket(ticket)
  const at = ['--url', trust.anchors.url, '--cacert', trust.files.deviceRoot]
  const pki = (command: string) => runProgram(['/bin/sh', '-c', command], { cwd: folder })
  const est = (request: string, more: string, out: string) =>
    pki(`pki --est ${at.join(' ')} --in ${request} ${more} > ${out}`)

  await matrix.fill('device', 'CA certificates', async () => {
    expectDone(await pki(`pki --estca ${at.join(' ')} --caout est-ca.pem --outform pem --force`))
  })
  for (const name of ['pump', 'next', 'thief']) {
    const made = `pki --gen --type ecdsa --size 256 > ${name}.key`
    expectDone(await pki(`${made} && pki --req --in ${name}.key --type ecdsa --dn CN=${name} > ${name}.csr`))
  }
  await matrix.fill('device', 'enrolled', async () => {
    expectDone(await est('pump.csr', `--userpass pump:${secret}`, 'pump.crt'))
    await expectName(setting, 'pump.crt')
  })
  await matrix.fill('device', 'renewed', async () => {
    expectDone(await est('next.csr', '--cert pump.crt --key pump.key', 'next.crt'))
    await expectName(setting, 'next.crt')
    const [first, second] = ['pump.crt', 'next.crt'].map((name) => readFileSync(path.join(folder, name)))
    if (first?.equals(second ?? Buffer.alloc(0))) throw new Error('the renewed certificate is the old one')
  })
  await matrix.fill('device', 'used secret refused', async () => {
    const { status, stderr } = await est('thief.csr', `--userpass pump:${secret}`, 'thief.crt')
    if (status === 0 || !/EST request failed: HTTP 40[13]/.test(stderr)) throw new Error(`not refused: ${stderr}`)
  })
}

function expectDone({ status, stderr }: RunResult): void {
  if (status === 127) throw new Error('strongSwan pki is missing; .ci/run names the packages')
  if (status !== 0) throw new Error(`exit status ${status}: ${stderr}`)
}

/** openssl reads whose certificate it is. */
async function expectName({ trust, folder }: EnrolmentSetting, file: string): Promise<void> {
  const command = ['openssl', 'x509', '-inform', 'DER', '-in', file, '-noout', '-ext', 'subjectAltName']
  const { stdout } = await mustRun(command, { cwd: folder })
  if (!stdout.includes(`URI:${trust.anchors.url}/devices/pump`)) throw new Error(`it is for another: ${stdout}`)
}
