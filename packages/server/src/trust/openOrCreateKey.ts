import type { KeyAlgorithm, KeyStore, SigningKey } from '@countersign/platform/keystore/keyStore.ts'

/** Opens the key `name`, or makes it. A ceremony that a crash cut short goes on with the keys it already made. */
export async function openOrCreateKey(keys: KeyStore, name: string, algorithm: KeyAlgorithm): Promise<SigningKey> {
  return (await keys.has(name)) ? keys.open(name) : keys.create(name, algorithm)
}
