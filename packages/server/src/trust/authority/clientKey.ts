import { createPublicKey, type KeyObject } from 'node:crypto'
import { equalBytes } from '@countersign/protocol/json/base64.ts'
import { readPem } from '@countersign/protocol/x509/pem.ts'
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

/** An elliptic curve that is taken, and the only form of its keys: this prefix, then an uncompressed point. */
interface Curve {
  readonly hash: 'sha256' | 'sha384' | 'sha512'
  readonly prefix: Uint8Array
  readonly spkiBytes: number
}

// Compared instead of parsed: it refuses compressed points and explicit parameters, which many verifiers do not read,
// and having OpenSSL write the key again costs more than a signature check.
const curves: Readonly<Record<string, Curve>> = {
  prime256v1: {
    hash: 'sha256',
    prefix: Uint8Array.fromHex('3059301306072a8648ce3d020106082a8648ce3d03010703420004'),
    spkiBytes: 91,
  },
  secp384r1: {
    hash: 'sha384',
    prefix: Uint8Array.fromHex('3076301006072a8648ce3d020106052b8104002203620004'),
    spkiBytes: 120,
  },
  secp521r1: {
    hash: 'sha512',
    prefix: Uint8Array.fromHex('30819b301006072a8648ce3d020106052b810400230381860004'),
    spkiBytes: 158,
  },
}

const RSA_BITS: readonly number[] = [2048, 3072, 4096]
const RSA_EXPONENT = 65537n

/**
 * Reads a public key in PEM (SPKI, or PKCS#1 for RSA). Throws `trust.request-form` for anything else, also for a private
 * key or a certificate, `trust.key-unsupported` and `trust.key-weak`.
 */
export function clientKeyFromPem(pem: string): ClientKey {
  const pkcs1 = pem.includes('-----BEGIN RSA PUBLIC KEY-----')
  const [der, ...others] = readKeyBlocks(pem, pkcs1 ? 'RSA PUBLIC KEY' : 'PUBLIC KEY')
  if (der === undefined || others.length > 0)
    throw trustError('trust.request-form', 'there is not exactly one public key')
  return readKey(der, pkcs1 ? 'pkcs1' : 'spki')
}

/** As `clientKeyFromPem`, for the SPKI of a certificate request. */
export function clientKeyFromSpki(spki: Uint8Array): ClientKey {
  return readKey(spki, 'spki')
}

function readKeyBlocks(pem: string, label: string): Uint8Array[] {
  try {
    return readPem(pem, [label])
  } catch (cause) {
    throw trustError('trust.request-form', 'the key is not a PEM public key', { cause })
  }
}

function readKey(der: Uint8Array, type: 'spki' | 'pkcs1'): ClientKey {
  let key: KeyObject
  try {
    // node:crypto's types ask for a Buffer; any Uint8Array works.
    key = createPublicKey({ key: der as Buffer, format: 'der', type })
  } catch (cause) {
    throw trustError('trust.request-form', 'the public key cannot be read', { cause })
  }
  if (key.asymmetricKeyType === 'ec') return { key, spki: der, hash: curveHash(key, der) }
  const hash = otherHash(key)
  return { key, spki: new Uint8Array(key.export({ type: 'spki', format: 'der' })), hash }
}

function curveHash(key: KeyObject, spki: Uint8Array): Curve['hash'] {
  const curve = curves[key.asymmetricKeyDetails?.namedCurve ?? '']
  if (curve?.spkiBytes !== spki.length || !equalBytes(spki.subarray(0, curve.prefix.length), curve.prefix)) {
    throw trustError('trust.key-unsupported', 'the curve or its encoding is not taken')
  }
  return curve.hash
}

function otherHash(key: KeyObject): 'sha256' | undefined {
  if (key.asymmetricKeyType === 'ed25519') return undefined
  if (key.asymmetricKeyType !== 'rsa') {
    throw trustError('trust.key-unsupported', `keys of type ${key.asymmetricKeyType} are not taken`)
  }
  checkRsa(key)
  return 'sha256'
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
