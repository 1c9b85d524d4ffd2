import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, globSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** A publisher of advisories on the network. */
export interface AdvisorySource {
  /** The address of the zip file. */
  readonly url: string
  /** PEM file of the authority that vouches for the publisher's host name. */
  readonly authorityFile: string
  readonly records: number
  close(): void
}

const records = path.join(import.meta.dirname, '..', 'demo', 'advisories', '*', '*.json')
const PYTHON = 'python3'

/** Publishes our records as an ordinary zip of OSV, without any mark, on the machine behind `namespace`. */
export async function publishAdvisories(namespace: string, hostName: string, folder: string): Promise<AdvisorySource> {
  mkdirSync(folder)
  const names = globSync(records).map((file) => {
    const name = path.basename(file)
    copyFileSync(file, path.join(folder, name))
    return name
  })
  execFileSync(PYTHON, ['-m', 'zipfile', '-c', 'all.zip', ...names], { cwd: folder })
  makeCertificate(hostName, folder)
  const script = path.join(import.meta.dirname, 'advisorySource.ts')
  const server = spawn('ip', ['netns', 'exec', namespace, process.execPath, script, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [said] = await Promise.race([once(server.stdout, 'data'), once(server, 'exit')])
  if (!Buffer.isBuffer(said)) throw new Error(`the publisher of the advisories ended with ${said}`)
  return {
    url: `https://${hostName}/npm/all.zip`,
    authorityFile: path.join(folder, 'authority.pem'),
    records: names.length,
    close: () => void server.kill(),
  }
}

/** A web server's certificate by an authority of its own, as a company's mirror has it. */
function makeCertificate(hostName: string, folder: string): void {
  const openssl = (...command: string[]) => execFileSync('openssl', command, { cwd: folder, stdio: 'pipe' })
  const newKey = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl(
    ...[...newKey, '-x509', '-days', '2', '-subj', '/CN=Authority of a mirror'],
    ...['-keyout', 'authority.key', '-out', 'authority.pem'],
  )
  openssl(...newKey, '-subj', `/CN=${hostName}`, '-keyout', 'tls.key', '-out', 'tls.csr')
  writeFileSync(path.join(folder, 'tls.ext'), `subjectAltName=DNS:${hostName}\n`)
  openssl(
    ...['x509', '-req', '-in', 'tls.csr', '-days', '1', '-CA', 'authority.pem', '-CAkey', 'authority.key'],
    ...['-CAcreateserial', '-extfile', 'tls.ext', '-out', 'tls.pem'],
  )
}
