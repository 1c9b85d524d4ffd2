import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { keystoreError } from './errors.ts'
import type { Wrap, WrappingKeys } from './wrappingKeys.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16

const base64 = z.base64().max(4096)

/** One stored key. Everything but `ciphertext` is public; all of it is bound to the ciphertext. */
export const keyFileSchema = z.strictObject({
  v: z.literal(1),
  name: z.string().max(64),
  algorithm: z.enum(['ecdsa-p256', 'ecdsa-p384', 'ed25519']),
  keyId: z.string().regex(/^[0-9a-f]{64}$/),
  createdAt: z.iso.datetime(),
  wrap: z.enum(['key', 'passphrase']),
  /** Of scrypt; for a key, of the check alone. */
  salt: base64,
  /** Tells a wrong passphrase from a damaged file. */
  check: base64,
  nonce: base64,
  ciphertext: base64,
})

/** One stored key, as in its file. */
export type KeyFile = z.infer<typeof keyFileSchema>

/** The fields of a key file that say which key it is. */
export type KeyDescription = Pick<KeyFile, 'name' | 'algorithm' | 'keyId' | 'createdAt'>

/** Encrypts `privateKey` (PKCS#8) with AES-256-GCM; the description is authenticated with it, so files cannot be swapped or renamed. */
export async function sealKey(
  description: KeyDescription,
  privateKey: Uint8Array,
  { kind, newSalt, keyFor }: WrappingKeys,
): Promise<KeyFile> {
  const salt = newSalt()
  const nonce = randomBytes(NONCE_BYTES)
  const wrapping = await keyFor(salt)
  const cipher = createCipheriv('aes-256-gcm', wrapping, nonce).setAAD(boundTo(description, kind))
  const ciphertext = Buffer.concat([cipher.update(privateKey), cipher.final(), cipher.getAuthTag()])
  return {
    v: 1,
    ...description,
    wrap: kind,
    salt: salt.toString('base64'),
    check: checkValue(wrapping, salt).toString('base64'),
    nonce: nonce.toString('base64'),
    ciphertext: ciphertext.toString('base64'),
  }
}

/** Decrypts what `sealKey` made. The caller wipes the result. Throws `keystore.wrong-key`, `keystore.damaged`. */
export async function unsealKey(file: KeyFile, { kind, keyFor }: WrappingKeys): Promise<Buffer> {
  if (file.wrap !== kind) {
    throw keystoreError('keystore.wrong-key', `key ${file.name} is encrypted under a ${file.wrap}, not a ${kind}`)
  }
  const salt = Buffer.from(file.salt, 'base64')
  const wrapping = await keyFor(salt)
  const check = Buffer.from(file.check, 'base64')
  const expected = checkValue(wrapping, salt)
  if (check.length !== expected.length || !timingSafeEqual(check, expected)) {
    throw keystoreError('keystore.wrong-key', `this ${kind} does not open key ${file.name}`)
  }
  const sealed = Buffer.from(file.ciphertext, 'base64')
  try {
    const decipher = createDecipheriv('aes-256-gcm', wrapping, Buffer.from(file.nonce, 'base64'), {
      authTagLength: TAG_BYTES,
    })
    decipher.setAAD(boundTo(file, file.wrap)).setAuthTag(sealed.subarray(-TAG_BYTES))
    return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()])
  } catch (error) {
    throw keystoreError('keystore.damaged', `key ${file.name} is not what was stored`, { cause: error })
  }
}

// A hash under the wrapping key is as hard to guess from as the ciphertext itself.
function checkValue(wrapping: Uint8Array, salt: Uint8Array): Buffer {
  return createHmac('sha256', wrapping).update('countersign key check v1').update(salt).digest()
}

function boundTo(description: KeyDescription, kind: Wrap['kind']): Buffer {
  const { name, algorithm, keyId, createdAt } = description
  return Buffer.from(['countersign key v1', kind, name, algorithm, keyId, createdAt].join('\n'))
}
