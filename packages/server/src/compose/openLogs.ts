import type { KeyStore, SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { addressesOf, type InstanceFacts } from '../instance/facts.ts'
import { openLog } from '../log/openLog.ts'
import { ed25519Signer, heartbeatCosigner, type LogSigner, treeHeadSigner } from '../log/signers.ts'
import type { LogDeps, LogName, TransparencyLog } from '../log/transparencyLog.ts'
import { openOrCreateKey } from '../trust/openOrCreateKey.ts'

/** The keys of one log. */
export interface LogKeys {
  /** Signs checkpoints with Ed25519, which tlog-tiles asks for. */
  readonly note: SigningKey
  /** Only of the certificate log: signs tree heads and SCTs; P-256, the only curve that all clients take. */
  readonly treeHead?: SigningKey
  /** Signs the timed cosignatures that show that the server is alive. The same key for all logs, as a witness has one. */
  readonly heartbeat: SigningKey
}

/** Opens the keys of a log, or makes them when the instance is created. */
export async function openLogKeys(keys: KeyStore, name: LogName): Promise<LogKeys> {
  const heartbeat = await openOrCreateKey(keys, 'heartbeat', 'ed25519')
  if (name !== 'certificates') return { note: await openOrCreateKey(keys, `log-${name}`, 'ed25519'), heartbeat }
  return {
    note: await openOrCreateKey(keys, `log-${name}-ed25519`, 'ed25519'),
    treeHead: await openOrCreateKey(keys, `log-${name}`, 'ecdsa-p256'),
    heartbeat,
  }
}

/** Opens one of the four logs. `issuers` (DER) are the certificates above what the certificate log holds. */
export async function openInstanceLog(
  deps: LogDeps,
  facts: InstanceFacts,
  request: { name: LogName; keys: LogKeys; issuers?: readonly Uint8Array[] },
): Promise<TransparencyLog> {
  const { name, keys, issuers } = request
  const origin = addressesOf(facts).origins[name]
  return openLog(deps, {
    name,
    origin,
    folder: `logs/${name}`,
    entriesAs: name === 'certificates' ? 'data' : 'entries',
    signers: signersOf(origin, keys),
    cosigners: [heartbeatCosigner(`${new URL(facts.publicUrl).host}/${facts.environment}/heartbeat`, keys.heartbeat)],
    ...(issuers && { issuers }),
  })
}

function signersOf(origin: string, { note, treeHead }: LogKeys): LogSigner[] {
  const ed25519 = ed25519Signer(origin, note)
  return treeHead ? [ed25519, treeHeadSigner(origin, treeHead)] : [ed25519]
}

/** Ids of the keys that only this log has, in hexadecimal. */
export function ownKeyIds({ note, treeHead }: LogKeys): ReadonlySet<string> {
  return new Set([note, ...(treeHead ? [treeHead] : [])].map(({ keyId }) => keyId))
}
