import { X509Certificate } from 'node:crypto'
import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { tlsTrust } from '@countersign/local/anchors/trustedRequest.ts'
import type { CallTarget } from '@countersign/local/calls/call.ts'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { replaceFile } from '@countersign/local/files/durable.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import type { DataFolder } from '../state/dataFolder.ts'
import { stateError } from '../state/errors.ts'
import { openClientKey, readKeyPem } from './clientKey.ts'

/** What this device proves itself with. */
export interface ClientIdentity {
  readonly certificatePem: string
  readonly privateKeyPem: string
  readonly notBefore: Date
  readonly notAfter: Date
}

const MAX_CERTIFICATE_BYTES = 64 * 1024

/** Reads key and certificate. Throws `files.*`, `state.damaged`. */
export async function loadClientIdentity(folder: DataFolder): Promise<ClientIdentity> {
  const certificatePem = Buffer.from(await readBounded(folder.certificate, MAX_CERTIFICATE_BYTES)).toString()
  const leaf = readCertificate(certificatePem, folder)
  const privateKeyPem = await readKeyPem(folder)
  return { certificatePem, privateKeyPem, notBefore: leaf.validFromDate, notAfter: leaf.validToDate }
}

/** Where this device calls its instance, as itself. */
export function instanceTarget(anchors: Anchors, { certificatePem, privateKeyPem }: ClientIdentity): CallTarget {
  return { url: anchors.url, trust: { ...tlsTrust(anchors), client: { certificatePem, privateKeyPem } } }
}

/**
 * Renews the certificate under mutual TLS once a third of its life is left by `clock`; the key stays. Resolves with the one that counts
 * from now on. Throws `calls.*` and the server's codes; the old certificate stays then.
 */
export async function renewWhenDue(
  identity: ClientIdentity,
  anchors: Anchors,
  { folder, name, clock }: { readonly folder: DataFolder; readonly name: string; readonly clock: Clock },
): Promise<ClientIdentity> {
  const lifeMs = identity.notAfter.getTime() - identity.notBefore.getTime()
  if (identity.notAfter.getTime() - clock.now().getTime() > lifeMs / 3) return identity
  const { renew } = await import('@countersign/local/calls/est.ts')
  const { certificatePem } = await renew({
    url: anchors.url,
    deviceRootPem: Buffer.from(anchors.target('device_root.pem')).toString(),
    name,
    privateKey: await openClientKey(folder),
    current: identity,
    clock,
  })
  await saveCertificate(folder, certificatePem)
  return loadClientIdentity(folder)
}

/** Writes the certificate durably, in place of the one before. Throws `files.*`. */
export async function saveCertificate(folder: DataFolder, certificatePem: string): Promise<void> {
  const bytes = Buffer.from(certificatePem)
  await replaceFile(folder.certificate, bytes, { point: 'agent.certificate', mode: 0o600 })
}

function readCertificate(pem: string, { certificate }: DataFolder): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw stateError('state.damaged', `${certificate} is no certificate`, { cause })
  }
}
