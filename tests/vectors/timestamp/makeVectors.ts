/**
 * Makes documents.json anew with openssl: a timestamp authority, requests and answers that we did not write. Run it by
 * hand: `node tests/vectors/timestamp/makeVectors.ts`. The table in timestamp.test.ts names only what stays the same.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const folder = mkdtempSync(path.join(tmpdir(), 'timestamp-vectors-'))

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
}

const config = `
[req]
distinguished_name = name
[name]
[leaf]
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa]
default_tsa = any
[any]
serial = serial
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
`
writeFileSync(path.join(folder, 'a.cnf'), config)
writeFileSync(path.join(folder, 'serial'), '0A\n')
writeFileSync(path.join(folder, 'stamped.txt'), 'stamped bytes\n')
openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'root.key')
openssl(
  'req',
  '-config',
  'a.cnf',
  '-x509',
  '-new',
  '-key',
  'root.key',
  '-days',
  '7300',
  '-subj',
  '/CN=Root',
  '-addext',
  'basicConstraints=critical,CA:TRUE',
  '-addext',
  'subjectKeyIdentifier=hash',
  '-out',
  'root.pem',
)
for (const name of ['ec', 'rsa']) {
  if (name === 'ec') openssl('ecparam', '-name', 'secp384r1', '-genkey', '-noout', '-out', 'ec.key')
  else openssl('genpkey', '-algorithm', 'rsa', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', 'rsa.key')
  openssl('req', '-config', 'a.cnf', '-new', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-out', `${name}.csr`)
  openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    '-CA',
    'root.pem',
    '-CAkey',
    'root.key',
    '-extfile',
    'a.cnf',
    '-extensions',
    'leaf',
    '-days',
    '3650',
    '-out',
    `${name}.pem`,
  )
}
const answers = [
  ['ec-sha256', 'ec', '-sha256', '-cert'],
  ['ec-sha384', 'ec', '-sha384', '-no_nonce'],
  ['rsa-sha512', 'rsa', '-sha512', '-cert'],
  ['refused', 'ec', '-sha1'],
] as const
for (const [name, key, ...options] of answers) {
  openssl('ts', '-query', '-data', 'stamped.txt', ...options, '-out', `${name}.tsq`)
  openssl(
    'ts',
    '-reply',
    '-config',
    'a.cnf',
    '-queryfile',
    `${name}.tsq`,
    '-inkey',
    `${key}.key`,
    '-signer',
    `${key}.pem`,
    '-out',
    `${name}.tsr`,
  )
}
const documents: Record<string, string> = {}
for (const [name] of answers) {
  for (const kind of ['tsq', 'tsr']) {
    documents[`${name}.${kind}`] = readFileSync(path.join(folder, `${name}.${kind}`)).toString('base64')
  }
}
for (const name of ['root.pem', 'ec.pem', 'rsa.pem']) documents[name] = readFileSync(path.join(folder, name), 'utf8')
writeFileSync(new URL('documents.json', import.meta.url), `${JSON.stringify(documents, null, 2)}\n`)
rmSync(folder, { recursive: true })
