import { randomBytes, sign } from 'node:crypto'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { readKeyFile } from '@countersign/platform/config/secretFiles.ts'
import type { KeyStore } from '@countersign/platform/keystore/keyStore.ts'
import { softwareKeyStore } from '@countersign/platform/keystore/softwareKeys.ts'
import { type Certificate, parseCertificate } from '@countersign/protocol/x509/certificate.ts'
import {
  authorityKeyIdentifier,
  type Extension,
  extendedKeyUsage,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from '@countersign/protocol/x509/extensions.ts'
import { writeFulcioExtensions } from '@countersign/protocol/x509/fulcio.ts'
import { EMPTY_NAME } from '@countersign/protocol/x509/name.ts'
import { assembleCertificate, writeTbsCertificate } from '@countersign/protocol/x509/writeCertificate.ts'
import { type CertifiedKey, newKey } from './signing.ts'
import { databaseOf, withDatabase } from './state.ts'

/** Opens the online keys of an instance as a thief would who has the whole machine: rows need what its own keys would sign. */
export async function openStolenKeys(folder: string, keyFile: string): Promise<KeyStore> {
  const wrap = { kind: 'key', key: await readKeyFile(keyFile) } as const
  return softwareKeyStore({ folder: `${folder}/data/keys/online`, wrap, clock: systemClock })
}

/** An identity certificate, right in everything but its issuer: the authority for devices, under the device root. */
export function certifyWithDeviceAuthority(
  keys: KeyStore,
  folder: string,
  identity: { email: string; issuer: string },
): Promise<CertifiedKey> {
  return certifyByDeviceAuthority(keys, folder, [
    extendedKeyUsage(['codeSigning']),
    subjectAltName([{ type: 'email', value: identity.email }], true),
    ...writeFulcioExtensions({ issuer: identity.issuer }),
  ])
}

/** A client certificate of the authority for devices that is on no record. */
export function certifyUnrecorded(keys: KeyStore, folder: string, uri: string): Promise<CertifiedKey> {
  return certifyByDeviceAuthority(keys, folder, [
    extendedKeyUsage(['clientAuth']),
    subjectAltName([{ type: 'uri', value: uri }], true),
  ])
}

async function certifyByDeviceAuthority(
  keys: KeyStore,
  folder: string,
  extensions: readonly Extension[],
): Promise<CertifiedKey> {
  const { privateKey, spki } = newKey()
  const issuer = readAuthority(folder, 'devices')
  const issuerKey = await keys.open('devices-1')
  const notBefore = new Date(Date.now() - 1000)
  const tbs = writeTbsCertificate({
    serial: Uint8Array.of(0x40, ...randomBytes(19)),
    issuer: issuer.subject,
    subject: EMPTY_NAME,
    notBefore,
    notAfter: new Date(notBefore.getTime() + 600_000),
    spki,
    extensions: [
      keyUsage(['digitalSignature']),
      subjectKeyIdentifier(spki),
      authorityKeyIdentifier(issuer.subjectKeyId ?? new Uint8Array()),
      ...extensions,
    ],
    signatureAlgorithm: issuerKey.signatureAlgorithm,
  })
  const certificate = assembleCertificate(tbs, issuerKey.signatureAlgorithm, await issuerKey.sign(tbs))
  return { privateKey, certificate }
}

/** A self-signed certificate of about `sizeBytes`: logs read certificates for their key alone. */
export function certificateOfSize(sizeBytes: number): CertifiedKey {
  const { privateKey, spki } = newKey()
  const names = Array.from({ length: Math.ceil(sizeBytes / 240) }, (_, at) => ({
    type: 'uri' as const,
    value: `https://example.org/${String(at).padStart(215, '0')}`,
  }))
  const now = Date.now()
  const tbs = writeTbsCertificate({
    serial: Uint8Array.of(0x40, ...randomBytes(19)),
    issuer: EMPTY_NAME,
    subject: EMPTY_NAME,
    notBefore: new Date(now - 1000),
    notAfter: new Date(now + 600_000),
    spki,
    extensions: [subjectAltName(names, true)],
    signatureAlgorithm: 'ecdsa-sha256',
  })
  const certificate = assembleCertificate(tbs, 'ecdsa-sha256', new Uint8Array(sign('sha256', tbs, privateKey)))
  return { privateKey, certificate }
}

function readAuthority(folder: string, name: string): Certificate {
  const row = withDatabase(databaseOf(folder), (database) =>
    database.prepare('SELECT certificate FROM trust_issuers WHERE name = ?').get(name),
  )
  return parseCertificate(row?.certificate as Uint8Array)
}
