import { createPublicKey, type KeyObject } from 'node:crypto'
import { trustError } from '../errors.ts'
import { hasWeakModulus } from './weakModulus.ts'

/** A public key that may be certified. */
export interface ClientKey {
  readonly key: KeyObject
  /** DER, as it goes into the certificate. */
  readonly spki: Uint8Array
  /** The hash a proof of possession is made with; undefined for Ed25519, which signs the message itself. */
  readonly hash: 'sha256' | 'sha384' | 'sha512' | undefined
}

// The SPKI length is checked as well: it refuses compressed points and explicit parameters, which many verifiers do not read.
const curves: Readonly<Record<string, { hash: 'sha256' | 'sha384' | 'sha512'; spkiBytes: number }>> = {
  prime256v1: { hash: 'sha256', spkiBytes: 91 },
  secp384r1: { hash: 'sha384', spkiBytes: 120 },
  secp521r1: { hash: 'sha512', spkiBytes: 158 },
}

const RSA_BITS: readonly number[] = [2048, 3072, 4096]
const RSA_EXPONENT = 65537n

/**
 * Reads a public key in PEM (SPKI, or PKCS#1 for RSA). Throws `trust.request-form` for anything else, also for a private
 * key or a certificate, `trust.key-unsupported` and `trust.key-weak`.
 */
export function clientKeyFromPem(pem: string): ClientKey {
  if (!/^\s*-----BEGIN (RSA )?PUBLIC KEY-----/.test(pem))
    throw trustError('trust.request-form', 'the key is not a PEM public key')
  return readKey({ key: pem, format: 'pem' })
}

/** As `clientKeyFromPem`, for the SPKI of a certificate request. */
export function clientKeyFromSpki(spki: Uint8Array): ClientKey {
  return readKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
}

function readKey(input: Parameters<typeof createPublicKey>[0]): ClientKey {
  let key: KeyObject
  try {
    key = createPublicKey(input)
  } catch (cause) {
    throw trustError('trust.request-form', 'the public key cannot be read', { cause })
  }
  const spki = new Uint8Array(key.export({ type: 'spki', format: 'der' }))
  return { key, spki, hash: acceptedHash(key, spki) }
}

function acceptedHash(key: KeyObject, spki: Uint8Array): ClientKey['hash'] {
  switch (key.asymmetricKeyType) {
    case 'ec': {
      const curve = curves[key.asymmetricKeyDetails?.namedCurve ?? '']
      if (curve?.spkiBytes !== spki.length)
        throw trustError('trust.key-unsupported', 'the curve or its encoding is not taken')
      return curve.hash
    }
    case 'rsa':
      checkRsa(key)
      return 'sha256'
    case 'ed25519':
      return undefined
  }
  throw trustError('trust.key-unsupported', `keys of type ${key.asymmetricKeyType} are not taken`)
}

function checkRsa(key: KeyObject): void {
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {}
  if (modulusLength === undefined || !RSA_BITS.includes(modulusLength)) {
    throw trustError('trust.key-unsupported', 'RSA keys have 2048, 3072 or 4096 bits')
  }
  if (publicExponent !== RSA_EXPONENT) throw trustError('trust.key-weak', 'the RSA exponent is not 65537')
  const modulus = BigInt(`0x${Buffer.from(key.export({ format: 'jwk' }).n as string, 'base64url').toString('hex')}`)
  if (hasWeakModulus(modulus)) throw trustError('trust.key-weak', 'the RSA modulus can be factored')
}
