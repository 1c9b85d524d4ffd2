/**
 * Makes documents.json anew with openssl: certificates, a request and a list that we did not write. Run it by hand:
 * `node tests/vectors/x509/makeVectors.ts`. The table in x509.test.ts names only what stays the same then.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const folder = mkdtempSync(path.join(tmpdir(), 'x509-vectors-'))

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
}

const config = `
[ca]
default_ca = any
[any]
database = index.txt
crlnumber = crlnumber
default_md = sha256
[req]
distinguished_name = name
string_mask = utf8only
[name]
[issuer]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
extendedKeyUsage = codeSigning
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[leaf]
keyUsage = critical,digitalSignature
extendedKeyUsage = codeSigning
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = critical,email:dev@example.com,URI:https://example.com/a,DNS:example.com,IP:192.0.2.1,IP:2001:db8::1,otherName:1.3.6.1.4.1.57264.1.7;UTF8:jens
crlDistributionPoints = URI:http://example.com/1.crl
authorityInfoAccess = caIssuers;URI:http://example.com/1.cer
1.3.6.1.4.1.57264.1.8 = ASN1:UTF8:https://example.com/oidc
[list]
authorityKeyIdentifier = keyid
issuingDistributionPoint = critical,@point
[point]
fullname = URI:http://example.com/1.crl
onlyuser = TRUE
`
writeFileSync(path.join(folder, 'a.cnf'), config)
openssl('ecparam', '-name', 'secp384r1', '-genkey', '-noout', '-out', 'root.key')
openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'issuer.key')
openssl('genpkey', '-algorithm', 'rsa', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', 'leaf.key')
openssl(
  'req',
  '-config',
  'a.cnf',
  '-x509',
  '-new',
  '-key',
  'root.key',
  '-sha384',
  '-days',
  '7300',
  '-subj',
  '/O=Vectors/CN=Root ü',
  '-utf8',
  '-addext',
  'basicConstraints=critical,CA:TRUE',
  '-addext',
  'keyUsage=critical,keyCertSign,cRLSign',
  '-addext',
  'subjectKeyIdentifier=hash',
  '-outform',
  'DER',
  '-out',
  'root.der',
)
openssl('x509', '-in', 'root.der', '-inform', 'DER', '-out', 'root.pem')
for (const [name, above, subject] of [
  ['issuer', 'root', '/C=DE/O=Vectors/OU=development/CN=Issuer, first'],
  ['leaf', 'issuer', '/CN=leaf'],
] as const) {
  openssl(
    'req',
    '-config',
    'a.cnf',
    '-new',
    '-key',
    `${name}.key`,
    '-subj',
    subject,
    '-addext',
    'subjectAltName=DNS:asked.example',
    '-outform',
    'DER',
    '-out',
    `${name}.csr`,
  )
  openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    '-inform',
    'DER',
    '-CA',
    `${above}.pem`,
    '-CAkey',
    `${above}.key`,
    '-extfile',
    'a.cnf',
    '-extensions',
    name,
    '-days',
    '3650',
    '-sha384',
    '-outform',
    'DER',
    '-out',
    `${name}.der`,
  )
  openssl('x509', '-in', `${name}.der`, '-inform', 'DER', '-out', `${name}.pem`)
}
writeFileSync(
  path.join(folder, 'index.txt'),
  'R\t360101000000Z\t260102030405Z,keyTime,20260101000000Z\t80FF01\tunknown\t/CN=gone\n',
)
writeFileSync(path.join(folder, 'crlnumber'), '1234ABCD\n')
openssl(
  'ca',
  '-config',
  'a.cnf',
  '-gencrl',
  '-keyfile',
  'issuer.key',
  '-cert',
  'issuer.pem',
  '-crlexts',
  'list',
  '-crlhours',
  '24',
  '-out',
  'list.pem',
)
openssl('crl', '-in', 'list.pem', '-outform', 'DER', '-out', 'list.der')
const names = ['root.der', 'issuer.der', 'leaf.der', 'leaf.csr', 'list.der']
const documents = Object.fromEntries(
  names.map((name) => [name, readFileSync(path.join(folder, name)).toString('base64')]),
)
writeFileSync(new URL('documents.json', import.meta.url), `${JSON.stringify(documents, null, 2)}\n`)
rmSync(folder, { recursive: true })
