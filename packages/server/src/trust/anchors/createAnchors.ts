import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import type { KeyStore, SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { Root } from '@tufjs/models'
import { openOrCreateKey } from '../openOrCreateKey.ts'
import { TUF_FOLDER } from './readRepository.ts'
import { expiryAfter, signMetadata, tufKey } from './tufMetadata.ts'
import { type OnlineTufKeys, TUF_LIFETIME_DAYS, TUF_SPEC_VERSION } from './writeRepository.ts'

/** Names of the keys. Those of the root carry the root version they first signed. */
export const tufKeyNames = { targets: 'tuf-targets', snapshot: 'tuf-snapshot', timestamp: 'tuf-timestamp' } as const

/** The first TUF root key, in the store under the passphrase. */
export const FIRST_TUF_ROOT_KEY = 'tuf-root-1'

/** What the ceremony needs. `rootKeys` is under the passphrase and not needed again before the root is renewed. */
export interface CreateAnchorsDeps {
  readonly blobs: Blobs
  readonly clock: Clock
  readonly rootKeys: KeyStore
  readonly onlineKeys: KeyStore
}

/**
 * Makes the keys of the TUF repository and its first root, `1.root.json`, valid for a year. When this resolves both are
 * durable. Called again after a crash it finishes what is missing and keeps what is there.
 * The repository is usable once `openAnchors(…).publish(…)` has published the first targets.
 */
export async function createAnchors(deps: CreateAnchorsDeps): Promise<void> {
  const rootKey = await openOrCreateKey(deps.rootKeys, FIRST_TUF_ROOT_KEY, 'ecdsa-p256')
  const keys: OnlineTufKeys = {
    targets: await openOrCreateKey(deps.onlineKeys, tufKeyNames.targets, 'ecdsa-p256'),
    snapshot: await openOrCreateKey(deps.onlineKeys, tufKeyNames.snapshot, 'ecdsa-p256'),
    timestamp: await openOrCreateKey(deps.onlineKeys, tufKeyNames.timestamp, 'ecdsa-p256'),
  }
  if ((await deps.blobs.get(`${TUF_FOLDER}1.root.json`)) !== undefined) return
  const bytes = await signMetadata(firstRoot(deps.clock.now(), rootKey, keys), [rootKey])
  await deps.blobs.putOnce(`${TUF_FOLDER}1.root.json`, bytes, { point: 'tuf.first-root' })
}

function firstRoot(now: Date, rootKey: SigningKey, keys: OnlineTufKeys): Root {
  const root = new Root({
    version: 1,
    specVersion: TUF_SPEC_VERSION,
    expires: expiryAfter(now, TUF_LIFETIME_DAYS.root),
    consistentSnapshot: true,
  })
  root.addKey(tufKey(rootKey), 'root')
  root.addKey(tufKey(keys.targets), 'targets')
  root.addKey(tufKey(keys.snapshot), 'snapshot')
  root.addKey(tufKey(keys.timestamp), 'timestamp')
  return root
}
