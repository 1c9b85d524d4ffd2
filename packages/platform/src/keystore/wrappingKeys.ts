import { randomBytes, scrypt } from 'node:crypto'

/** What the private keys of a folder are encrypted under. */
export type Wrap =
  | { readonly kind: 'key'; readonly key: Uint8Array }
  | { readonly kind: 'passphrase'; readonly passphrase: string }

/** RFC 7914: 128 MB and about half a second for each guess of a passphrase. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 2 ** 20 } as const

const SALT_BYTES = 16

/** The 32-byte keys that a `Wrap` stands for, each derived once for as long as this is held. */
export interface WrappingKeys {
  readonly kind: Wrap['kind']
  /** The salt for what is encrypted now. For a passphrase always the same one, random and made here. */
  readonly newSalt: () => Buffer
  /** The key for this salt; where the wrap is a key, that key whatever the salt. */
  readonly keyFor: (salt: Uint8Array) => Promise<Uint8Array>
}

/**
 * Opens `wrap` for one opening of a key store. All keys made in one opening share a salt, so that a passphrase is derived
 * from once: whoever guesses it opens all of them anyway, and AES-GCM needs only the nonces to differ. A salt that was read
 * from a file is never used for a new key, because whoever wrote the file may have chosen it.
 */
export function wrappingKeys(wrap: Wrap): WrappingKeys {
  if (wrap.kind === 'key') {
    return { kind: 'key', newSalt: () => randomBytes(SALT_BYTES), keyFor: async () => wrap.key }
  }
  const salt = randomBytes(SALT_BYTES)
  const derived = new Map<string, Promise<Uint8Array>>()
  return {
    kind: 'passphrase',
    newSalt: () => salt,
    keyFor(other) {
      const id = other.toHex()
      const key = derived.get(id) ?? derive(wrap.passphrase, other)
      derived.set(id, key)
      return key
    },
  }
}

function derive(passphrase: string, salt: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFC'), salt, 32, SCRYPT, (error, key) => (error ? reject(error) : resolve(key)))
  })
}
