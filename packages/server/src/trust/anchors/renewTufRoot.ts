import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import type { KeyStore, SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { Root } from '@tufjs/models'
import { trustError } from '../errors.ts'
import { openOrCreateKey } from '../openOrCreateKey.ts'
import { readLatestRoot, TUF_FOLDER } from './readRepository.ts'
import { expiryAfter, signMetadata, tufKey } from './tufMetadata.ts'
import { TUF_LIFETIME_DAYS } from './writeRepository.ts'

/** What renewing the root needs; `rootKeys` is opened with the passphrase for this operation only. */
export interface RenewTufRootDeps {
  readonly blobs: Blobs
  readonly clock: Clock
  readonly rootKeys: KeyStore
}

/** `newKey` replaces the root key; without it the same key signs for another year. */
export interface RenewTufRootRequest {
  readonly newKey: boolean
}

/**
 * Publishes the next root, valid for another year, signed by the key of the present root and by its own (specification
 * 1.0, 5.3.4). Clients follow from any earlier root. The file is the only write and appears whole or not at all.
 * Throws `trust.key-mismatch` where `rootKeys` does not hold the key that the present root names.
 */
export async function renewTufRoot(deps: RenewTufRootDeps, request: RenewTufRootRequest): Promise<{ version: number }> {
  const present = (await readLatestRoot(deps.blobs)).metadata.signed
  const oldKey = await findRootKey(deps.rootKeys, present)
  const version = present.version + 1
  const newKey = request.newKey ? await openOrCreateKey(deps.rootKeys, `tuf-root-${version}`, 'ecdsa-p256') : oldKey
  const next = nextRoot(present, newKey, expiryAfter(deps.clock.now(), TUF_LIFETIME_DAYS.root))
  const bytes = await signMetadata(next, newKey === oldKey ? [oldKey] : [oldKey, newKey])
  await deps.blobs.putOnce(`${TUF_FOLDER}${version}.root.json`, bytes, { point: 'tuf.next-root' })
  return { version }
}

function nextRoot(present: Root, key: SigningKey, expires: string): Root {
  const root = new Root({
    version: present.version + 1,
    specVersion: present.specVersion,
    expires,
    consistentSnapshot: true,
  })
  root.addKey(tufKey(key), 'root')
  for (const role of ['targets', 'snapshot', 'timestamp']) {
    for (const keyId of present.roles[role]?.keyIDs ?? []) {
      const online = present.keys[keyId]
      if (online !== undefined) root.addKey(online, role)
    }
  }
  return root
}

async function findRootKey(keys: KeyStore, root: Root): Promise<SigningKey> {
  for (const { name } of await keys.list()) {
    if (!name.startsWith('tuf-root-')) continue
    const key = await keys.open(name)
    if (root.roles.root?.keyIDs.includes(tufKey(key).keyID)) return key
  }
  throw trustError('trust.key-mismatch', 'the key that the present TUF root names is not among the root keys')
}
