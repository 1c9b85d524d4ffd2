import type { SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { importKeys, selectKey } from './importKeys.ts'
import type { TokenKeys } from './verifyIdentityToken.ts'

/** The embedded issuer's own key, used without a request to itself. */
export function embeddedKeys(key: SigningKey): TokenKeys {
  const keys = importKeys([{ ...key.publicKey.export({ format: 'jwk' }), kid: key.keyId, use: 'sig' }])
  return { find: async (kid, algorithm) => selectKey(keys, kid, algorithm) }
}
