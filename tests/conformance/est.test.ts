/** strongSwan's EST client enrols and renews with the server's own authority. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { parseCertificate } from '@countersign/protocol/x509/certificate.ts'
import { parseCertificateRequest } from '@countersign/protocol/x509/csr.ts'
import { type FleetFixture, openFleetFixture, secretFor } from 'countersign-server/fleet/fleetFixture.ts'

let fixture: FleetFixture
let folder: string

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'est-conformance-'))
  fixture = await openFleetFixture(new Date())
  writeFileSync(path.join(folder, 'root.pem'), fixture.deviceRootPem)
})

after(async () => {
  await fixture.close()
  rmSync(folder, { recursive: true })
})

/** What strongSwan's `pki` answers; fails where it is not installed. The server runs in this process, so it must not block. */
async function pki(...args: readonly string[]): Promise<{ code: number | null; out: Buffer; said: string }> {
  const run = spawn('pki', args, { cwd: folder })
  const [out, said]: [Buffer[], Buffer[]] = [[], []]
  run.stdout.on('data', (piece) => out.push(piece))
  run.stderr.on('data', (piece) => said.push(piece))
  const code = await new Promise<number | null>((resolve, reject) => {
    run.once('error', () => reject(new Error('strongSwan pki must be installed; .ci/run names the packages')))
    run.once('close', resolve)
  })
  return { code, out: Buffer.concat(out), said: Buffer.concat(said).toString() }
}

async function made(name: string, ...args: readonly string[]): Promise<Buffer> {
  const { code, out, said } = await pki(...args)
  assert.equal(code, 0, said)
  writeFileSync(path.join(folder, name), out)
  return out
}

async function newRequest(name: string): Promise<void> {
  await made(`${name}.key`, '--gen', '--type', 'ecdsa', '--size', '256')
  await made(`${name}.csr`, '--req', '--in', `${name}.key`, '--type', 'ecdsa', '--dn', `CN=${name}`)
}

test('strongSwan enrols with a ticket’s secret and renews with the certificate that it got', async () => {
  const secret = await secretFor(fixture.fleet, 'front')
  await newRequest('front')
  const est = ['--est', '--url', fixture.url, '--cacert', 'root.pem']
  const first = await made('front.crt', ...est, '--in', 'front.csr', '--userpass', `front:${secret}`)
  const certificate = parseCertificate(new Uint8Array(first))
  assert.deepEqual(certificate.subjectAltNames, [
    { type: 'uri', value: `${fixture.fleet.facts.publicUrl}/devices/front` },
  ])
  const asked = parseCertificateRequest(new Uint8Array(readFileSync(path.join(folder, 'front.csr'))))
  assert.deepEqual(certificate.spki, asked.spki)

  await newRequest('next')
  const renewing = [...est, '--in', 'next.csr', '--cert', 'front.crt', '--key', 'front.key']
  const next = parseCertificate(new Uint8Array(await made('next.crt', ...renewing)))
  assert.deepEqual(next.subjectAltNames, certificate.subjectAltNames)
  assert.notEqual(next.serialHex, certificate.serialHex)
})

test('strongSwan gets the CA certificates', async () => {
  const { code, said } = await pki(
    '--estca',
    '--url',
    fixture.url,
    '--cacert',
    'root.pem',
    '--caout',
    'ca.pem',
    '--outform',
    'pem',
    '--force',
  )
  assert.equal(code, 0, said)
})

test('strongSwan is refused with a secret that was used with another key', async () => {
  const secret = await secretFor(fixture.fleet, 'side')
  await newRequest('side')
  await newRequest('thief')
  const est = ['--est', '--url', fixture.url, '--cacert', 'root.pem', '--userpass', `side:${secret}`]
  await made('side.crt', ...est, '--in', 'side.csr')
  assert.notEqual((await pki(...est, '--in', 'thief.csr')).code, 0)
})
