import type { KeyStore, SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import type { AuditTrail } from '../account/audit/auditTrail.ts'

/**
 * Keys that sign all the time; each gets one audit entry per interval. Every other key is loud: one entry per use, in the
 * log before the signature is made. The audit log's own key causes none, and neither do the heartbeat's signatures on that
 * log, which are made by the key as the store opens it.
 */
const CONTINUOUS =
  /^(log-(artifacts|certificates|revocations)(-ed25519)?|heartbeat|(identities|certifications|devices)-\d+|timestamp-signer-\d+|oidc-[a-z]+)$/

/** `keys`, with every use of what it opens on record. `purpose` says in the entries what the keys are used for. */
export function auditedKeys(keys: KeyStore, audit: AuditTrail, purpose: string): KeyStore {
  const watched = (key: SigningKey) =>
    CONTINUOUS.test(key.name) ? audit.watchKey(key) : audit.loudKey(key, `${purpose}: ${key.name}`)
  return {
    create: async (name, algorithm) => watched(await keys.create(name, algorithm)),
    open: async (name) => watched(await keys.open(name)),
    has: (name) => keys.has(name),
    list: () => keys.list(),
  }
}
